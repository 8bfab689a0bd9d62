/* Unix sockets, and sending files. */
#define _GNU_SOURCE

#include "clinux_sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

static int address_of(const char *path, struct sockaddr_un *address)
{
    const size_t length = strlen(path);
    if (length == 0)
        return -ENOENT;
    if (length >= sizeof address->sun_path)
        return -ENAMETOOLONG;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, path, length + 1);
    return 0;
}

/* What a step returned, or -errno with the socket closed. */
static int kept_if(int fd, int result)
{
    if (result >= 0)
        return fd;
    const int error = errno;
    (void)close(fd);
    return -error;
}

int clinux_unix_listen(const char *path, mode_t mode, int backlog)
{
    struct sockaddr_un address;
    const int failure = address_of(path, &address);
    if (failure < 0)
        return failure;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    /* The file gets the mode of the socket, so that there is no moment at which others may connect. */
    fd = kept_if(fd, fchmod(fd, mode));
    if (fd >= 0)
        fd = kept_if(fd, bind(fd, (const struct sockaddr *)&address, sizeof address));
    return fd < 0 ? fd : kept_if(fd, listen(fd, backlog));
}

int clinux_unix_connect(const char *path)
{
    struct sockaddr_un address;
    const int failure = address_of(path, &address);
    if (failure < 0)
        return failure;
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    return kept_if(fd, connect(fd, (const struct sockaddr *)&address, sizeof address));
}

int clinux_lock_folder(const char *path)
{
    struct sockaddr_un copy;
    const int failure = address_of(path, &copy);
    if (failure < 0)
        return failure;
    const int fd = open(dirname(copy.sun_path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    return kept_if(fd, flock(fd, LOCK_EX | LOCK_NB));
}

int clinux_peer_credentials(int fd, struct clinux_credentials *out)
{
    struct ucred credentials;
    socklen_t len = sizeof credentials;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len) < 0)
        return -errno;
    *out = (struct clinux_credentials){credentials.pid, credentials.uid, credentials.gid};
    return 0;
}

int64_t clinux_send_file(int socket, int file, int64_t offset, size_t count)
{
    off_t at = offset;
    const ssize_t sent = sendfile(socket, file, &at, count);
    return sent < 0 ? -errno : sent;
}

bool clinux_is_in_memory(int file, int64_t offset)
{
    char byte;
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    if (preadv2(file, &part, 1, offset, RWF_NOWAIT) >= 0)
        return true;
    if (errno != EOPNOTSUPP)
        return false;
    struct statfs system;
    return fstatfs(file, &system) == 0 && system.f_type == TMPFS_MAGIC;
}
