/* The reader of messages: nothing here touches a descriptor, or memory outside of the message. */
#define _GNU_SOURCE

#include "CKeeper.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* dup3(2) takes an int; close_range starts one above. */
#define TARGET_LIMIT 0x40000000U

static int verdict(bool good)
{
    return good ? 0 : -EBADMSG;
}

struct keeper_spawn_parts keeper_spawn_parts(const struct keeper_spawn *spawn)
{
    const struct keeper_pair *pairs = (const struct keeper_pair *)(spawn + 1);
    const struct keeper_hold_tag *holds = (const struct keeper_hold_tag *)(pairs + spawn->pair_count);
    return (struct keeper_spawn_parts){
        .pairs = pairs, .holds = holds, .text = (const char *)(holds + spawn->hold_count)};
}

static bool pairs_are_good(const struct keeper_spawn *spawn, const struct keeper_pair *pairs)
{
    for (size_t i = 0; i < spawn->pair_count; i++)
        if (pairs[i].target >= TARGET_LIMIT || pairs[i].index >= spawn->descriptor_count || pairs[i].reserved != 0)
            return false;
    return true;
}

static bool holds_are_good(const struct keeper_spawn *spawn, const struct keeper_hold_tag *holds)
{
    for (size_t i = 0; i < spawn->hold_count; i++)
        if (holds[i].index >= spawn->descriptor_count || holds[i].reserved != 0)
            return false;
    return true;
}

static bool spawn_is_good(const struct keeper_spawn *spawn, size_t length, size_t descriptors)
{
    const bool is_inline = spawn->text_index == KEEPER_NONE;
    if (spawn->descriptor_count != descriptors || spawn->pair_count > KEEPER_PAIR_LIMIT ||
        spawn->hold_count > KEEPER_DESCRIPTOR_LIMIT || spawn->reserved != 0 || spawn->head.token == 0)
        return false;
    if ((!is_inline && spawn->text_index >= descriptors) ||
        (spawn->directory_index != KEEPER_NONE && spawn->directory_index >= descriptors))
        return false;
    /* Each string has at least its NUL. */
    if (spawn->text_length > KEEPER_TEXT_LIMIT ||
        (uint64_t)spawn->argument_count + spawn->variable_count + 1 > spawn->text_length)
        return false;
    const size_t expected = sizeof *spawn + spawn->pair_count * sizeof(struct keeper_pair) +
                            spawn->hold_count * sizeof(struct keeper_hold_tag) + (is_inline ? spawn->text_length : 0);
    if (length != expected)
        return false;
    const struct keeper_spawn_parts parts = keeper_spawn_parts(spawn);
    return pairs_are_good(spawn, parts.pairs) && holds_are_good(spawn, parts.holds);
}

/* A later version may have put more into HELLO, so no more of it is looked at than what all versions share. */
static bool hello_is_good(const struct keeper_hello *hello, size_t length, size_t descriptors)
{
    if (length < sizeof *hello || hello->magic != KEEPER_MAGIC || hello->version == 0)
        return false;
    return hello->version != KEEPER_VERSION ||
           (length == sizeof *hello && descriptors <= 1 && hello->reserved == 0 && hello->umask <= 0777);
}

static bool tagged_is_good(const struct keeper_tagged *tagged, size_t length)
{
    return length == sizeof *tagged && tagged->reserved == 0 && tagged->head.token != 0;
}

/* Whether the head is there and tells the length. */
static bool head_is_good(const struct keeper_head *head, size_t length)
{
    return length >= sizeof *head && length <= KEEPER_MESSAGE_LIMIT && head->length == length;
}

int keeper_check_request(const void *bytes, size_t length, size_t descriptors)
{
    const struct keeper_head *head = bytes;
    if (!head_is_good(head, length))
        return -EBADMSG;
    const bool is_bare = length == sizeof *head && descriptors == 0;
    switch (head->kind) {
        case KEEPER_HELLO:
            return verdict(head->token == 0 && hello_is_good(bytes, length, descriptors));
        case KEEPER_SPAWN:
            return verdict(length >= sizeof(struct keeper_spawn) && spawn_is_good(bytes, length, descriptors));
        case KEEPER_COLLECT:
        case KEEPER_REAP:
        case KEEPER_FORGET:
            return verdict(is_bare && head->token != 0);
        case KEEPER_HOLD:
            return verdict(descriptors == 1 && tagged_is_good(bytes, length));
        case KEEPER_DROP:
            return verdict(descriptors == 0 && tagged_is_good(bytes, length));
        case KEEPER_LEDGER:
            return verdict(length == sizeof *head && descriptors == 1 && head->token == 0);
        case KEEPER_GOODBYE:
            return verdict(is_bare && head->token == 0);
        default:
            return -EBADMSG;
    }
}

static bool outcome_is_good(const struct keeper_outcome *outcome, size_t length_with_text)
{
    return outcome->stat_length <= KEEPER_STAT_LIMIT && length_with_text == sizeof *outcome + outcome->stat_length;
}

static bool child_is_good(const struct keeper_child *child, size_t length, size_t descriptors)
{
    return length >= sizeof *child && child->head.token != 0 && child->pid > 0 && child->state >= KEEPER_RUNNING &&
           child->state <= KEEPER_ENDED && descriptors == (child->state != KEEPER_ENDED ? 1U : 0U) &&
           outcome_is_good(&child->outcome, length - offsetof(struct keeper_child, outcome));
}

static bool spawned_is_good(const struct keeper_spawned *spawned, size_t length, size_t descriptors)
{
    if (length != sizeof *spawned || spawned->head.token == 0 || spawned->reserved != 0)
        return false;
    return spawned->error == 0 ? spawned->pid > 0 && spawned->stage == KEEPER_STAGE_NONE && descriptors == 1
                               : spawned->error > 0 && spawned->pid == 0 && spawned->stage > KEEPER_STAGE_NONE &&
                                     spawned->stage <= KEEPER_STAGE_EXEC && descriptors == 0;
}

static bool collected_is_good(const struct keeper_collected *collected, size_t length, size_t descriptors)
{
    return length >= sizeof *collected && descriptors == 0 && collected->head.token != 0 &&
           outcome_is_good(&collected->outcome, length - offsetof(struct keeper_collected, outcome));
}

int keeper_check_answer(const void *bytes, size_t length, size_t descriptors)
{
    const struct keeper_head *head = bytes;
    if (!head_is_good(head, length))
        return -EBADMSG;
    switch (head->kind) {
        case KEEPER_WELCOME:
            return verdict(length == sizeof(struct keeper_welcome) && descriptors <= 1);
        case KEEPER_REFUSED:
            return verdict(length == sizeof(struct keeper_refused) && descriptors == 0);
        case KEEPER_CHILD:
            return verdict(child_is_good(bytes, length, descriptors));
        case KEEPER_HELD:
            return verdict(descriptors == 1 && tagged_is_good(bytes, length));
        case KEEPER_END:
            return verdict(length == sizeof *head && descriptors == 0);
        case KEEPER_SPAWNED:
            return verdict(spawned_is_good(bytes, length, descriptors));
        case KEEPER_COLLECTED:
        case KEEPER_REAPED:
            return verdict(collected_is_good(bytes, length, descriptors));
        case KEEPER_DONE:
            return verdict(length == sizeof(struct keeper_done) && descriptors == 0);
        default:
            return -EBADMSG;
    }
}

/* The end of the string that begins at `from`, or NULL if it doesn't end. */
static const char *string_end(const char *from, const char *end)
{
    return from < end ? memchr(from, 0, (size_t)(end - from)) : NULL;
}

int keeper_split_text(const char *text, size_t length, uint32_t arguments, uint32_t variables, char **strings)
{
    const size_t count = (size_t)arguments + variables + 1;
    const char *const end = text + length;
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        const char *nul = string_end(text, end);
        if (!nul)
            return -EBADMSG;
        strings[at++] = (char *)text;
        if (i == arguments)
            strings[at++] = NULL;
        text = nul + 1;
    }
    strings[at] = NULL;
    return verdict(text == end);
}
