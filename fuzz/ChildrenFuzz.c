/* The keeper's table of children, against a plain list of them: any order of adding, holding, dropping, reaping and
 * forgetting, with pids that come again. Every descriptor is closed once, and none is lost. */
#include "input.h"

#include <unistd.h>

/* What the table closes, in place of close(2). */
static int close_in_model(int fd);
#ifndef __clang_analyzer__ /* which looks at that file by itself */
#define close close_in_model
#include "../Sources/procstar-keeper/children.c" // NOLINT(bugprone-suspicious-include)
#undef close
#else
#include "../Sources/procstar-keeper/children.h"
#include <errno.h>
#endif

enum { TOKENS = 200, TAGS = 4, PIDS = 16, FDS = 1 << 16 };

/* The plain list: by token, from 1. */
static struct {
    bool is_known;
    bool is_reaped;
    pid_t pid;
    int pidfd;
    int held[TAGS]; /* 0: none */
} model[TOKENS + 1];

static bool is_open[FDS];
static int next_fd;

static int open_in_model(void)
{
    REQUIRE(next_fd + 1 < FDS);
    is_open[++next_fd] = true;
    return next_fd;
}

static int close_in_model(int fd)
{
    REQUIRE(fd > 0 && fd <= next_fd && is_open[fd]);
    is_open[fd] = false;
    return 0;
}

static bool pid_is_taken(pid_t pid)
{
    for (size_t i = 1; i <= TOKENS; i++)
        if (model[i].is_known && !model[i].is_reaped && model[i].pid == pid)
            return true;
    return false;
}

static void add(struct children *children, uint64_t token, pid_t pid)
{
    if (model[token].is_known || pid_is_taken(pid))
        return;
    REQUIRE(children_reserve(children) == 0);
    model[token].is_known = true;
    model[token].is_reaped = false;
    model[token].pid = pid;
    model[token].pidfd = open_in_model();
    (void)children_add(children, token, pid, model[token].pidfd, NULL);
}

static void hold(struct children *children, uint64_t token, uint32_t tag)
{
    const slot which = children_by_token(children, token);
    if (!which)
        return;
    const int fd = open_in_model();
    REQUIRE(children->slots && held_put(&children->slots[which].held, tag, fd) == 0);
    REQUIRE(!model[token].held[tag] || !is_open[model[token].held[tag]]);
    model[token].held[tag] = fd;
}

static void drop(struct children *children, uint64_t token, uint32_t tag)
{
    const slot which = children_by_token(children, token);
    if (!which)
        return;
    REQUIRE(children->slots && held_drop(&children->slots[which].held, tag) == (model[token].held[tag] ? 0 : -ENOENT));
    model[token].held[tag] = 0;
}

static void end(struct children *children, uint64_t token)
{
    const slot which = children_by_token(children, token);
    if (!which)
        return;
    if (!model[token].is_reaped) {
        children_reaped(children, which);
        model[token].is_reaped = true;
        return;
    }
    children_forget(children, which);
    model[token].is_known = false;
    for (size_t tag = 0; tag < TAGS; tag++)
        model[token].held[tag] = 0;
}

static void check_held(const struct child *child, uint64_t token)
{
    size_t count = 0;
    for (const struct held *held = child->held; held; held = held->next, count++)
        REQUIRE(model[token].held[held->tag] == held->fd);
    for (size_t tag = 0; tag < TAGS; tag++)
        count -= model[token].held[tag] != 0;
    REQUIRE(count == 0);
}

static void check(struct children *children)
{
    size_t count = 0;
    size_t unreaped = 0;
    size_t open = 0;
    for (uint64_t token = 1; token <= TOKENS; token++) {
        const slot which = children_by_token(children, token);
        REQUIRE((which != 0) == model[token].is_known);
        if (!which)
            continue;
        REQUIRE(children->slots);
        const struct child *child = &children->slots[which];
        REQUIRE(child->token == token && child->is_reaped == model[token].is_reaped);
        REQUIRE(child->is_reaped || (child->pid == model[token].pid && child->pidfd == model[token].pidfd &&
                                     children_by_pid(children, child->pid) == which));
        check_held(child, token);
        count++;
        unreaped += !child->is_reaped;
        open += !child->is_reaped;
        for (size_t tag = 0; tag < TAGS; tag++)
            open += model[token].held[tag] != 0;
    }
    for (pid_t pid = 1; pid <= PIDS * PIDS; pid++)
        REQUIRE((children_by_pid(children, pid) != 0) == pid_is_taken(pid));
    for (int fd = 1; fd <= next_fd; fd++)
        open -= is_open[fd];
    REQUIRE(children->count == count && children->unreaped == unreaped && open == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {.bytes = data, .len = size < 4096 ? size : 4096};
    struct children children = {0};
    memset(model, 0, sizeof model);
    memset(is_open, 0, sizeof is_open);
    next_fd = 0;
    while (input.len > 0) {
        const uint8_t act = take_first(&input);
        const uint64_t token = 1 + take_first(&input) % TOKENS;
        switch (act & 3) {
            case 0:
                add(&children, token, 1 + act / 4 % PIDS * PIDS);
                break;
            case 1:
                hold(&children, token, act / 4 % TAGS);
                break;
            case 2:
                drop(&children, token, act / 4 % TAGS);
                break;
            default:
                end(&children, token);
                break;
        }
        if (input.len < 8 || input.len % 64 == 0)
            check(&children);
    }
    check(&children);
    for (slot which = 1; which < children.slots_used; which++)
        held_drop_all(&children.slots[which].held);
    free(children.slots);
    return 0;
}
