/* Usage: spawner COUNT PROGRAM [ARGUMENT]...
 *
 * Starts COUNT copies of a program as fast as one thread can, then waits for
 * all of them, and prints the seconds from before the first to after the last.
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

static void start(char **argv)
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
}

int main(int argc, char **argv)
{
    char *end = NULL;
    const long count = argc > 2 ? strtol(argv[1], &end, 10) : 0;
    if (count <= 0 || *end != '\0') {
        (void)fputs("usage: spawner COUNT PROGRAM [ARGUMENT]...\n", stderr);
        return 2;
    }
    const double began = now();
    for (long i = 0; i < count; i++)
        start(argv + 2);
    for (long left = count; left > 0;) {
        if (waitpid(-1, NULL, 0) > 0)
            left--;
        else
            check(errno == EINTR ? 0 : errno, "wait");
    }
    printf("%.6f\n", now() - began);
    return 0;
}
