/* What the C targets share. An input is text for the code under test, followed by bytes that say how to call it, so
 * that a corpus is files of such text with a few bytes more. Where the calls themselves are the subject, they are taken
 * from its beginning instead. */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *_Nonnull data, size_t size);

#define REQUIRE(condition)                                                                                             \
    ((condition) ? (void)0 : (fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition), abort()))

struct input {
    const uint8_t *_Nonnull bytes;
    size_t len;
};

/* Takes the last byte off; 0 when there is none. */
static inline uint8_t take_option(struct input *_Nonnull input)
{
    return input->len == 0 ? 0 : input->bytes[--input->len];
}

/* Takes the first byte off; 0 when there is none. */
static inline uint8_t take_first(struct input *_Nonnull input)
{
    if (input->len == 0)
        return 0;
    input->len--;
    return *input->bytes++;
}

static inline uint64_t take_number(struct input *_Nonnull input)
{
    uint64_t number = 0;
    for (size_t i = 0; i < sizeof number; i++)
        number = number << 8 | take_option(input);
    return number;
}

/* A block of exactly this size, also if that is none, so that the sanitizer lets nobody touch what is behind it. */
static inline uint8_t *_Nonnull exact_block(size_t len)
{
    uint8_t *block = malloc(len); // NOLINT(clang-analyzer-optin.portability.UnixAPI)
    REQUIRE(block);
    return block;
}

static inline uint8_t *_Nonnull exact_copy(const uint8_t *_Nonnull bytes, size_t len)
{
    return memcpy(exact_block(len), bytes, len);
}

/* Bytes that are gathered from pieces. */
struct gathered {
    uint8_t *_Nullable bytes;
    size_t len;
    size_t capacity;
};

static inline void gather(struct gathered *_Nonnull gathered, const void *_Nullable bytes, size_t len)
{
    if (!gathered->bytes || gathered->capacity - gathered->len < len) {
        gathered->capacity = (gathered->len + len) * 2 + 64;
        gathered->bytes = realloc(gathered->bytes, gathered->capacity);
        REQUIRE(gathered->bytes);
    }
    if (len > 0)
        memcpy(gathered->bytes + gathered->len, bytes, len);
    gathered->len += len;
}

static inline void gather_byte(struct gathered *_Nonnull gathered, uint8_t byte)
{
    gather(gathered, &byte, 1);
}

static inline bool is_same(const struct gathered *_Nonnull a, const struct gathered *_Nonnull b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->bytes, b->bytes, a->len) == 0);
}

static inline bool begins_with(const struct gathered *_Nonnull gathered, const struct gathered *_Nonnull prefix)
{
    return gathered->len >= prefix->len &&
           (prefix->len == 0 || memcmp(gathered->bytes, prefix->bytes, prefix->len) == 0);
}

#endif
