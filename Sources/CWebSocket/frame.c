#include "cws_frame.h"

#include <string.h>

/* The bits of the first two bytes; section 5.2. */
enum { FIN = 0x80, RSV = CWS_RSV1 | CWS_RSV2 | CWS_RSV3, OPCODE = 0x0f, CONTROL = 0x08 };
enum { MASKED = 0x80, LEN7 = 0x7f, LEN7_IS_16_BIT = 126, LEN7_IS_64_BIT = 127 };

static bool opcode_is_known(uint8_t opcode)
{
    return opcode <= CWS_OPCODE_BINARY || (opcode >= CWS_OPCODE_CLOSE && opcode <= CWS_OPCODE_PONG);
}

/* What the first byte says, judged by itself. 0 or a cws_error. */
static int check_first(uint8_t opcode, bool fin, uint8_t rsv, uint8_t agreed)
{
    const bool begins_message = opcode == CWS_OPCODE_TEXT || opcode == CWS_OPCODE_BINARY;
    if (rsv & ~(begins_message ? agreed & RSV : 0))
        return CWS_ERR_RESERVED_BITS;
    if (!opcode_is_known(opcode))
        return CWS_ERR_OPCODE;
    if ((opcode & CONTROL) && !fin)
        return CWS_ERR_FRAGMENTED_CONTROL;
    return 0;
}

/* Reads an extended length of `width` bytes, of which `len` are there.
 * Returns `width`, 0 when more are needed, or a cws_error. */
static int decode_extended(const uint8_t *buf, size_t len, size_t width, uint64_t limit, uint64_t *out)
{
    const uint64_t shortest = width == 2 ? LEN7_IS_16_BIT : UINT64_C(1) << 16;
    /* What the length can still be; each byte narrows it. */
    uint64_t least = 0;
    uint64_t most = width == 2 ? UINT16_MAX : UINT64_MAX;
    for (size_t at = 0;; at++) {
        if (least >> 63 || most < shortest)
            return CWS_ERR_LENGTH_ENCODING;
        if (least > limit || shortest > limit)
            return CWS_ERR_TOO_BIG;
        if (at == width)
            break;
        if (at == len)
            return 0;
        const size_t shift = (width - 1 - at) * 8;
        least += (uint64_t)buf[at] << shift;
        most -= (uint64_t)(UINT8_MAX - buf[at]) << shift;
    }
    *out = least;
    return (int)width;
}

int cws_frame_decode(const uint8_t *buf, size_t len, const struct cws_frame_rules *rules, struct cws_frame_header *out)
{
    if (len < 1)
        return 0;
    struct cws_frame_header header = {.opcode = buf[0] & OPCODE, .rsv = buf[0] & RSV, .fin = buf[0] & FIN};
    const int error = check_first(header.opcode, header.fin, header.rsv, rules->rsv);
    if (error)
        return error;

    if (len < 2)
        return 0;
    header.masked = buf[1] & MASKED;
    header.payload_len = buf[1] & LEN7;
    if (header.masked != (rules->receiver == CWS_ROLE_SERVER))
        return header.masked ? CWS_ERR_MASKED : CWS_ERR_UNMASKED;
    const bool control = header.opcode & CONTROL;
    if (control && header.payload_len > CWS_CONTROL_PAYLOAD_MAX)
        return CWS_ERR_CONTROL_TOO_LONG;

    size_t at = 2;
    if (header.payload_len >= LEN7_IS_16_BIT) {
        const size_t width = header.payload_len == LEN7_IS_16_BIT ? 2 : 8;
        const int extended = decode_extended(buf + at, len - at, width, rules->max_payload, &header.payload_len);
        if (extended <= 0)
            return extended;
        at += width;
    } else if (!control && header.payload_len > rules->max_payload) {
        return CWS_ERR_TOO_BIG;
    }

    if (header.masked) {
        if (len < at + CWS_MASK_SIZE)
            return 0;
        memcpy(header.mask, buf + at, CWS_MASK_SIZE);
        at += CWS_MASK_SIZE;
    }
    *out = header;
    return (int)at;
}

static size_t extended_width(uint64_t payload_len)
{
    if (payload_len < LEN7_IS_16_BIT)
        return 0;
    return payload_len >> 16 ? 8 : 2;
}

int cws_frame_encode(const struct cws_frame_header *header, uint8_t buf[CWS_HEADER_MAX])
{
    const int error = check_first(header->opcode, header->fin, header->rsv, RSV);
    if (error)
        return error;
    if ((header->opcode & CONTROL) && header->payload_len > CWS_CONTROL_PAYLOAD_MAX)
        return CWS_ERR_CONTROL_TOO_LONG;
    if (header->payload_len >> 63)
        return CWS_ERR_LENGTH_ENCODING;

    const size_t width = extended_width(header->payload_len);
    const uint64_t len7 = width == 0 ? header->payload_len : width == 2 ? LEN7_IS_16_BIT : LEN7_IS_64_BIT;
    buf[0] = (uint8_t)((header->fin ? FIN : 0) | header->rsv | header->opcode);
    buf[1] = (uint8_t)((header->masked ? MASKED : 0) | len7);

    size_t at = 2;
    for (size_t left = width; left > 0; left--)
        buf[at++] = (uint8_t)(header->payload_len >> (left - 1) * 8);
    if (header->masked) {
        memcpy(buf + at, header->mask, CWS_MASK_SIZE);
        at += CWS_MASK_SIZE;
    }
    return (int)at;
}
