#include "buffer.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The first block: a few small messages. It is also what an empty buffer keeps, so that small traffic allocates once. */
#define SMALL 1024

uint8_t *cws_buffer_reserve(struct cws_buffer *buffer, size_t len)
{
    const size_t count = buffer->end - buffer->start;
    if (buffer->bytes && buffer->capacity - buffer->end >= len)
        return buffer->bytes + buffer->end;
    if (len > PTRDIFF_MAX - count)
        return NULL;
    const size_t wanted = count + len;
    /* Moves at most twice as many bytes as were used up since the last time. In one that is almost full it would
     * otherwise come again at every turn. */
    if (buffer->bytes && wanted <= buffer->capacity && count / 2 <= buffer->start) {
        memmove(buffer->bytes, buffer->bytes + buffer->start, count);
    } else {
        size_t capacity = buffer->capacity > PTRDIFF_MAX / 2 ? wanted : buffer->capacity * 2;
        if (capacity < wanted)
            capacity = wanted;
        if (capacity < SMALL)
            capacity = SMALL;
        /* With nothing used up it may grow where it is. */
        const bool grows = !buffer->bytes || buffer->start == 0;
        uint8_t *bytes = grows ? realloc(buffer->bytes, capacity) : malloc(capacity);
        if (!bytes)
            return NULL;
        if (!grows) {
            memcpy(bytes, buffer->bytes + buffer->start, count);
            free(buffer->bytes);
        }
        buffer->bytes = bytes;
        buffer->capacity = capacity;
    }
    buffer->start = 0;
    buffer->end = count;
    return buffer->bytes + count;
}

void cws_buffer_filled(struct cws_buffer *buffer, size_t len)
{
    buffer->end += len;
}

void cws_buffer_used(struct cws_buffer *buffer, size_t len)
{
    buffer->start += len;
    if (buffer->start < buffer->end)
        return;
    if (buffer->capacity > SMALL)
        cws_buffer_clear(buffer);
    buffer->start = 0;
    buffer->end = 0;
}

size_t cws_buffer_count(const struct cws_buffer *buffer)
{
    return buffer->end - buffer->start;
}

void cws_buffer_clear(struct cws_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct cws_buffer){0};
}
