/* Numbers for docs/decisions/keeper.md. Not run as tests. */
#define _GNU_SOURCE

#include "clinux.h"
#include "driver.h"

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
    (void)printf("%s: median %.0f us, 90 %% below %.0f us\n", what, times[count / 2], times[count * 9 / 10]);
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

/* Waits until all have ended and been reaped, as a new agent sees it. */
static bool all_ended(const struct keeper_run *run, struct hand_over *all, int *fd)
{
    *fd = connect_to(run);
    send_hello(*fd, KEEPER_VERSION, -1);
    *all = take_over(*fd);
    for (size_t i = 0; i < all->count; i++)
        if (all->children[i].state != KEEPER_ENDED) {
            close_hand_over(all);
            (void)close(*fd);
            return false;
        }
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
    close_hand_over(&all);
    (void)close(fd);
    start = now_us();
    (void)close(until[0]);
    (void)close(until[1]);
    EVENTUALLY(all_ended(&run, &all, &fd));
    (void)printf("all reaped without an agent after %.0f ms\n", (now_us() - start) / 1000);
    const long kept = resident_bytes(run.pid);
    (void)printf("resident, all ended and kept: %ld KiB, %ld bytes per child\n", kept / 1024,
                 (kept - empty) / (long)children);
    for (size_t i = 0; i < all.count; i++)
        REQUIRE_EQUAL(all.children[i].status, 0x300);
    close_hand_over(&all);
    start = now_us();
    (void)close(fd);
    fd = connect_to(&run);
    send_hello(fd, KEEPER_VERSION, -1);
    all = take_over(fd);
    (void)printf("hand-over of %zu ended: %.0f ms\n", all.count, (now_us() - start) / 1000);
    for (uint64_t token = 1; token <= children; token++)
        forget(fd, token);
    (void)printf("resident, all forgotten: %ld KiB\n", resident_bytes(run.pid) / 1024);
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
const struct test_case measurements[] = {CASE(latency), CASE(ten_thousand), CASE(six_thousand_that_hold), {NULL, NULL}};
