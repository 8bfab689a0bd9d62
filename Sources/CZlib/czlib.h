/* zlib as Swift can call it: its init functions are macros. */
#ifndef CZLIB_H
#define CZLIB_H

#include <zlib.h>

/* deflateInit2(3) for one gzip stream; returns a zlib code. */
static inline int czlib_gzip_init(z_stream *_Nonnull stream, int level)
{
    return deflateInit2(stream, level, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY);
}

/* inflateInit2(3) for raw deflate data, without header or trailer. */
static inline int czlib_raw_inflate_init(z_stream *_Nonnull stream)
{
    return inflateInit2(stream, -MAX_WBITS);
}

#endif
