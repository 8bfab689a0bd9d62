/* Bytes in memory that grows with need and goes again. All zero is an empty one. */
#ifndef BUFFER_H
#define BUFFER_H

#include <stddef.h>
#include <stdint.h>

struct cws_buffer {
    uint8_t *_Nullable bytes;
    size_t start; /* the first byte that counts */
    size_t end;   /* after the last */
    size_t capacity;
};

/* Room for `len` more bytes, at most PTRDIFF_MAX in all; NULL when out of memory, with the buffer as it was. */
uint8_t *_Nullable cws_buffer_reserve(struct cws_buffer *_Nonnull buffer, size_t len);
/* The first `len` bytes of the room are filled. */
void cws_buffer_filled(struct cws_buffer *_Nonnull buffer, size_t len);
/* The first `len` bytes are used up. An empty buffer keeps at most a small block. */
void cws_buffer_used(struct cws_buffer *_Nonnull buffer, size_t len);
size_t cws_buffer_count(const struct cws_buffer *_Nonnull buffer);
/* Empties it and keeps no memory. */
void cws_buffer_clear(struct cws_buffer *_Nonnull buffer);

#endif
