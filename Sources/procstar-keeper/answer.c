/* What the keeper says. There is one answer at a time: the next request is read when it has been sent. */
#include "keeper.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Begins an answer: the fixed part of a message, without its length. */
static void begin(struct answer *answer, enum keeper_kind kind, uint64_t token, void *message, size_t length)
{
    struct keeper_head *head = message;
    *head = (struct keeper_head){.kind = (uint32_t)kind, .token = token};
    memcpy(answer->bytes, message, length);
    answer->length = length;
    answer->fd_count = 0;
}

static void append(struct answer *answer, const void *bytes, size_t length)
{
    memcpy(answer->bytes + answer->length, bytes, length);
    answer->length += length;
}

static void finish(struct answer *answer)
{
    ((struct keeper_head *)(void *)answer->bytes)->length = (uint32_t)answer->length;
}

void answer_done(struct connection *connection, const struct keeper_head *request, int error)
{
    struct keeper_done done = {.request = request->kind, .error = error};
    begin(&connection->answer, KEEPER_DONE, request->token, &done, sizeof done);
    finish(&connection->answer);
}

void answer_welcome(struct keeper *keeper, uint32_t version)
{
    struct answer *answer = &keeper->connection.answer;
    struct keeper_welcome welcome = {.version = version, .pid = getpid(), .children = keeper->children.count};
    begin(answer, KEEPER_WELCOME, 0, &welcome, sizeof welcome);
    if (keeper->ledger >= 0)
        answer->fds[answer->fd_count++] = keeper->ledger;
    finish(answer);
}

void answer_spawned(struct connection *connection, uint64_t token, pid_t pid, int pidfd)
{
    struct keeper_spawned spawned = {.pid = pid};
    begin(&connection->answer, KEEPER_SPAWNED, token, &spawned, sizeof spawned);
    connection->answer.fds[connection->answer.fd_count++] = pidfd;
    finish(&connection->answer);
}

void answer_not_spawned(struct connection *connection, uint64_t token, enum keeper_stage stage, int error)
{
    struct keeper_spawned spawned = {.error = error, .stage = (uint32_t)stage};
    begin(&connection->answer, KEEPER_SPAWNED, token, &spawned, sizeof spawned);
    finish(&connection->answer);
}

void answer_collected(struct connection *connection, enum keeper_kind kind, uint64_t token, const struct record *record)
{
    struct keeper_collected collected = {
        .status = record->status, .stat_length = record->stat_length, .usage = record->usage};
    begin(&connection->answer, kind, token, &collected, sizeof collected);
    append(&connection->answer, record->stat, record->stat_length);
    finish(&connection->answer);
}

/* ---- the hand-over ---- */

/* Takes up to KEEPER_HELD_LIMIT of a child's held descriptors, from `*next` on, into the answer: how many. */
static uint32_t take_held(const struct children *children, struct answer *answer, uint32_t *next, uint32_t *tags)
{
    uint32_t count = 0;
    for (; *next && count < KEEPER_HELD_LIMIT; *next = children->held[*next].next) {
        answer->fds[answer->fd_count++] = children->held[*next].fd;
        tags[count++] = children->held[*next].tag;
    }
    return count;
}

static uint32_t held_count(const struct children *children, const struct child *child)
{
    uint32_t count = 0;
    for (uint32_t next = child->held; next; next = children->held[next].next)
        count++;
    return count;
}

static enum keeper_state state_of(const struct child *child)
{
    if (child->is_reaped)
        return KEEPER_ENDED;
    return child->is_recorded ? KEEPER_ZOMBIE : KEEPER_RUNNING;
}

static int answer_child(struct keeper *keeper, slot which)
{
    struct answer *answer = &keeper->connection.answer;
    const struct child *child = &keeper->children.slots[which];
    struct record record = {0};
    const int result = child->is_recorded ? records_read(keeper->records, which, &record) : 0;
    if (result < 0)
        return result;
    struct keeper_child message = {
        .pid = child->pid,
        .state = (uint32_t)state_of(child),
        .held_count = held_count(&keeper->children, child),
        .status = record.status,
        .stat_length = record.stat_length,
        .usage = record.usage,
    };
    begin(answer, KEEPER_CHILD, child->token, &message, sizeof message);
    if (!child->is_reaped)
        answer->fds[answer->fd_count++] = child->pidfd;
    uint32_t tags[KEEPER_HELD_LIMIT];
    keeper->connection.hand_over.next_held = child->held;
    const uint32_t count = take_held(&keeper->children, answer, &keeper->connection.hand_over.next_held, tags);
    ((struct keeper_child *)(void *)answer->bytes)->tag_count = count;
    append(answer, tags, count * sizeof *tags);
    append(answer, record.stat, record.stat_length);
    finish(answer);
    return 0;
}

static void answer_held(struct keeper *keeper, slot which)
{
    struct answer *answer = &keeper->connection.answer;
    struct keeper_held message = {.tag_count = 0};
    begin(answer, KEEPER_HELD, keeper->children.slots[which].token, &message, sizeof message);
    uint32_t tags[KEEPER_HELD_LIMIT];
    const uint32_t count = take_held(&keeper->children, answer, &keeper->connection.hand_over.next_held, tags);
    ((struct keeper_held *)(void *)answer->bytes)->tag_count = count;
    append(answer, tags, count * sizeof *tags);
    finish(answer);
}

int answer_next_of_hand_over(struct keeper *keeper)
{
    struct hand_over *hand_over = &keeper->connection.hand_over;
    const struct children *children = &keeper->children;
    if (hand_over->next_held) {
        answer_held(keeper, hand_over->next - 1);
        return 0;
    }
    while (hand_over->next < children->slots_used && children->slots[hand_over->next].token == 0)
        hand_over->next++;
    if (hand_over->next < children->slots_used) {
        const int result = answer_child(keeper, hand_over->next);
        if (result == 0)
            hand_over->next++;
        return result;
    }
    struct keeper_head end;
    begin(&keeper->connection.answer, KEEPER_END, 0, &end, sizeof end);
    finish(&keeper->connection.answer);
    hand_over->is_under_way = false;
    return 0;
}
