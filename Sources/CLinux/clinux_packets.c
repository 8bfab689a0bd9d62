#define _GNU_SOURCE

#include "clinux_packets.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

union rights {
    char bytes[CMSG_SPACE(CLINUX_PACKET_DESCRIPTORS * sizeof(int))];
    struct cmsghdr aligned;
};

int clinux_send_packet(int fd, const void *bytes, size_t length, const int *fds, size_t fd_count)
{
    union rights rights;
    struct iovec piece = {.iov_base = (void *)bytes, .iov_len = length};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    if (fd_count > CLINUX_PACKET_DESCRIPTORS)
        return -EINVAL;
    if (fd_count > 0) {
        message.msg_control = rights.bytes;
        message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        memcpy(CMSG_DATA(header), fds, fd_count * sizeof(int));
    }
    while (sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

int64_t clinux_receive_packet(int fd, void *bytes, size_t capacity, int *fds, size_t *fd_count)
{
    union rights rights;
    struct iovec piece = {.iov_base = bytes, .iov_len = capacity};
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = rights.bytes, .msg_controllen = sizeof rights.bytes};
    ssize_t length = 0;
    *fd_count = 0;
    while ((length = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)) < 0)
        if (errno != EINTR)
            return -errno;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds + *fd_count, CMSG_DATA(header), count * sizeof(int));
        *fd_count += count;
    }
    return message.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ? -EMSGSIZE : length;
}

int clinux_await_readable(int fd, int milliseconds)
{
    struct pollfd question = {.fd = fd, .events = POLLIN};
    for (;;) {
        const int count = poll(&question, 1, milliseconds);
        if (count >= 0 || errno != EINTR)
            return count < 0 ? -errno : count;
    }
}

int clinux_sealed_memfd(const char *name, const void *bytes, size_t length)
{
    const int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    size_t written = 0;
    while (written < length) {
        const ssize_t count = write(fd, (const char *)bytes + written, length - written);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            break;
        written += (size_t)count;
    }
    if (written == length && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_WRITE) == 0)
        return fd;
    const int error = errno;
    (void)close(fd);
    return -error;
}
