#include "tls_internal.h"

#include <stdlib.h>
#include <string.h>

/* Room for the small records that make up a handshake. */
enum { SMALLEST = 1024 };

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t cws_tls_ring_front(const struct cws_tls_ring *ring, const uint8_t **bytes)
{
    *bytes = ring->len ? ring->bytes + ring->at : NULL;
    return smaller(ring->len, ring->capacity - ring->at);
}

bool cws_tls_ring_reserve(struct cws_tls_ring *ring, size_t len)
{
    const size_t needed = ring->len + len;
    if (needed <= ring->capacity)
        return true;
    size_t capacity = ring->capacity ? ring->capacity * 2 : SMALLEST;
    if (capacity < needed)
        capacity = needed;
    uint8_t *bytes = malloc(capacity);
    if (!bytes)
        return false;
    if (ring->len) {
        const size_t front = smaller(ring->len, ring->capacity - ring->at);
        memcpy(bytes, ring->bytes + ring->at, front);
        memcpy(bytes + front, ring->bytes, ring->len - front);
    }
    free(ring->bytes);
    *ring = (struct cws_tls_ring){.bytes = bytes, .capacity = capacity, .len = ring->len};
    return true;
}

bool cws_tls_ring_append(struct cws_tls_ring *ring, const uint8_t *bytes, size_t len)
{
    if (!cws_tls_ring_reserve(ring, len))
        return false;
    const size_t end = (ring->at + ring->len) % ring->capacity;
    const size_t front = smaller(len, ring->capacity - end);
    memcpy(ring->bytes + end, bytes, front);
    memcpy(ring->bytes, bytes + front, len - front);
    ring->len += len;
    return true;
}

void cws_tls_ring_drop(struct cws_tls_ring *ring, size_t len)
{
    if (len >= ring->len) {
        cws_tls_ring_clear(ring);
        return;
    }
    ring->at = (ring->at + len) % ring->capacity;
    ring->len -= len;
}

void cws_tls_ring_clear(struct cws_tls_ring *ring)
{
    free(ring->bytes);
    *ring = (struct cws_tls_ring){0};
}
