/* What the keeper says. There is one answer at a time: the next request is read when it has been sent. */
#include "keeper.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Begins an answer: the fixed part of a message, all zero behind its head. */
static struct answer *begin(struct connection *connection, enum keeper_kind kind, uint64_t token, size_t length, int fd)
{
    struct answer *answer = &connection->answer;
    memset(answer->bytes, 0, length);
    answer->head = (struct keeper_head){.kind = (uint32_t)kind, .length = (uint32_t)length, .token = token};
    answer->length = length;
    answer->fd = fd;
    return answer;
}

static void append_stat(struct answer *answer, const struct record *record)
{
    memcpy(answer->bytes + answer->length, record->stat, record->outcome.stat_length);
    answer->length += record->outcome.stat_length;
    answer->head.length = (uint32_t)answer->length;
}

void answer_done(struct connection *connection, const struct keeper_head *request, int error)
{
    struct answer *answer = begin(connection, KEEPER_DONE, request->token, sizeof answer->done, -1);
    answer->done.request = request->kind;
    answer->done.error = error;
}

void answer_welcome(struct keeper *keeper, uint32_t version)
{
    struct answer *answer = begin(&keeper->connection, KEEPER_WELCOME, 0, sizeof answer->welcome, keeper->ledger);
    answer->welcome.version = version;
    answer->welcome.pid = getpid();
    answer->welcome.children = keeper->children.count;
}

void answer_spawned(struct connection *connection, uint64_t token, pid_t pid, int pidfd)
{
    begin(connection, KEEPER_SPAWNED, token, sizeof(struct keeper_spawned), pidfd)->spawned.pid = pid;
}

void answer_not_spawned(struct connection *connection, uint64_t token, enum keeper_stage stage, int error)
{
    struct answer *answer = begin(connection, KEEPER_SPAWNED, token, sizeof answer->spawned, -1);
    answer->spawned.error = error;
    answer->spawned.stage = (uint32_t)stage;
}

void answer_collected(struct connection *connection, enum keeper_kind kind, uint64_t token, const struct record *record)
{
    struct answer *answer = begin(connection, kind, token, sizeof answer->collected, -1);
    answer->collected.outcome = record->outcome;
    append_stat(answer, record);
}

/* ---- the hand-over ---- */

static enum keeper_state state_of(const struct child *child)
{
    if (child->is_reaped)
        return KEEPER_ENDED;
    return child->is_recorded ? KEEPER_ZOMBIE : KEEPER_RUNNING;
}

static int answer_child(struct keeper *keeper, slot which)
{
    const struct child *child = &keeper->children.slots[which];
    struct record record = {0};
    const int result = child->is_recorded ? records_read(keeper->records, which, &record) : 0;
    if (result < 0)
        return result;
    struct answer *answer = begin(&keeper->connection, KEEPER_CHILD, child->token, sizeof answer->child, child->pidfd);
    answer->child.pid = child->pid;
    answer->child.state = (uint32_t)state_of(child);
    answer->child.outcome = record.outcome;
    append_stat(answer, &record);
    keeper->connection.hand_over.next_held = child->held;
    return 0;
}

int answer_next_of_hand_over(struct keeper *keeper)
{
    struct hand_over *hand_over = &keeper->connection.hand_over;
    const struct children *children = &keeper->children;
    const struct held *held = hand_over->next_held;
    if (held) {
        const uint64_t token = children->slots[hand_over->next - 1].token;
        begin(&keeper->connection, KEEPER_HELD, token, sizeof(struct keeper_tagged), held->fd)->held.tag = held->tag;
        hand_over->next_held = held->next;
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
    (void)begin(&keeper->connection, KEEPER_END, 0, sizeof(struct keeper_head), -1);
    hand_over->is_under_way = false;
    return 0;
}
