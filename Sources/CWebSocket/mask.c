/* Masking, eight bytes a turn. The loops are plain so that the compiler turns
 * them into vector instructions; memcpy stands for an unaligned load or store. */
#include "cws_frame.h"

#include <string.h>

/* The mask twice, as memory holds it, beginning with the byte for `offset`. */
static uint64_t mask_word(const uint8_t mask[CWS_MASK_SIZE], uint64_t offset)
{
    uint8_t bytes[sizeof(uint64_t)];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = mask[(offset + i) % CWS_MASK_SIZE];
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

void cws_mask(uint8_t *bytes, size_t len, const uint8_t mask[CWS_MASK_SIZE], uint64_t offset)
{
    const uint64_t key = mask_word(mask, offset);
    const size_t whole = len - len % sizeof key;
    for (size_t at = 0; at < whole; at += sizeof key) {
        uint64_t word;
        memcpy(&word, bytes + at, sizeof word);
        word ^= key;
        memcpy(bytes + at, &word, sizeof word);
    }
    for (size_t at = whole; at < len; at++)
        bytes[at] ^= mask[(offset + at) % CWS_MASK_SIZE];
}

void cws_mask_copy(uint8_t *restrict to, const uint8_t *restrict from, size_t len, const uint8_t mask[CWS_MASK_SIZE],
                   uint64_t offset)
{
    const uint64_t key = mask_word(mask, offset);
    const size_t whole = len - len % sizeof key;
    for (size_t at = 0; at < whole; at += sizeof key) {
        uint64_t word;
        memcpy(&word, from + at, sizeof word);
        word ^= key;
        memcpy(to + at, &word, sizeof word);
    }
    for (size_t at = whole; at < len; at++)
        to[at] = from[at] ^ mask[(offset + at) % CWS_MASK_SIZE];
}
