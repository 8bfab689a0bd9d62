/* Usage: spawner [--watched | --one-by-one] COUNT PROGRAM [ARGUMENT]...
 *
 * Starts COUNT copies of a program as fast as one thread can, then waits for
 * all of them, and prints the seconds from before the first to after the last.
 *
 * --watched     has a pidfd of each in an epoll, and reaps those that have
 *               ended before it starts the next, as a supervisor has to.
 * --one-by-one  starts each when the one before is reaped, and prints the
 *               seconds of each.
 *
 * Each gets what procstar gives a process with all three descriptors on
 * /dev/null: three files opened for it, three dup2, nothing else open, a
 * session of its own, default dispositions, an empty mask. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void check(int error, const char *what)
{
    if (error == 0)
        return;
    (void)fprintf(stderr, "spawner: %s: %s\n", what, strerror(error));
    exit(1);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static pid_t start(char **argv)
{
    static const int flags[3] = {O_RDONLY, O_WRONLY | O_CREAT | O_TRUNC, O_WRONLY | O_CREAT | O_TRUNC};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    check(posix_spawn_file_actions_init(&actions), "file actions");
    check(posix_spawnattr_init(&attributes), "attributes");
    check(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK),
          "flags");
    check(posix_spawnattr_setsigdefault(&attributes, &all), "dispositions");
    check(posix_spawnattr_setsigmask(&attributes, &none), "mask");

    int files[3];
    for (int fd = 0; fd < 3; fd++) {
        files[fd] = open("/dev/null", flags[fd] | O_CLOEXEC, 0666);
        check(files[fd] < 0 ? errno : 0, "open /dev/null");
        check(posix_spawn_file_actions_adddup2(&actions, files[fd], fd), "dup2");
    }
    check(posix_spawn_file_actions_addclosefrom_np(&actions, 3), "closefrom");

    pid_t pid;
    check(posix_spawn(&pid, argv[0], &actions, &attributes, argv, environ), argv[0]);
    for (int fd = 0; fd < 3; fd++)
        close(files[fd]);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

/* Starts one whose end `epoll` tells. */
static void start_watched(int epoll, char **argv)
{
    const pid_t pid = start(argv);
    struct epoll_event event = {.events = EPOLLIN};
    event.data.fd = (int)syscall(SYS_pidfd_open, pid, 0);
    check(event.data.fd < 0 ? errno : 0, "pidfd_open");
    check(epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event) < 0 ? errno : 0, "epoll_ctl");
}

/* Reaps those that have ended, and returns how many. Waits for up to `timeout` ms, or for ever if that is -1. */
static int reap(int epoll, int timeout)
{
    struct epoll_event events[64];
    const int count = epoll_wait(epoll, events, 64, timeout);
    check(count < 0 ? errno : 0, "epoll_wait");
    for (int i = 0; i < count; i++) {
        siginfo_t info;
        check(waitid(P_PIDFD, (id_t)events[i].data.fd, &info, WEXITED) < 0 ? errno : 0, "waitid");
        close(events[i].data.fd);
    }
    return count;
}

static int make_epoll(void)
{
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    check(epoll < 0 ? errno : 0, "epoll_create1");
    return epoll;
}

static void run_all(long count, char **argv)
{
    const double began = now();
    for (long i = 0; i < count; i++)
        (void)start(argv);
    for (long left = count; left > 0;) {
        if (waitpid(-1, NULL, 0) > 0)
            left--;
        else
            check(errno == EINTR ? 0 : errno, "wait");
    }
    printf("%.6f\n", now() - began);
}

static void run_watched(long count, char **argv)
{
    const int epoll = make_epoll();
    const double began = now();
    long left = count;
    for (long i = 0; i < count; i++) {
        start_watched(epoll, argv);
        left -= reap(epoll, 0);
    }
    while (left > 0)
        left -= reap(epoll, -1);
    printf("%.6f\n", now() - began);
}

static void run_one_by_one(long count, char **argv)
{
    const int epoll = make_epoll();
    for (long i = 0; i < count; i++) {
        const double began = now();
        start_watched(epoll, argv);
        (void)reap(epoll, -1);
        printf("%.6f\n", now() - began);
    }
}

int main(int argc, char **argv)
{
    void (*run)(long, char **) = run_all;
    argv++;
    if (argc > 1 && strcmp(*argv, "--watched") == 0) {
        run = run_watched;
        argv++;
    } else if (argc > 1 && strcmp(*argv, "--one-by-one") == 0) {
        run = run_one_by_one;
        argv++;
    }
    char *end = NULL;
    const long count = argv[0] && argv[1] ? strtol(argv[0], &end, 10) : 0;
    if (count <= 0 || *end != '\0') {
        (void)fputs("usage: spawner [--watched | --one-by-one] COUNT PROGRAM [ARGUMENT]...\n", stderr);
        return 2;
    }
    run(count, argv + 1);
    return 0;
}
