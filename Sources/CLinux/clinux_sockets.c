#define _GNU_SOURCE

#include "clinux_sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/un.h>
#include <unistd.h>

static int socket_result(int result)
{
    return result < 0 ? -errno : result;
}

static int set_option(int fd, int level, int option)
{
    const int on = 1;
    return socket_result(setsockopt(fd, level, option, &on, sizeof on));
}

int clinux_tcp_socket(int family)
{
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (fd < 0)
        return -errno;
    (void)set_option(fd, IPPROTO_TCP, TCP_NODELAY);
    return fd;
}

int clinux_connect(int fd, const struct sockaddr *address, socklen_t len)
{
    int result = socket_result(connect(fd, address, len));
    /* connect(2), EINTR: it goes on all the same. */
    return result == -EINTR ? -EINPROGRESS : result;
}

int clinux_socket_error(int fd)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        return -errno;
    return -error;
}

int clinux_is_connected_to_itself(int fd)
{
    /* Zeroed, because the comparison takes in what the kernel doesn't write. */
    struct sockaddr_storage ours = {0}, theirs = {0};
    socklen_t len = sizeof ours;
    if (getsockname(fd, (struct sockaddr *)&ours, &len) < 0)
        return -errno;
    len = sizeof theirs;
    if (getpeername(fd, (struct sockaddr *)&theirs, &len) < 0)
        return -errno;
    return memcmp(&ours, &theirs, sizeof ours) == 0;
}

int clinux_listen(int fd, const struct sockaddr *address, socklen_t len, int backlog)
{
    int result = set_option(fd, SOL_SOCKET, SO_REUSEADDR);
    if (result == 0 && address->sa_family == AF_INET6)
        result = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY);
    if (result == 0)
        result = socket_result(bind(fd, address, len));
    return result == 0 ? socket_result(listen(fd, backlog)) : result;
}

int clinux_accept(int fd, struct sockaddr_storage *peer)
{
    socklen_t len = sizeof *peer;
    int connection = accept4(fd, (struct sockaddr *)peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection < 0)
        return -errno;
    (void)set_option(connection, IPPROTO_TCP, TCP_NODELAY);
    return connection;
}

int clinux_packet_pair(int *first, int *second)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *first = ends[0];
    *second = ends[1];
    return 0;
}

int clinux_packet_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t length = strlen(path);
    if (length > CLINUX_SOCKET_PATH_LIMIT)
        return -ENAMETOOLONG;
    memcpy(address.sun_path, path, length);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    int result = socket_result(connect(fd, (const struct sockaddr *)&address, sizeof address));
    if (result < 0)
        (void)close(fd);
    return result < 0 ? result : fd;
}

int clinux_local_address(int fd, struct sockaddr_storage *out)
{
    socklen_t len = sizeof *out;
    return socket_result(getsockname(fd, (struct sockaddr *)out, &len));
}

int clinux_unacknowledged(int fd)
{
    int count = 0;
    const int result = socket_result(ioctl(fd, SIOCOUTQ, &count));
    return result < 0 ? result : count;
}
