/* Numbers for docs/decisions/keeper.md. Not run as tests. */
#define _GNU_SOURCE

#include "clinux.h"
#include "driver.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

static double now_us(void)
{
    return (double)clinux_clock_ns(CLOCK_MONOTONIC) / 1000;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_times(const char *what, double *times, size_t count)
{
    qsort(times, count, sizeof *times, compare);
    (void)printf("%s: median %.0f us, 90 %% below %.0f us, all below %.0f us\n", what, times[count / 2],
                 times[count * 9 / 10], times[count - 1]);
}

enum { ROUNDS = 1000 };

/* From the request to pid and pidfd. */
static void latency(void)
{
    struct keeper_run run = start_keeper(NULL);
    const int fd = connect_first(&run);
    static double through[ROUNDS];
    static double direct[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        int pidfd = -1;
        double start = now_us();
        (void)SPAWN(fd, (uint64_t)i + 1, &pidfd, "/bin/true");
        through[i] = now_us() - start;
        wait_for_end(pidfd);
        (void)close(pidfd);
        (void)collect(fd, KEEPER_REAP, (uint64_t)i + 1, NULL);
        forget(fd, (uint64_t)i + 1);

        char *const argv[] = {"/bin/true", NULL};
        char *const none[] = {NULL};
        const struct clinux_spawn_plan plan = {
            .executable = argv[0], .argv = argv, .envp = none, .working_directory = -1, .file_limit = 1024};
        pid_t pid = 0;
        int status = 0;
        struct rusage usage;
        enum clinux_spawn_stage stage;
        start = now_us();
        REQUIRE_EQUAL(clinux_spawn(&plan, &pid, &pidfd, &stage), 0);
        direct[i] = now_us() - start;
        wait_for_end(pidfd);
        (void)clinux_reap(pid, &status, &usage);
        (void)close(pidfd);
    }
    print_times("start, through the keeper", through, ROUNDS);
    print_times("start, directly", direct, ROUNDS);
}

static bool all_are_gone(const struct hand_over *all)
{
    for (size_t i = 0; i < all->count; i++)
        if (process_state(all->children[i].pid) != 0)
            return false;
    return true;
}

/* Many children at once, each with so many held descriptors. */
static void crowd(uint64_t children, uint32_t holds)
{
    (void)printf("%lu children, each with %u held descriptors:\n", (unsigned long)children, holds);
    struct keeper_run run = start_keeper("--keep", "1000", NULL);
    int fd = connect_first(&run);
    const long empty = resident_bytes(run.pid);
    (void)printf("resident, no children: %ld KiB\n", empty / 1024);
    int until[2];
    make_pipe(until);
    double start = now_us();
    static char *argv[] = {"/bin/sh", "-c", "read x <&3; exit 3", NULL};
    for (uint64_t token = 1; token <= children; token++) {
        struct plan plan = {.argv = argv};
        map_fd(&plan, until[0], 3);
        for (uint32_t tag = 0; tag < holds; tag++)
            hold_fd(&plan, until[0], tag);
        (void)spawn_plan(fd, &plan, token, NULL);
    }
    (void)printf("starts: %.0f ms\n", (now_us() - start) / 1000);
    const long running = resident_bytes(run.pid);
    (void)printf("resident, running: %ld KiB, %ld bytes per child\n", running / 1024,
                 (running - empty) / (long)children);
    (void)close(fd);
    start = now_us();
    fd = connect_to(&run);
    send_hello(fd, KEEPER_VERSION, -1);
    struct hand_over all = take_over(fd);
    (void)printf("hand-over of %zu running: %.0f ms\n", all.count, (now_us() - start) / 1000);
    (void)close(fd);
    start = now_us();
    (void)close(until[0]);
    (void)close(until[1]);
    EVENTUALLY(all_are_gone(&all));
    (void)printf("all reaped without an agent after %.0f ms\n", (now_us() - start) / 1000);
    close_hand_over(&all);
    const long kept = resident_bytes(run.pid);
    (void)printf("resident, all ended and kept: %ld KiB, %ld bytes per child\n", kept / 1024,
                 (kept - empty) / (long)children);
    start = now_us();
    fd = connect_to(&run);
    send_hello(fd, KEEPER_VERSION, -1);
    all = take_over(fd);
    (void)printf("hand-over of %zu ended: %.0f ms\n", all.count, (now_us() - start) / 1000);
    for (size_t i = 0; i < all.count; i++)
        REQUIRE_EQUAL(all.children[i].outcome.status, 0x300);
    close_hand_over(&all);
    for (uint64_t token = 1; token <= children; token++)
        forget(fd, token);
    (void)printf("resident, all forgotten: %ld KiB\n", resident_bytes(run.pid) / 1024);
}

/* From connect(2) to WELCOME. */
static int welcomed(const struct keeper_run *run, const char *when)
{
    const double start = now_us();
    const int fd = connect_to(run);
    send_hello(fd, KEEPER_VERSION, -1);
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    REQUIRE(poll(&readable, 1, PATIENCE_MS) == 1);
    (void)printf("connect to WELCOME, %s: %.1f ms\n", when, (now_us() - start) / 1000);
    return fd;
}

/* How long after it was killed the end of a process was recorded, without an agent: some that are killed alone, and
 * some in groups, among so many that idle. */
static void lone_ends(void)
{
    enum { IDLE = 10000, KILLS = 200, GROUP = 5, PAUSE_MS = 25 };
    struct keeper_run run = start_keeper("--keep", "1000", NULL);
    int fd = connect_first(&run);
    static pid_t pids[IDLE];
    static double killed[IDLE];
    static double late[2][IDLE];
    size_t counts[2] = {0, 0};
    for (uint64_t i = 0; i < IDLE; i++)
        pids[i] = SPAWN(fd, i + 1, NULL, "/bin/sleep", "1000");
    (void)close(fd);
    fd = welcomed(&run, "with all idle");
    struct hand_over all = take_over(fd);
    close_hand_over(&all);
    (void)close(fd);
    /* From all over the table. */
    const size_t step = IDLE / KILLS;
    for (size_t i = 0; i < KILLS; i++) {
        for (size_t j = 0; j < (i % 2 ? GROUP : 1); j++) {
            killed[i * step + j] = now_us();
            REQUIRE(kill(pids[i * step + j], SIGKILL) == 0);
        }
        (void)poll(NULL, 0, PAUSE_MS);
    }
    for (size_t i = 0; i < KILLS * step; i++)
        if (killed[i] > 0)
            EVENTUALLY(process_state(pids[i]) == 0);
    fd = welcomed(&run, "with most idle");
    all = take_over(fd);
    for (size_t i = 0; i < all.count; i++) {
        const struct inherited *child = &all.children[i];
        const size_t index = child->token - 1;
        const size_t group = index / step % 2;
        if (child->state == KEEPER_ENDED)
            late[group][counts[group]++] = (double)child->outcome.monotonic_ns / 1000 - killed[index];
    }
    print_times("recorded after it was killed, alone", late[0], counts[0]);
    print_times("recorded after it was killed, with others", late[1], counts[1]);
    close_hand_over(&all);
    (void)close(fd);
    for (size_t i = 0; i < IDLE; i++)
        (void)kill(pids[i], SIGKILL);
    (void)close(welcomed(&run, "with most just ended"));
}

/* As many as pidfds fit below a limit of 20,000. */
static void ten_thousand(void)
{
    crowd(10000, 0);
}

static void six_thousand_that_hold(void)
{
    crowd(6000, 2);
}

#define CASE(name)                                                                                                     \
    {                                                                                                                  \
#name, name                                                                                                    \
    }
const struct test_case measurements[] = {
    CASE(latency), CASE(lone_ends), CASE(ten_thousand), CASE(six_thousand_that_hold), {NULL, NULL}};
