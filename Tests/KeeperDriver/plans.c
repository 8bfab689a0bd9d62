/* Plans, put together and sent. */
#define _GNU_SOURCE

#include "driver.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

static uint16_t index_of(struct plan *plan, int fd)
{
    for (size_t i = 0; i < plan->fd_count; i++)
        if (plan->fds[i] == fd)
            return (uint16_t)i;
    plan->fds[plan->fd_count] = fd;
    return (uint16_t)plan->fd_count++;
}

void map_fd(struct plan *plan, int fd, uint32_t target)
{
    plan->pairs[plan->pair_count][0] = target;
    plan->pairs[plan->pair_count++][1] = index_of(plan, fd);
}

void hold_fd(struct plan *plan, int fd, uint32_t tag)
{
    plan->holds[plan->hold_count][0] = tag;
    plan->holds[plan->hold_count++][1] = index_of(plan, fd);
}

static char text[1 << 23];

static uint32_t append_string(uint32_t length, const char *string)
{
    const size_t size = strlen(string) + 1;
    REQUIRE(length + size <= sizeof text);
    memcpy(text + length, string, size);
    return length + (uint32_t)size;
}

static void put(struct plan *plan, const void *bytes, size_t length)
{
    REQUIRE(plan->length + length <= sizeof plan->bytes);
    memcpy(plan->bytes + plan->length, bytes, length);
    plan->length += length;
}

static uint16_t text_memfd(struct plan *plan, uint32_t length)
{
    const int fd = memfd_create("text", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    REQUIRE(fd >= 0 && write(fd, text, length) == (ssize_t)length);
    REQUIRE(plan->seals == 0 || fcntl(fd, F_ADD_SEALS, plan->seals) == 0);
    return index_of(plan, fd);
}

void finish_plan(struct plan *plan, uint64_t token)
{
    static char *const no_environment[] = {NULL};
    char *const *environment = plan->environment ? plan->environment : no_environment;
    struct keeper_spawn spawn = {.head = {.kind = KEEPER_SPAWN, .token = token},
                                 .file_limit = plan->file_limit ? plan->file_limit : 1024,
                                 .text_index = KEEPER_NONE,
                                 .directory_index = KEEPER_NONE,
                                 .pair_count = (uint16_t)plan->pair_count,
                                 .hold_count = (uint16_t)plan->hold_count};
    spawn.text_length = append_string(0, plan->executable ? plan->executable : plan->argv[0]);
    for (; plan->argv[spawn.argument_count]; spawn.argument_count++)
        spawn.text_length = append_string(spawn.text_length, plan->argv[spawn.argument_count]);
    for (; environment[spawn.variable_count]; spawn.variable_count++)
        spawn.text_length = append_string(spawn.text_length, environment[spawn.variable_count]);
    if (plan->in_memfd)
        spawn.text_index = text_memfd(plan, spawn.text_length);
    if (plan->directory > 0)
        spawn.directory_index = index_of(plan, plan->directory);
    spawn.descriptor_count = (uint16_t)plan->fd_count;
    plan->length = 0;
    put(plan, &spawn, sizeof spawn);
    for (size_t i = 0; i < plan->pair_count; i++)
        put(plan, &(struct keeper_pair){.target = plan->pairs[i][0], .index = (uint16_t)plan->pairs[i][1]},
            sizeof(struct keeper_pair));
    for (size_t i = 0; i < plan->hold_count; i++)
        put(plan, &(struct keeper_hold_tag){.tag = plan->holds[i][0], .index = (uint16_t)plan->holds[i][1]},
            sizeof(struct keeper_hold_tag));
    if (!plan->in_memfd)
        put(plan, text, spawn.text_length);
    ((struct keeper_head *)(void *)plan->bytes)->length = (uint32_t)plan->length;
}

void send_plan(int fd, struct plan *plan, uint64_t token)
{
    finish_plan(plan, token);
    send_bytes(fd, plan->bytes, plan->length, plan->fds, plan->fd_count);
    if (plan->in_memfd)
        (void)close(plan->fds[((struct keeper_spawn *)(void *)plan->bytes)->text_index]);
}

pid_t spawn_plan(int fd, struct plan *plan, uint64_t token, int *pidfd)
{
    send_plan(fd, plan, token);
    const struct answered *answer = expect(fd, KEEPER_SPAWNED);
    const struct keeper_spawned *spawned = AS(keeper_spawned, answer);
    REQUIRE_EQUAL(spawned->error, 0);
    REQUIRE(spawned->head.token == token);
    if (pidfd)
        *pidfd = answer->fds[0];
    else
        (void)close(answer->fds[0]);
    return spawned->pid;
}

pid_t spawn_argv(int fd, uint64_t token, int *pidfd, char *const *argv)
{
    struct plan plan = {.argv = argv};
    return spawn_plan(fd, &plan, token, pidfd);
}

void wait_for_end(int pidfd)
{
    struct pollfd ended = {.fd = pidfd, .events = POLLIN};
    REQUIRE(poll(&ended, 1, PATIENCE_MS) == 1);
}

struct keeper_outcome collect(int fd, enum keeper_kind kind, uint64_t token, char *stat)
{
    send_head(fd, kind, token);
    const struct answered *answer = expect(fd, kind == KEEPER_REAP ? KEEPER_REAPED : KEEPER_COLLECTED);
    const struct keeper_collected *collected = AS(keeper_collected, answer);
    REQUIRE(collected->head.token == token);
    if (stat) {
        memcpy(stat, collected + 1, collected->outcome.stat_length);
        stat[collected->outcome.stat_length] = 0;
    }
    return collected->outcome;
}

void forget(int fd, uint64_t token)
{
    send_head(fd, KEEPER_FORGET, token);
    expect_done(fd, KEEPER_FORGET, 0);
}
