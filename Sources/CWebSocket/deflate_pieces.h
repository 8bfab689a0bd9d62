/* What deflate.c and inflate.c share. */
#ifndef CWS_DEFLATE_PIECES_H
#define CWS_DEFLATE_PIECES_H

#include <stddef.h>

/* Makes next_in a pointer to const. */
#define ZLIB_CONST
#include <zlib.h>

/* The end of a message's last block, which is empty: its two lengths. It is the same for all messages, so it isn't
 * sent (section 7.2.1 of RFC 7692). */
enum { EMPTY_BLOCK_SIZE = 4 };

/* zlib counts in 32 bits, so it gets a part of what is large: at most this, which is enough to be as fast. */
enum { PIECE_MAX = 1 << 20 };

static inline uInt piece_of(size_t size)
{
    return size < PIECE_MAX ? (uInt)size : PIECE_MAX;
}

#endif
