/* How fast a plain C program keeps what another writes: the bar for memory captures.
 *
 *     pipe_reader DIRECTORY PROGRAM [ARGUMENT...]
 *
 * Starts PROGRAM with its standard output in a pipe of 1 MiB, and keeps every
 * byte of it: 16 MiB in a memfd, what is beyond in an unlinked file in
 * DIRECTORY. Prints bytes and seconds, from before the start to end of file.
 *
 *     cc -O2 -o pipe_reader pipe_reader.c
 *     ./pipe_reader /tmp dd if=/dev/zero bs=64K count=32K status=none */
#define _GNU_SOURCE

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define IN_MEMORY (16 << 20)
#define BUFFER (256 << 10)
#define PIPE (1 << 20)

extern char **environ;

static int check(const char *act, int result)
{
    if (result < 0) {
        perror(act);
        exit(1);
    }
    return result;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static pid_t start(char **argv, int output)
{
    pid_t pid;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, output, 1);
    const int error = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error) {
        fprintf(stderr, "start %s: %s\n", argv[0], strerror(error));
        exit(1);
    }
    return pid;
}

static void keep(int fd, const char *bytes, size_t count)
{
    while (count > 0) {
        const ssize_t written = write(fd, bytes, count);
        check("write", (int)(written > 0) - 1);
        bytes += written;
        count -= (size_t)written;
    }
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: pipe_reader DIRECTORY PROGRAM [ARGUMENT...]\n");
        return 2;
    }
    int ends[2];
    check("pipe2", pipe2(ends, O_CLOEXEC));
    check("F_SETPIPE_SZ", fcntl(ends[0], F_SETPIPE_SZ, PIPE));
    char *buffer = malloc(BUFFER);
    if (!buffer)
        return 1;

    const double begin = now();
    const pid_t pid = start(argv + 2, ends[1]);
    close(ends[1]);
    const int memory = check("memfd_create", memfd_create("kept", MFD_CLOEXEC));
    int file = -1;
    size_t total = 0;
    for (;;) {
        const size_t left = total < IN_MEMORY ? IN_MEMORY - total : BUFFER;
        const ssize_t count = read(ends[0], buffer, left < BUFFER ? left : BUFFER);
        check("read", (int)count);
        if (count == 0)
            break;
        if (total >= IN_MEMORY && file < 0)
            file = check("open", open(argv[1], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
        keep(total < IN_MEMORY ? memory : file, buffer, (size_t)count);
        total += (size_t)count;
    }
    const double seconds = now() - begin;
    int status;
    waitpid(pid, &status, 0);
    printf("%zu bytes %.3f s\n", total, seconds);
    return status == 0 ? 0 : 1;
}
