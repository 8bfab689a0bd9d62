/* Compressing: section 7.2.1 of RFC 7692. */
#include "cws_deflate.h"
#include "deflate_pieces.h"

#include <stdlib.h>

/* Measured with results as JSON (600 bytes each, with context) and with text: level 6 is 2 % smaller and takes 1.2 to
 * 1.6 times as long, level 3 is 7 to 10 % larger and 1.5 times as fast. Memory level 8 is 0.3 % smaller and costs 64 KiB
 * more for each connection. */
enum { LEVEL = 5, MEM_LEVEL = 7 };

/* Raw deflate has no window of 8 bits in zlib. One of 9 bits does for a receiver with 8: zlib never looks back further
 * than 262 bytes less than the window, so here 250. */
enum { WINDOW_BITS_MIN = 9 };

/* Up to 7 bits are waiting, the empty block's header has 3: two bytes before the four that are left out. */
enum { TAIL_MAX = 2 + EMPTY_BLOCK_SIZE };

struct cws_deflater {
    z_stream zlib;
    bool keeps_context;
    bool has_begun; /* a byte of the message has been taken */
    /* The end of the message, once all before it has been given. */
    uint8_t tail_at;
    uint8_t tail_len;
    uint8_t tail[TAIL_MAX];
};

cws_deflater *cws_deflater_new(uint8_t window_bits, bool keeps_context)
{
    cws_deflater *deflater = calloc(1, sizeof *deflater);
    if (!deflater)
        return NULL;
    deflater->keeps_context = keeps_context;
    /* Negative: without zlib's header. */
    const int bits = -(window_bits < WINDOW_BITS_MIN ? WINDOW_BITS_MIN : window_bits);
    if (deflateInit2(&deflater->zlib, LEVEL, Z_DEFLATED, bits, MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
        cws_deflater_free(deflater);
        return NULL;
    }
    return deflater;
}

void cws_deflater_free(cws_deflater *deflater)
{
    if (!deflater)
        return;
    deflateEnd(&deflater->zlib);
    free(deflater);
}

/* Makes the end of the message, everything before it being written: the header of an empty block, padded to whole
 * bytes, without the rest of the block. That goes to a buffer of its own, since a flush that finds too little room
 * would be begun again. */
static void make_tail(cws_deflater *deflater)
{
    deflater->tail_at = 0;
    if (!deflater->has_begun) {
        /* Section 7.2.3.6. zlib refuses to flush twice with nothing in between. */
        deflater->tail[0] = 0;
        deflater->tail_len = 1;
        return;
    }
    deflater->zlib.next_in = NULL;
    deflater->zlib.avail_in = 0;
    deflater->zlib.next_out = deflater->tail;
    deflater->zlib.avail_out = TAIL_MAX;
    deflate(&deflater->zlib, Z_SYNC_FLUSH);
    deflater->tail_len = (uint8_t)(TAIL_MAX - deflater->zlib.avail_out - EMPTY_BLOCK_SIZE);
}

static size_t give_tail(cws_deflater *deflater, uint8_t *out, size_t capacity)
{
    size_t at = 0;
    while (at < capacity && deflater->tail_at < deflater->tail_len)
        out[at++] = deflater->tail[deflater->tail_at++];
    return at;
}

static void begin_message(cws_deflater *deflater)
{
    /* What deflate could answer but Z_OK is that there was nothing to do, or that its state was destroyed. */
    if (!deflater->keeps_context)
        deflateReset(&deflater->zlib);
    deflater->has_begun = false;
    deflater->tail_len = 0;
}

ptrdiff_t cws_deflate(cws_deflater *deflater, const uint8_t *in, size_t len, size_t *taken, uint8_t *out,
                      size_t capacity, bool end, bool *done)
{
    z_stream *zlib = &deflater->zlib;
    size_t written = 0;
    *taken = 0;
    *done = false;
    while (deflater->tail_len == 0) {
        const uInt in_piece = piece_of(len - *taken);
        const uInt out_piece = piece_of(capacity - written);
        zlib->next_in = in + *taken;
        zlib->avail_in = in_piece;
        zlib->next_out = out + written;
        zlib->avail_out = out_piece;
        /* Z_BLOCK ends the block and, unlike a flush, may be said again. */
        deflate(zlib, end && in_piece == len - *taken ? Z_BLOCK : Z_NO_FLUSH);
        *taken += in_piece - zlib->avail_in;
        written += out_piece - zlib->avail_out;
        deflater->has_begun |= *taken > 0;
        if (written == capacity)
            return (ptrdiff_t)written;
        if (*taken < len || zlib->avail_out == 0)
            continue;
        if (!end)
            return (ptrdiff_t)written;
        make_tail(deflater);
    }
    written += give_tail(deflater, out + written, capacity - written);
    if (deflater->tail_at == deflater->tail_len) {
        begin_message(deflater);
        *done = true;
    }
    return (ptrdiff_t)written;
}
