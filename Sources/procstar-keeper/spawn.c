/* Carrying out a plan. All that can fail is done before the process is made, so what runs is always known. */
#define _GNU_SOURCE

#include "calls.h"
#include "clinux.h"
#include "keeper.h"

#include <sys/mman.h>

static int copies[2 * KEEPER_PAIR_LIMIT];

static int long_lived_copy(const struct keeper *keeper, int fd)
{
    const int copy = CALL(fcntl, fd, F_DUPFD_CLOEXEC, keeper->long_lived_floor);
    return copy < 0 ? -errno : copy;
}

int hold_copy(const struct keeper *keeper, struct held **list, uint32_t tag, int fd)
{
    const int copy = long_lived_copy(keeper, fd);
    const int result = copy < 0 ? copy : held_put(list, tag, copy);
    if (copy >= 0 && result < 0)
        (void)close(copy);
    return result;
}

/* ---- strings ---- */

/* Finds the text, mapping it if it is in a memfd: 0 or -errno. There it is used where it lies, so it must not change or
 * shrink. */
static int find_text(const struct request *request, const char **text)
{
    const struct keeper_spawn *spawn = &request->spawn;
    *text = keeper_spawn_parts(spawn).text;
    if (spawn->text_index == KEEPER_NONE)
        return 0;
    const int fd = request->fds[spawn->text_index];
    const int needed = F_SEAL_SHRINK | F_SEAL_WRITE;
    const int seals = fcntl(fd, F_GET_SEALS);
    struct stat status;
    if (seals < 0 || (seals & needed) != needed || fstat(fd, &status) < 0 || status.st_size < (off_t)spawn->text_length)
        return -EBADMSG;
    void *memory = CALL_MEMORY(MAP_FAILED, mmap, NULL, spawn->text_length, PROT_READ, MAP_PRIVATE, fd, 0);
    if (memory == MAP_FAILED)
        return -errno;
    *text = memory;
    return 0;
}

/* ---- descriptors ---- */

/* Numbers the plan needs before the process is there. */
struct prepared {
    int pidfd; /* a number that is kept free for it */
    struct held *held;
};

static int prepare(struct keeper *keeper, const struct request *request, struct prepared *prepared)
{
    const int reserved = children_reserve(&keeper->children);
    if (reserved < 0)
        return reserved;
    prepared->pidfd = long_lived_copy(keeper, keeper->null);
    if (prepared->pidfd < 0)
        return prepared->pidfd;
    const struct keeper_hold_tag *holds = keeper_spawn_parts(&request->spawn).holds;
    for (size_t i = 0; i < request->spawn.hold_count; i++) {
        const int held = hold_copy(keeper, &prepared->held, holds[i].tag, request->fds[holds[i].index]);
        if (held < 0)
            return held;
    }
    return 0;
}

static void release(struct prepared *prepared)
{
    if (prepared->pidfd >= 0)
        (void)close(prepared->pidfd);
    held_drop_all(&prepared->held);
}

/* Moves descriptors out of the way: to above every number that the child is to have. Then the copies need no order. */
static int lift_sources(struct request *request, int close_from)
{
    const struct keeper_pair *pairs = keeper_spawn_parts(&request->spawn).pairs;
    for (size_t i = 0; i < request->spawn.pair_count; i++) {
        int *source = &request->fds[pairs[i].index];
        if (*source < close_from) {
            const int lifted = CALL(fcntl, *source, F_DUPFD_CLOEXEC, close_from);
            if (lifted < 0)
                return -errno;
            (void)close(*source);
            *source = lifted;
        }
        copies[2 * i] = *source;
        copies[2 * i + 1] = (int)pairs[i].target;
    }
    return 0;
}

static int first_closed(const struct keeper_spawn *spawn)
{
    const struct keeper_pair *pairs = keeper_spawn_parts(spawn).pairs;
    uint32_t first = 0;
    for (size_t i = 0; i < spawn->pair_count; i++)
        if (pairs[i].target >= first)
            first = pairs[i].target + 1;
    return (int)first;
}

/* ---- the process ---- */

/* Makes the process: 0, or -errno and the stage that failed. */
static int start(struct keeper *keeper, struct request *request, char **strings, pid_t *pid, int *pidfd,
                 enum keeper_stage *stage)
{
    const struct keeper_spawn *spawn = &request->spawn;
    const int close_from = first_closed(spawn);
    const int lifted = lift_sources(request, close_from);
    if (lifted < 0)
        return lifted;
    const struct clinux_spawn_plan plan = {
        .executable = strings[0],
        .argv = strings + 1,
        .envp = strings + spawn->argument_count + 2,
        .copies = copies,
        .copy_count = spawn->pair_count,
        /* What lies between is close-on-exec, like all that the keeper has. */
        .close_count = 0,
        .close_from = close_from,
        .working_directory =
            spawn->directory_index == KEEPER_NONE ? keeper->directory : request->fds[spawn->directory_index],
        .file_limit = spawn->file_limit,
        /* The keeper has no handler, and ignores nothing. */
        .reset_signals = 0,
    };
    enum clinux_spawn_stage failed = CLINUX_SPAWN_CLONE;
    const int result = CALL_PLAIN(clinux_spawn, &plan, pid, pidfd, &failed);
    if (result < 0)
        *stage = KEEPER_STAGE_CLONE + (unsigned)failed;
    return result;
}

/* Prepares, starts, remembers and answers: 0, or -errno and the stage that failed. */
static int start_and_answer(struct keeper *keeper, struct request *request, char **strings, enum keeper_stage *stage)
{
    struct prepared prepared = {.pidfd = -1};
    pid_t pid = 0;
    int pidfd = -1;
    int result = prepare(keeper, request, &prepared);
    if (result == 0)
        result = start(keeper, request, strings, &pid, &pidfd, stage);
    if (result < 0) {
        release(&prepared);
        return result;
    }
    /* Onto the number that was kept for it: this can't fail for want of one. */
    (void)dup3(pidfd, prepared.pidfd, O_CLOEXEC);
    (void)close(pidfd);
    const uint64_t token = request->head.token;
    (void)children_add(&keeper->children, token, pid, prepared.pidfd, prepared.held);
    answer_spawned(&keeper->connection, token, pid, prepared.pidfd);
    return 0;
}

int spawn_child(struct keeper *keeper, struct request *request)
{
    const struct keeper_spawn *spawn = &request->spawn;
    const char *const sent = keeper_spawn_parts(spawn).text;
    const char *text = sent;
    enum keeper_stage stage = KEEPER_STAGE_REQUEST;
    const size_t count = (size_t)spawn->argument_count + spawn->variable_count + 3;
    char **strings = CALL_MEMORY(NULL, malloc, count * sizeof *strings);
    int result = strings ? find_text(request, &text) : -ENOMEM;
    if (result == 0)
        result = keeper_split_text(text, spawn->text_length, spawn->argument_count, spawn->variable_count, strings);
    if (result == 0 && children_by_token(&keeper->children, spawn->head.token))
        result = -EEXIST;
    if (result == 0)
        result = start_and_answer(keeper, request, strings, &stage);
    if (result < 0 && result != -EBADMSG)
        answer_not_spawned(&keeper->connection, spawn->head.token, stage, -result);
    if (text != sent)
        (void)munmap((void *)text, spawn->text_length);
    free((void *)strings);
    return result == -EBADMSG ? result : 0;
}
