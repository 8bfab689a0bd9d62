#define _GNU_SOURCE

#include "clinux.h"

#include <sys/ioctl.h>

int clinux_pipe(int *reader, int *writer)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    *reader = ends[0];
    *writer = ends[1];
    return 0;
}

int clinux_pipe_capacity(int fd)
{
    const int size = fcntl(fd, F_GETPIPE_SZ);
    return size < 0 ? -errno : size;
}

int clinux_set_pipe_capacity(int fd, int size)
{
    const int given = fcntl(fd, F_SETPIPE_SZ, size);
    return given < 0 ? -errno : given;
}

int clinux_bytes_waiting(int fd)
{
    int count = 0;
    return ioctl(fd, FIONREAD, &count) < 0 ? -errno : count;
}

int64_t clinux_splice_to_file(int pipe, int file, int64_t offset, size_t len)
{
    loff_t at = offset;
    const ssize_t count = splice(pipe, NULL, file, &at, len, SPLICE_F_NONBLOCK);
    return count < 0 ? -errno : count;
}
