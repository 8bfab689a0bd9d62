/* From one agent to the next. */
#define _GNU_SOURCE

#include "driver.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int connect_again(const struct keeper_run *run, struct hand_over *all)
{
    const int fd = connect_to(run);
    send_hello(fd, KEEPER_VERSION, -1);
    *all = take_over(fd);
    return fd;
}

static void what_ends_without_an_agent_is_kept_for_the_next(void)
{
    struct keeper_run run = start_keeper(NULL);
    int fd = connect_first(&run);
    enum { COUNT = 300 };
    int until[2];
    make_pipe(until);
    pid_t pids[COUNT];
    for (int i = 0; i < COUNT; i++) {
        char script[64];
        (void)snprintf(script, sizeof script, "read x <&3; exit %d", i % 256);
        char *const argv[] = {"/bin/sh", "-c", script, NULL};
        struct plan plan = {.argv = argv};
        map_fd(&plan, until[0], 3);
        pids[i] = spawn_plan(fd, &plan, (uint64_t)i + 1, NULL);
    }
    (void)close(fd);
    (void)close(until[0]);
    (void)close(until[1]);
    for (int i = 0; i < COUNT; i++)
        EVENTUALLY(process_state(pids[i]) == 0);
    struct hand_over first;
    fd = connect_again(&run, &first);
    REQUIRE_EQUAL(first.count, COUNT);
    for (int i = 0; i < COUNT; i++) {
        const struct inherited *child = inherited(&first, (uint64_t)i + 1);
        char start[64];
        (void)snprintf(start, sizeof start, "%d (sh) Z ", pids[i]);
        REQUIRE_EQUAL(child->pid, pids[i]);
        REQUIRE_EQUAL(child->state, KEEPER_ENDED);
        REQUIRE_EQUAL(child->outcome.status, (i % 256) << 8);
        REQUIRE(strncmp(child->stat, start, strlen(start)) == 0);
        REQUIRE(child->outcome.usage.ru_minflt > 0 && child->pidfd == -1);
        /* The same once more, on request. */
        const struct keeper_outcome again = collect(fd, KEEPER_REAP, child->token, NULL);
        REQUIRE(memcmp(&again, &child->outcome, sizeof again) == 0);
    }
    /* Not acknowledged, so the next but one hears of it, too; but for one. */
    forget(fd, 5);
    (void)close(fd);
    struct hand_over second;
    (void)connect_again(&run, &second);
    REQUIRE_EQUAL(second.count, COUNT - 1);
    const struct keeper_outcome *before = &inherited(&first, 6)->outcome;
    REQUIRE(memcmp(&inherited(&second, 6)->outcome, before, sizeof *before) == 0);
    REQUIRE(strcmp(inherited(&second, 6)->stat, inherited(&first, 6)->stat) == 0);
}

static void what_runs_goes_on_and_is_reaped_by_the_next(void)
{
    struct keeper_run run = start_keeper(NULL);
    int fd = connect_first(&run);
    int in[2];
    int out[2];
    make_pipe(in);
    make_pipe(out);
    struct plan plan = {.argv = (char *[]){"/bin/cat", NULL}};
    map_fd(&plan, in[0], 0);
    map_fd(&plan, out[1], 1);
    hold_fd(&plan, in[1], 10);
    hold_fd(&plan, out[0], 11);
    const pid_t pid = spawn_plan(fd, &plan, 1, NULL);
    (void)close(fd);
    /* Were the keeper not to hold them, cat would see the end of its input now. */
    for (int i = 0; i < 2; i++) {
        (void)close(in[i]);
        (void)close(out[i]);
    }
    struct hand_over all;
    fd = connect_again(&run, &all);
    const struct inherited *child = inherited(&all, 1);
    REQUIRE_EQUAL(child->pid, pid);
    REQUIRE_EQUAL(child->state, KEEPER_RUNNING);
    REQUIRE_EQUAL(child->held_count, 2);
    const size_t writer = child->tags[0] == 10 ? 0 : 1;
    REQUIRE(child->tags[writer] == 10 && child->tags[1 - writer] == 11);
    REQUIRE(write(child->held[writer], "hello", 5) == 5);
    send_tagged(fd, KEEPER_DROP, 1, 10, -1);
    expect_done(fd, KEEPER_DROP, 0);
    (void)close(child->held[writer]);
    char text[16];
    (void)read_all(child->held[1 - writer], text, sizeof text);
    REQUIRE(strcmp(text, "hello") == 0);
    wait_for_end(child->pidfd);
    REQUIRE_EQUAL(process_state(pid), 'Z');
    REQUIRE_EQUAL(collect(fd, KEEPER_REAP, 1, NULL).status, 0);
}

static void a_zombie_that_was_collected_is_told_as_such_or_reaped_when_the_agent_goes(void)
{
    struct keeper_run run = start_keeper(NULL);
    int fd = connect_first(&run);
    int pidfd = -1;
    char stat[KEEPER_STAT_LIMIT + 1];
    const pid_t pid = SPAWN(fd, 1, &pidfd, "/bin/sh", "-c", "exit 4");
    wait_for_end(pidfd);
    const struct keeper_outcome collected = collect(fd, KEEPER_COLLECT, 1, stat);
    send_hello(fd, KEEPER_VERSION, -1);
    struct hand_over all = take_over(fd);
    REQUIRE_EQUAL(inherited(&all, 1)->state, KEEPER_ZOMBIE);
    REQUIRE(memcmp(&inherited(&all, 1)->outcome, &collected, sizeof collected) == 0);
    REQUIRE(strcmp(inherited(&all, 1)->stat, stat) == 0);
    (void)close(fd);
    EVENTUALLY(process_state(pid) == 0);
    (void)connect_again(&run, &all);
    REQUIRE_EQUAL(inherited(&all, 1)->state, KEEPER_ENDED);
    REQUIRE(strcmp(inherited(&all, 1)->stat, stat) == 0);
}

static ino_t inode(int fd)
{
    struct stat status;
    REQUIRE(fstat(fd, &status) == 0);
    return status.st_ino;
}

static void held_descriptors_are_added_replaced_and_dropped_by_tag(void)
{
    struct keeper_run run = start_keeper(NULL);
    int fd = connect_first(&run);
    (void)SPAWN(fd, 1, NULL, "/bin/sleep", "1000");
    const int before = open_descriptors(run.pid);
    enum { COUNT = 600 }; /* more than one message carries */
    static ino_t inodes[COUNT];
    for (uint32_t tag = 0; tag < COUNT; tag++) {
        const int file = temporary_file();
        inodes[tag] = inode(file);
        send_tagged(fd, KEEPER_HOLD, 1, tag, file);
        expect_done(fd, KEEPER_HOLD, 0);
        (void)close(file);
    }
    const int other = temporary_file();
    inodes[7] = inode(other);
    send_tagged(fd, KEEPER_HOLD, 1, 7, other);
    expect_done(fd, KEEPER_HOLD, 0);
    send_tagged(fd, KEEPER_DROP, 1, 8, -1);
    expect_done(fd, KEEPER_DROP, 0);
    REQUIRE_EQUAL(open_descriptors(run.pid), before + COUNT - 1);
    (void)close(fd);
    struct hand_over all;
    fd = connect_again(&run, &all);
    const struct inherited *child = inherited(&all, 1);
    REQUIRE_EQUAL(child->held_count, COUNT - 1);
    for (size_t i = 0; i < child->held_count; i++) {
        REQUIRE(child->tags[i] != 8 && child->tags[i] < COUNT);
        REQUIRE(inode(child->held[i]) == inodes[child->tags[i]]);
    }
    REQUIRE(kill(child->pid, SIGKILL) == 0);
    wait_for_end(child->pidfd);
    (void)collect(fd, KEEPER_REAP, 1, NULL);
    forget(fd, 1);
    REQUIRE_EQUAL(open_descriptors(run.pid), before - 1); /* nor the pidfd */
}

static void the_ledger_is_handed_on_as_it_is_then(void)
{
    struct keeper_run run = start_keeper(NULL);
    int fd = connect_first(&run);
    (void)SPAWN(fd, 1, NULL, "/bin/sleep", "1000");
    const int ledger = memfd_create("ledger", MFD_CLOEXEC);
    const struct keeper_head head = {.kind = KEEPER_LEDGER, .length = sizeof head};
    send_bytes(fd, &head, sizeof head, &ledger, 1);
    expect_done(fd, KEEPER_LEDGER, 0);
    REQUIRE(pwrite(ledger, "later", 5, 0) == 5);
    (void)close(ledger);
    (void)close(fd);
    struct hand_over all;
    (void)connect_again(&run, &all);
    char text[8] = {0};
    REQUIRE(all.ledger >= 0 && pread(all.ledger, text, sizeof text, 0) == 5 && strcmp(text, "later") == 0);
}

static void a_descriptor_table_that_is_full_fails_requests_and_not_the_hand_over(void)
{
    /* A hard limit of 600: 300 numbers for what is held, 300 for the rest. */
    const char *real = keeper_path;
    char script[96];
    (void)snprintf(script, sizeof script, "%s/limited", scratch);
    FILE *file = fopen(script, "we");
    (void)fprintf(file, "#!/bin/sh\nulimit -n 600\nexec %s \"$@\"\n", real);
    (void)fclose(file);
    REQUIRE(chmod(script, 0700) == 0);
    keeper_path = script;
    struct keeper_run run = start_keeper(NULL);
    int fd = connect_first(&run);
    int pidfd = -1;
    struct plan sleeper = {.argv = (char *[]){"/bin/sleep", "1000", NULL}, .file_limit = 600};
    (void)spawn_plan(fd, &sleeper, 1, &pidfd);
    const int file_fd = temporary_file();
    uint32_t held = 0;
    int error = 0;
    for (; error == 0 && held < 1000; held++) {
        send_tagged(fd, KEEPER_HOLD, 1, held, file_fd);
        error = AS(keeper_done, expect(fd, KEEPER_DONE))->error;
    }
    REQUIRE_EQUAL(error, EMFILE);
    held--;
    struct plan more = {.argv = (char *[]){"/bin/true", NULL}, .file_limit = 600};
    send_plan(fd, &more, 2);
    struct keeper_spawned spawned = *AS(keeper_spawned, expect(fd, KEEPER_SPAWNED));
    REQUIRE(spawned.error == EMFILE && spawned.stage == KEEPER_STAGE_REQUEST);
    (void)close(fd);
    struct hand_over all;
    fd = connect_again(&run, &all);
    REQUIRE_EQUAL(inherited(&all, 1)->held_count, held);
    send_tagged(fd, KEEPER_DROP, 1, 0, -1);
    expect_done(fd, KEEPER_DROP, 0);
    (void)spawn_plan(fd, &more, 2, NULL);
}

#define CASE(name)                                                                                                     \
    {                                                                                                                  \
#name, name                                                                                                    \
    }
const struct test_case hand_over_cases[] = {
    CASE(what_ends_without_an_agent_is_kept_for_the_next),
    CASE(what_runs_goes_on_and_is_reaped_by_the_next),
    CASE(a_zombie_that_was_collected_is_told_as_such_or_reaped_when_the_agent_goes),
    CASE(held_descriptors_are_added_replaced_and_dropped_by_tag),
    CASE(the_ledger_is_handed_on_as_it_is_then),
    CASE(a_descriptor_table_that_is_full_fails_requests_and_not_the_hand_over),
    {NULL, NULL},
};
