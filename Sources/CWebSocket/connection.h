/* What the files of the connection share. */
#ifndef CONNECTION_H
#define CONNECTION_H

#include "buffer.h"
#include "cws_connection.h"
#include "cws_deflate.h"
#include "cws_utf8.h"

/* Masks made at a time: the random source costs far more per call than per byte. */
#define MASK_POOL 64

/* Where in the stream of frames the receiver stands. */
enum phase {
    PHASE_HEADER,
    PHASE_CONTROL, /* in the payload of a control frame */
    PHASE_DATA,    /* in the payload of a data frame, or with more of it in the inflater */
};

struct receiver {
    enum phase phase;
    int error; /* once failed */

    uint8_t head[CWS_HEADER_MAX]; /* as much of a header as has come */
    uint8_t head_len;
    struct cws_frame_header frame;
    uint64_t at; /* how much of its payload is taken */
    uint8_t control[CWS_CONTROL_PAYLOAD_MAX];

    uint8_t opcode; /* of the message under way; CWS_OPCODE_CONTINUATION when none is */
    bool compressed;
    bool announced;    /* its first piece has been delivered */
    bool holds_output; /* the inflater may have more than it could give */
    struct cws_utf8 text;
    uint64_t received; /* bytes of the message so far, decompressed */

    struct cws_buffer gathered; /* of the message; without whole_messages the latest decompressed piece */
    bool delivered;             /* what is gathered has been lent out, and goes with the next call */
    cws_inflater *_Nullable inflater;
};

struct sender {
    struct cws_buffer output;

    uint8_t opcode;                   /* of the message under way; CWS_OPCODE_CONTINUATION when none is */
    bool begun;                       /* its first frame is out, so continuations follow */
    bool ended;                       /* its last frame is out: the known length was reached */
    bool broken;                      /* it can't be ended any more */
    enum cws_compression compression; /* decided for good, ON or OFF, with the first bytes */
    uint64_t length;
    uint64_t sent; /* bytes of the message taken */
    struct cws_utf8 text;
    cws_deflater *_Nullable deflater;

    /* The latest ping that couldn't be answered for lack of room; section 5.5.3 allows to skip those before. */
    bool pong_waits;
    uint8_t pong_len;
    uint8_t pong[CWS_CONTROL_PAYLOAD_MAX];

    uint8_t masks[MASK_POOL * CWS_MASK_SIZE];
    uint8_t masks_left;
};

struct cws_connection {
    struct cws_connection_config config;
    enum cws_state state;
    struct receiver in;
    struct sender out;
};

/* Appends a frame, whatever room there is. 0 or a cws_error, with nothing appended. */
int cws_put_frame(struct cws_connection *_Nonnull connection, uint8_t opcode, uint8_t rsv, bool fin,
                  const uint8_t *_Nullable payload, size_t len);

/* Answers a ping now, or as soon as there is room; not after a close frame. */
void cws_answer_ping(struct cws_connection *_Nonnull connection, const uint8_t *_Nonnull payload, size_t len);

#endif
