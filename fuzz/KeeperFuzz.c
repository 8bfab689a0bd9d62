/* The reader of messages between an agent and its keeper: whatever it accepts lies within the message, and says the same
 * as a plain reading of it; nothing shorter or with other descriptors is accepted. */
#include "CKeeper.h"
#include "input.h"

/* What a SPAWN refers to, looked at byte by byte. */
static void check_spawn(const struct keeper_spawn *spawn, size_t len, size_t descriptors)
{
    const struct keeper_spawn_parts parts = keeper_spawn_parts(spawn);
    const char *const end = (const char *)spawn + len;
    REQUIRE(spawn->descriptor_count == descriptors && spawn->head.token != 0);
    for (size_t i = 0; i < spawn->pair_count; i++)
        REQUIRE(parts.pairs[i].index < descriptors && parts.pairs[i].target < INT32_MAX);
    for (size_t i = 0; i < spawn->hold_count; i++)
        REQUIRE(parts.holds[i].index < descriptors);
    REQUIRE(spawn->directory_index == KEEPER_NONE || spawn->directory_index < descriptors);
    if (spawn->text_index != KEEPER_NONE) {
        REQUIRE(spawn->text_index < descriptors && parts.text == end);
        return;
    }
    REQUIRE(parts.text + spawn->text_length == end);

    size_t nuls = 0;
    for (size_t i = 0; i < spawn->text_length; i++)
        nuls += parts.text[i] == 0;
    const size_t count = (size_t)spawn->argument_count + spawn->variable_count + 1;
    char **strings = (char **)(void *)exact_block((count + 2) * sizeof(char *));
    const bool is_split =
        keeper_split_text(parts.text, spawn->text_length, spawn->argument_count, spawn->variable_count, strings) == 0;
    REQUIRE(is_split == (nuls == count && end[-1] == 0));
    if (is_split) {
        REQUIRE(strings[0] == parts.text && !strings[spawn->argument_count + 1] && !strings[count + 1]);
        const char *next = parts.text;
        for (size_t i = 0; i < count + 1; i++) {
            if (i == spawn->argument_count + (size_t)1)
                continue;
            REQUIRE(strings[i] == next);
            next += strlen(next) + 1;
        }
    }
    free((void *)strings);
}

static void check_child(const struct keeper_child *child, size_t len, size_t descriptors)
{
    REQUIRE(descriptors <= 1 && child->outcome.stat_length <= KEEPER_STAT_LIMIT);
    REQUIRE(len == sizeof *child + child->outcome.stat_length);
}

/* No part of a message is one. HELLO of other versions may have any length. */
static void check_cuts(const uint8_t *bytes, size_t len, size_t descriptors,
                       int (*check)(const void *_Nonnull, size_t, size_t))
{
    for (size_t cut = 0; cut < len; cut += 1 + len / 64) {
        uint8_t *prefix = exact_copy(bytes, cut);
        REQUIRE(check(prefix, cut, descriptors) < 0);
        free(prefix);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {.bytes = data, .len = size};
    const uint8_t flags = take_option(&input);
    const size_t descriptors = take_option(&input);
    uint8_t *bytes = exact_copy(input.bytes, input.len);
    struct keeper_head *head = (struct keeper_head *)(void *)bytes;
    /* The right length is hard to guess. */
    if (flags & 1 && input.len >= sizeof *head)
        head->length = (uint32_t)input.len;
    if (flags & 2) {
        if (keeper_check_answer(bytes, input.len, descriptors) == 0) {
            if (head->kind == KEEPER_CHILD)
                check_child((const struct keeper_child *)(void *)bytes, input.len, descriptors);
            check_cuts(bytes, input.len, descriptors, keeper_check_answer);
        }
    } else if (keeper_check_request(bytes, input.len, descriptors) == 0) {
        if (head->kind == KEEPER_SPAWN)
            check_spawn((const struct keeper_spawn *)(void *)bytes, input.len, descriptors);
        check_cuts(bytes, input.len, descriptors, keeper_check_request);
    }
    free(bytes);
    return 0;
}
