/* The frames of RFC 6455, section 5: headers, and the masking of payloads.
 *
 * Nothing here reads, allocates or remembers. What depends on earlier frames
 * (a continuation without a beginning, a text that is not UTF-8) is for the
 * caller to judge. */
#ifndef CWS_FRAME_H
#define CWS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A header is 2 bytes, up to 8 of extended length, and a 4-byte mask. */
#define CWS_HEADER_MAX 14
#define CWS_MASK_SIZE 4
/* Section 5.5: control frames carry at most 125 bytes and never fragment. */
#define CWS_CONTROL_PAYLOAD_MAX 125

/* Negative returns. Zero and above are byte counts, as in read(2).
 * cws_error_close_code tells what to close the connection with. */
enum cws_error {
    CWS_ERR_RESERVED_BITS = -1, /* RSV1-3 set where no extension agreed on it */
    CWS_ERR_OPCODE = -2,        /* 0x3-0x7 or 0xb-0xf */
    CWS_ERR_FRAGMENTED_CONTROL = -3,
    CWS_ERR_CONTROL_TOO_LONG = -4,
    CWS_ERR_LENGTH_ENCODING = -5, /* not the shortest form, or bit 63 set */
    CWS_ERR_UNMASKED = -6,        /* from a client; section 5.1 */
    CWS_ERR_MASKED = -7,          /* from a server; section 5.1 */
    CWS_ERR_TOO_BIG = -8,         /* above the limit that the caller set */
    CWS_ERR_UTF8 = -9,
    CWS_ERR_CLOSE_LENGTH = -10, /* a close payload of one byte, which is half a code */
    CWS_ERR_CLOSE_CODE = -11,   /* one that may not stand in a close frame */
    CWS_ERR_DEFLATE = -12,      /* not what RFC 7692 makes of a message */
    CWS_ERR_MEMORY = -13,       /* there is none left */
    CWS_ERR_CONTINUATION = -14, /* of a message that hasn't begun */
    CWS_ERR_UNFINISHED = -15,   /* a message begins within another */
    CWS_ERR_STATE = -16,        /* a call that doesn't fit what went before */
    CWS_ERR_FULL = -17,         /* no room now; later there may be */
    CWS_ERR_RANDOM = -18,       /* the system's random source failed */
};

/* Section 5.2. Bit 3 is what makes a control frame. */
enum cws_opcode {
    CWS_OPCODE_CONTINUATION = 0x0,
    CWS_OPCODE_TEXT = 0x1,
    CWS_OPCODE_BINARY = 0x2,
    CWS_OPCODE_CLOSE = 0x8,
    CWS_OPCODE_PING = 0x9,
    CWS_OPCODE_PONG = 0xa,
};

/* The reserved bits, where they stand in the first byte. */
enum cws_rsv { CWS_RSV1 = 0x40, CWS_RSV2 = 0x20, CWS_RSV3 = 0x10 };

enum cws_role { CWS_ROLE_CLIENT, CWS_ROLE_SERVER };

struct cws_frame_header {
    uint8_t opcode; /* enum cws_opcode */
    uint8_t rsv;    /* enum cws_rsv, or-ed; 0 without extensions */
    bool fin;
    bool masked;
    uint8_t mask[CWS_MASK_SIZE]; /* zero unless masked */
    uint64_t payload_len;
};

/* What the receiver of a frame insists on. */
struct cws_frame_rules {
    enum cws_role receiver; /* a server takes masked frames only, a client unmasked ones */
    /* The bits that an extension gave a meaning. As permessage-deflate has it
     * (RFC 7692, section 6), that is for the first frame of a message:
     * continuations and control frames never carry one. */
    uint8_t rsv;
    uint64_t max_payload; /* of a data frame; UINT64_MAX for no limit but the format's */
};

/* Decodes one header from the `len` bytes at `buf` into `*out`.
 *
 * Returns the header's size in bytes, 0 when `len` is too short to tell (call
 * again with more; nothing is remembered), or a cws_error. `*out` is written
 * only when the return value is positive. An error is reported as soon as the
 * bytes that prove it have arrived, also within the length, so a bad peer is
 * dropped early; which error it is doesn't depend on how the bytes arrive. */
int cws_frame_decode(const uint8_t *_Nonnull buf, size_t len, const struct cws_frame_rules *_Nonnull rules,
                     struct cws_frame_header *_Nonnull out);

/* Writes a header to `buf`, its length in the shortest form.
 *
 * Returns the header's size in bytes, or the cws_error that a decoder would
 * answer such a header with, whatever it has agreed to; then nothing is
 * written. `mask` is looked at only if `masked`. */
int cws_frame_encode(const struct cws_frame_header *_Nonnull header, uint8_t buf[_Nonnull CWS_HEADER_MAX]);

/* Masks or unmasks, which is the same (section 5.3), `len` bytes in place.
 *
 * `offset` is where in the frame's payload `bytes` stands, so that a payload
 * may be taken in pieces of any size. No alignment is needed. */
void cws_mask(uint8_t *_Nonnull bytes, size_t len, const uint8_t mask[_Nonnull CWS_MASK_SIZE], uint64_t offset);

/* The same from one place to another; the two may not overlap. */
void cws_mask_copy(uint8_t *_Nonnull restrict to, const uint8_t *_Nonnull restrict from, size_t len,
                   const uint8_t mask[_Nonnull CWS_MASK_SIZE], uint64_t offset);

#endif
