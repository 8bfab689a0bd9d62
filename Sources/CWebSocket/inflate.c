/* Decompressing: section 7.2.2 of RFC 7692. */
#include "cws_deflate.h"
#include "deflate_pieces.h"

#include <stdlib.h>

static const uint8_t EMPTY_BLOCK[EMPTY_BLOCK_SIZE] = {0x00, 0x00, 0xff, 0xff};

/* zlib's data_type: no bits are left over, the block isn't the last one, and it has just ended. */
enum { BLOCK_HAS_ENDED = 128 };

struct cws_inflater {
    z_stream zlib;
    bool keeps_context;
    bool is_fresh; /* at the beginning of a message, or just after a block with BFINAL */
    uint8_t tail_taken;
    int8_t error; /* once failed */
};

cws_inflater *cws_inflater_new(uint8_t window_bits, bool keeps_context)
{
    cws_inflater *inflater = calloc(1, sizeof *inflater);
    if (!inflater)
        return NULL;
    inflater->keeps_context = keeps_context;
    inflater->is_fresh = true;
    /* Negative: without zlib's header. It takes the memory for the window when there is something to put there, even if
     * that is nothing. */
    if (inflateInit2(&inflater->zlib, -window_bits) != Z_OK ||
        inflateSetDictionary(&inflater->zlib, EMPTY_BLOCK, 0) != Z_OK) {
        cws_inflater_free(inflater);
        return NULL;
    }
    return inflater;
}

void cws_inflater_free(cws_inflater *inflater)
{
    if (!inflater)
        return;
    inflateEnd(&inflater->zlib);
    free(inflater);
}

static ptrdiff_t fail(cws_inflater *inflater, int error)
{
    inflater->error = (int8_t)error;
    return error;
}

static void begin_message(cws_inflater *inflater)
{
    if (!inflater->keeps_context)
        inflateReset(&inflater->zlib);
    inflater->is_fresh = true;
    inflater->tail_taken = 0;
}

/* Gives zlib the `*in_len` bytes at `in` and room for `*out_len`; sets both to what it made of them. */
static int step(cws_inflater *inflater, const uint8_t *in, size_t *in_len, uint8_t *out, size_t *out_len)
{
    z_stream *zlib = &inflater->zlib;
    const uInt in_piece = piece_of(*in_len);
    const uInt out_piece = piece_of(*out_len);
    zlib->next_in = in;
    zlib->avail_in = in_piece;
    zlib->next_out = out;
    zlib->avail_out = out_piece;
    const int result = inflate(zlib, Z_SYNC_FLUSH);
    *in_len = in_piece - zlib->avail_in;
    *out_len = out_piece - zlib->avail_out;

    if (*in_len > 0)
        inflater->is_fresh = false;
    switch (result) {
        case Z_OK:
        case Z_BUF_ERROR: /* nothing could be done */
            return 0;
        case Z_STREAM_END:
            /* Goes on at the next byte, the window as it is. Taking it out and putting it back in, which would need
             * documented functions only, would cost 64 KiB of copying for each two bytes of a hostile payload. */
            inflateResetKeep(zlib);
            inflater->is_fresh = true;
            return 0;
        case Z_MEM_ERROR:
            return CWS_ERR_MEMORY;
        default:
            return CWS_ERR_DEFLATE;
    }
}

ptrdiff_t cws_inflate(cws_inflater *inflater, const uint8_t *in, size_t len, size_t *taken, uint8_t *out,
                      size_t capacity, bool end, bool *done)
{
    size_t written = 0;
    *taken = 0;
    *done = false;
    if (inflater->error)
        return inflater->error;
    for (;;) {
        const bool in_tail = end && *taken == len;
        if (in_tail && inflater->is_fresh && inflater->tail_taken == 0)
            break;
        const uint8_t *from = in_tail ? EMPTY_BLOCK + inflater->tail_taken : in + *taken;
        size_t used = in_tail ? (size_t)(EMPTY_BLOCK_SIZE - inflater->tail_taken) : len - *taken;
        size_t made = capacity - written;
        const int error = step(inflater, from, &used, out + written, &made);
        if (error)
            return fail(inflater, error);
        written += made;
        if (in_tail)
            inflater->tail_taken += (uint8_t)used;
        else
            *taken += used;

        if (inflater->tail_taken == EMPTY_BLOCK_SIZE && inflater->zlib.data_type == BLOCK_HAS_ENDED)
            break;
        if (used > 0 || made > 0)
            continue;
        if (in_tail && written < capacity)
            return fail(inflater, CWS_ERR_DEFLATE);
        return (ptrdiff_t)written;
    }
    begin_message(inflater);
    *done = true;
    return (ptrdiff_t)written;
}
