/* Ends, and who is told. */
#define _GNU_SOURCE

#include "driver.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void the_zombie_stays_until_the_agent_says_so(void)
{
    struct keeper_run run = start_keeper(NULL);
    const int fd = connect_first(&run);
    int pidfd = -1;
    const pid_t pid = SPAWN(fd, 1, &pidfd, "/bin/sh", "-c", "exit 7");
    EVENTUALLY(process_state(pid) == 'Z');
    wait_for_end(pidfd);
    char stat[KEEPER_STAT_LIMIT + 1];
    char again[KEEPER_STAT_LIMIT + 1];
    const struct keeper_outcome collected = collect(fd, KEEPER_COLLECT, 1, stat);
    REQUIRE_EQUAL(collected.status, 0x700);
    REQUIRE_EQUAL(process_state(pid), 'Z');
    char start[64];
    (void)snprintf(start, sizeof start, "%d (sh) Z ", pid);
    REQUIRE(strncmp(stat, start, strlen(start)) == 0);
    const struct keeper_outcome reaped = collect(fd, KEEPER_REAP, 1, again);
    REQUIRE_EQUAL(process_state(pid), 0);
    REQUIRE(memcmp(&reaped, &collected, sizeof reaped) == 0 && strcmp(stat, again) == 0);
    /* It is kept until it is forgotten. */
    const struct keeper_outcome twice = collect(fd, KEEPER_REAP, 1, again);
    REQUIRE(memcmp(&twice, &collected, sizeof twice) == 0 && strcmp(stat, again) == 0);
    forget(fd, 1);
    send_head(fd, KEEPER_REAP, 1);
    expect_done(fd, KEEPER_REAP, ESRCH);
}

static void statuses_are_those_of_wait(void)
{
    struct keeper_run run = start_keeper(NULL);
    const int fd = connect_first(&run);
    static const struct {
        const char *script;
        int status;
    } ends[] = {{"exit 0", 0},
                {"exit 1", 0x100},
                {"exit 255", 0xff00},
                {"kill -TERM $$", SIGTERM},
                {"kill -KILL $$", SIGKILL},
                {"ulimit -c 0; kill -SEGV $$", SIGSEGV}};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        int pidfd = -1;
        (void)SPAWN(fd, i + 1, &pidfd, "/bin/sh", "-c", (char *)ends[i].script);
        wait_for_end(pidfd);
        REQUIRE_EQUAL(collect(fd, KEEPER_REAP, i + 1, NULL).status, ends[i].status);
        (void)close(pidfd);
    }
}

static void usage_is_what_the_kernel_says(void)
{
    struct keeper_run run = start_keeper(NULL);
    const int fd = connect_first(&run);
    int pidfd = -1;
    (void)SPAWN(fd, 1, &pidfd, "/bin/sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done");
    wait_for_end(pidfd);
    char stat[KEEPER_STAT_LIMIT + 1];
    const struct keeper_outcome reaped = collect(fd, KEEPER_REAP, 1, stat);
    unsigned long minor = 0;
    unsigned long user = 0;
    unsigned long system = 0;
    const char *rest = strrchr(stat, ')');
    REQUIRE(rest != NULL &&
            sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %lu %*u %*u %*u %lu %lu", &minor, &user, &system) == 3);
    REQUIRE_EQUAL(reaped.usage.ru_minflt, minor);
    const double ticks = (double)sysconf(_SC_CLK_TCK);
    const double seconds = (double)reaped.usage.ru_utime.tv_sec + (double)reaped.usage.ru_utime.tv_usec * 1e-6;
    REQUIRE(seconds > 0 && seconds >= ((double)user - 1) / ticks && seconds <= ((double)user + 1) / ticks);
}

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void the_time_of_an_end_is_when_it_was_first_seen(void)
{
    struct keeper_run run = start_keeper(NULL);
    int fd = connect_first(&run);
    int pidfd = -1;
    (void)SPAWN(fd, 1, &pidfd, "/bin/true");
    wait_for_end(pidfd);
    const int64_t real = clock_ns(CLOCK_REALTIME);
    const int64_t monotonic = clock_ns(CLOCK_MONOTONIC);
    const struct keeper_outcome collected = collect(fd, KEEPER_COLLECT, 1, NULL);
    REQUIRE(collected.realtime_ns >= real && collected.realtime_ns <= clock_ns(CLOCK_REALTIME));
    REQUIRE(collected.monotonic_ns >= monotonic && collected.monotonic_ns <= clock_ns(CLOCK_MONOTONIC));
    const struct keeper_outcome reaped = collect(fd, KEEPER_REAP, 1, NULL);
    REQUIRE(memcmp(&reaped, &collected, sizeof reaped) == 0);

    const pid_t alone = SPAWN(fd, 2, NULL, "/bin/sleep", "1000");
    (void)close(fd);
    const int64_t killed = clock_ns(CLOCK_MONOTONIC);
    REQUIRE(kill(alone, SIGKILL) == 0);
    EVENTUALLY(process_state(alone) == 0);
    const int64_t gone = clock_ns(CLOCK_MONOTONIC);
    fd = connect_to(&run);
    send_hello(fd, KEEPER_VERSION, -1);
    struct hand_over all = take_over(fd);
    REQUIRE(memcmp(&inherited(&all, 1)->outcome, &collected, sizeof collected) == 0);
    const struct keeper_outcome outcome = inherited(&all, 2)->outcome;
    REQUIRE(outcome.monotonic_ns >= killed && outcome.monotonic_ns <= gone);
    REQUIRE(outcome.realtime_ns > collected.realtime_ns && outcome.realtime_ns <= clock_ns(CLOCK_REALTIME));
}

static void what_is_asked_too_early_or_of_nobody_is_an_error(void)
{
    struct keeper_run run = start_keeper(NULL);
    const int fd = connect_first(&run);
    int pidfd = -1;
    const pid_t pid = SPAWN(fd, 1, &pidfd, "/bin/sleep", "1000");
    send_head(fd, KEEPER_COLLECT, 1);
    expect_done(fd, KEEPER_COLLECT, EAGAIN);
    send_head(fd, KEEPER_REAP, 1);
    expect_done(fd, KEEPER_REAP, EAGAIN);
    send_head(fd, KEEPER_FORGET, 1);
    expect_done(fd, KEEPER_FORGET, EBUSY);
    REQUIRE(kill(pid, SIGKILL) == 0);
    wait_for_end(pidfd);
    (void)collect(fd, KEEPER_COLLECT, 1, NULL);
    send_head(fd, KEEPER_FORGET, 1);
    expect_done(fd, KEEPER_FORGET, EBUSY);
    send_tagged(fd, KEEPER_DROP, 1, 5, -1);
    expect_done(fd, KEEPER_DROP, ENOENT);
    static const enum keeper_kind kinds[] = {KEEPER_COLLECT, KEEPER_REAP, KEEPER_FORGET};
    for (size_t i = 0; i < 3; i++) {
        send_head(fd, kinds[i], 99);
        expect_done(fd, kinds[i], ESRCH);
    }
    send_tagged(fd, KEEPER_HOLD, 99, 5, pidfd);
    expect_done(fd, KEEPER_HOLD, ESRCH);
}

static void a_process_whose_name_is_hostile_spoils_nothing(void)
{
    struct keeper_run run = start_keeper(NULL);
    const int fd = connect_first(&run);
    int pidfd = -1;
    (void)SPAWN(fd, 1, &pidfd, "/bin/sh", "-c", "printf ') R 1 (\\n\\\\' > /proc/$$/comm; exit 3");
    wait_for_end(pidfd);
    char stat[KEEPER_STAT_LIMIT + 1];
    REQUIRE_EQUAL(collect(fd, KEEPER_REAP, 1, stat).status, 0x300);
    const char *end = strrchr(stat, ')');
    REQUIRE(end != NULL && strncmp(end, ") Z ", 4) == 0 && stat[strlen(stat) - 1] == '\n');
}

/* Runs a shell that leaves a background process behind, which ends when `until` is closed: its pid. */
static pid_t leave_orphan(int fd, uint64_t token, const int until[2])
{
    int out[2];
    make_pipe(out);
    char *const argv[] = {"/bin/sh", "-c", "(read x <&3; exit 9) & echo $! >&4; exit 0", NULL};
    struct plan plan = {.argv = argv};
    map_fd(&plan, until[0], 3);
    map_fd(&plan, out[1], 4);
    (void)spawn_plan(fd, &plan, token, NULL);
    (void)close(out[1]);
    char line[32] = {0};
    REQUIRE(read(out[0], line, sizeof line - 1) > 0);
    (void)close(out[0]);
    return (pid_t)strtol(line, NULL, 10);
}

static void orphans_are_reaped_and_children_are_not(void)
{
    struct keeper_run run = start_keeper(NULL);
    const int fd = connect_first(&run);
    enum { COUNT = 20 };
    pid_t orphans[COUNT];
    int pidfd = -1;
    /* In front of all orphans: a known zombie. */
    const pid_t first = SPAWN(fd, 1000, &pidfd, "/bin/true");
    wait_for_end(pidfd);
    int until[2];
    make_pipe(until);
    for (int i = 0; i < COUNT; i++)
        orphans[i] = leave_orphan(fd, (uint64_t)i + 1, until);
    (void)close(until[0]);
    (void)close(until[1]);
    for (int i = 0; i < COUNT; i++)
        EVENTUALLY(process_state(orphans[i]) == 0);
    REQUIRE_EQUAL(process_state(first), 'Z');
    for (int i = 0; i < COUNT; i++)
        EVENTUALLY((send_head(fd, KEEPER_REAP, (uint64_t)i + 1), AS(keeper_head, receive(fd))->kind == KEEPER_REAPED));
    REQUIRE_EQUAL(collect(fd, KEEPER_REAP, 1000, NULL).status, 0);
}

static void many_orphans_at_once_are_reaped(void)
{
    struct keeper_run run = start_keeper(NULL);
    const int fd = connect_first(&run);
    int out[2];
    make_pipe(out);
    char *const argv[] = {"/bin/sh", "-c",
                          "i=0; while [ $i -lt 1500 ]; do sleep 1000 & echo $!; i=$((i+1)); done; kill -9 $$", NULL};
    struct plan plan = {.argv = argv};
    int pidfd = -1;
    map_fd(&plan, out[1], 1);
    (void)spawn_plan(fd, &plan, 1, &pidfd);
    (void)close(out[1]);
    wait_for_end(pidfd);
    static pid_t pids[2000];
    int count = 0;
    FILE *lines = fdopen(out[0], "r");
    while (count < 1500 && fscanf(lines, "%d", &pids[count]) == 1)
        count++;
    REQUIRE_EQUAL(count, 1500);
    for (int i = 0; i < count; i++)
        (void)kill(pids[i], SIGKILL);
    for (int i = 0; i < count; i++)
        EVENTUALLY(process_state(pids[i]) == 0);
    REQUIRE_EQUAL(collect(fd, KEEPER_REAP, 1, NULL).status, SIGKILL);
}

#define CASE(name)                                                                                                     \
    {                                                                                                                  \
#name, name                                                                                                    \
    }
const struct test_case reap_cases[] = {
    CASE(the_zombie_stays_until_the_agent_says_so),
    CASE(statuses_are_those_of_wait),
    CASE(usage_is_what_the_kernel_says),
    CASE(the_time_of_an_end_is_when_it_was_first_seen),
    CASE(what_is_asked_too_early_or_of_nobody_is_an_error),
    CASE(a_process_whose_name_is_hostile_spoils_nothing),
    CASE(orphans_are_reaped_and_children_are_not),
    CASE(many_orphans_at_once_are_reaped),
    {NULL, NULL},
};
