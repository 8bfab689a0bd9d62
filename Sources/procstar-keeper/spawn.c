/* Carrying out a plan. All that can fail is done before the process is made, so what runs is always known. */
#define _GNU_SOURCE

#include "calls.h"
#include "clinux.h"
#include "keeper.h"

#include <limits.h>
#include <sys/mman.h>

/* Pointers to the strings of most plans; for others, memory is mapped. */
#define STRING_LIMIT 512

static char *few_strings[STRING_LIMIT];
static int copies[2 * KEEPER_PAIR_LIMIT];

struct block {
    void *memory;
    size_t length; /* 0: not mapped */
};

static void unmap(struct block block)
{
    if (block.length > 0)
        (void)munmap(block.memory, block.length);
}

int long_lived_copy(const struct keeper *keeper, int fd)
{
    const int copy = CALL(fcntl, fd, F_DUPFD_CLOEXEC, keeper->long_lived_floor);
    return copy < 0 ? -errno : copy;
}

/* The text is used where it lies, so it must not change or shrink. */
static int map_text(int fd, size_t length, struct block *text)
{
    const int needed = F_SEAL_SHRINK | F_SEAL_WRITE;
    const int seals = fcntl(fd, F_GET_SEALS);
    struct stat status;
    if (seals < 0 || (seals & needed) != needed || fstat(fd, &status) < 0 || status.st_size < (off_t)length)
        return -EBADMSG;
    void *memory = CALL_MEMORY(MAP_FAILED, mmap, NULL, length, PROT_READ, MAP_PRIVATE, fd, 0);
    if (memory == MAP_FAILED)
        return -errno;
    *text = (struct block){memory, length};
    return 0;
}

static int map_strings(size_t count, struct block *strings)
{
    *strings = (struct block){few_strings, 0};
    if (count <= STRING_LIMIT)
        return 0;
    const size_t length = count * sizeof(char *);
    void *memory =
        CALL_MEMORY(MAP_FAILED, mmap, NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return -errno;
    *strings = (struct block){memory, length};
    return 0;
}

/* ---- descriptors ---- */

/* Numbers the plan needs before the process is there. */
struct prepared {
    int pidfd; /* a number that is kept free for it */
    int held[KEEPER_DESCRIPTOR_LIMIT];
    size_t held_count;
};

static void release(struct prepared *prepared)
{
    if (prepared->pidfd >= 0)
        (void)close(prepared->pidfd);
    for (size_t i = 0; i < prepared->held_count; i++)
        (void)close(prepared->held[i]);
}

static int prepare(struct keeper *keeper, const struct keeper_spawn *spawn, const struct request *request,
                   struct prepared *prepared)
{
    *prepared = (struct prepared){.pidfd = -1};
    const int reserved = children_reserve(&keeper->children, spawn->hold_count);
    if (reserved < 0)
        return reserved;
    prepared->pidfd = long_lived_copy(keeper, keeper->null);
    if (prepared->pidfd < 0)
        return prepared->pidfd;
    const struct keeper_hold_tag *holds = keeper_spawn_parts(spawn).holds;
    for (; prepared->held_count < spawn->hold_count; prepared->held_count++) {
        const int copy = long_lived_copy(keeper, request->fds[holds[prepared->held_count].index]);
        if (copy < 0)
            return copy;
        prepared->held[prepared->held_count] = copy;
    }
    return 0;
}

/* Moves descriptors out of the way: to above every number that the child is to have. Then the copies need no order. */
static int lift_sources(const struct keeper_spawn *spawn, struct request *request, int close_from)
{
    const struct keeper_pair *pairs = keeper_spawn_parts(spawn).pairs;
    for (size_t i = 0; i < spawn->pair_count; i++) {
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

struct failure {
    enum keeper_stage stage;
    int error; /* -errno */
};

static struct failure at_stage(enum keeper_stage stage, int error)
{
    return (struct failure){stage, error};
}

static struct failure start(struct keeper *keeper, struct request *request, char **strings, pid_t *pid, int *pidfd)
{
    const struct keeper_spawn *spawn = (const struct keeper_spawn *)(const void *)request->bytes;
    const int close_from = first_closed(spawn);
    const int lifted = lift_sources(spawn, request, close_from);
    if (lifted < 0)
        return at_stage(KEEPER_STAGE_REQUEST, lifted);
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
    enum clinux_spawn_stage stage = CLINUX_SPAWN_CLONE;
    const int result = CALL_PLAIN(clinux_spawn, &plan, pid, pidfd, &stage);
    return at_stage(result < 0 ? KEEPER_STAGE_CLONE + (unsigned)stage : KEEPER_STAGE_NONE, result);
}

static slot adopt(struct keeper *keeper, const struct keeper_spawn *spawn, const struct prepared *prepared, pid_t pid,
                  int pidfd)
{
    /* Onto the number that was kept for it: this can't fail for want of one. */
    (void)dup3(pidfd, prepared->pidfd, O_CLOEXEC);
    (void)close(pidfd);
    const slot which = children_add(&keeper->children, spawn->head.token, pid, prepared->pidfd);
    const struct keeper_hold_tag *holds = keeper_spawn_parts(spawn).holds;
    for (size_t i = 0; i < prepared->held_count; i++)
        children_hold(&keeper->children, which, holds[i].tag, prepared->held[i]);
    return which;
}

static void start_and_answer(struct keeper *keeper, struct request *request, char **strings)
{
    const struct keeper_spawn *spawn = (const struct keeper_spawn *)(const void *)request->bytes;
    const uint64_t token = spawn->head.token;
    struct prepared prepared;
    pid_t pid = 0;
    int pidfd = -1;
    struct failure failure = at_stage(KEEPER_STAGE_REQUEST, prepare(keeper, spawn, request, &prepared));
    if (failure.error == 0)
        failure = start(keeper, request, strings, &pid, &pidfd);
    if (failure.error < 0) {
        release(&prepared);
        answer_not_spawned(&keeper->connection, token, failure.stage, -failure.error);
        return;
    }
    const slot which = adopt(keeper, spawn, &prepared, pid, pidfd);
    answer_spawned(&keeper->connection, token, pid, keeper->children.slots[which].pidfd);
}

int spawn_child(struct keeper *keeper, struct request *request)
{
    const struct keeper_spawn *spawn = (const struct keeper_spawn *)(const void *)request->bytes;
    if (children_by_token(&keeper->children, spawn->head.token)) {
        answer_not_spawned(&keeper->connection, spawn->head.token, KEEPER_STAGE_REQUEST, EEXIST);
        return 0;
    }
    struct block text = {(void *)keeper_spawn_parts(spawn).text, 0};
    struct block strings = {NULL, 0};
    int result = 0;
    if (spawn->text_index != KEEPER_NONE)
        result = map_text(request->fds[spawn->text_index], spawn->text_length, &text);
    if (result == 0)
        result = map_strings((size_t)spawn->argument_count + spawn->variable_count + 3, &strings);
    if (result == 0)
        result = keeper_split_text(text.memory, spawn->text_length, spawn->argument_count, spawn->variable_count,
                                   strings.memory);
    if (result == 0)
        start_and_answer(keeper, request, strings.memory);
    else if (result != -EBADMSG)
        answer_not_spawned(&keeper->connection, spawn->head.token, KEEPER_STAGE_REQUEST, -result);
    unmap(text);
    unmap(strings);
    return result == -EBADMSG ? result : 0;
}
