/* Packets of a Unix SOCK_SEQPACKET socket, with descriptors beside them (unix(7)), in the manner of clinux.h. */
#ifndef CLINUX_PACKETS_H
#define CLINUX_PACKETS_H

#include <stddef.h>
#include <stdint.h>

/* Descriptors beside one packet: SCM_MAX_FD of the kernel. */
#define CLINUX_PACKET_DESCRIPTORS 253

/* Sends one packet, whole or not at all, without waiting: 0, or -EAGAIN (the peer doesn't read), -ETOOMANYREFS,
 * -ENOBUFS, -ENOMEM (the kernel could not for now, and won't tell when it can), or what ended the connection. */
int clinux_send_packet(int fd, const void *_Nonnull bytes, size_t length, const int *_Nullable fds, size_t fd_count);

/* Receives one packet without waiting: its length, 0 at the end of the connection, or -errno; -EMSGSIZE for one that
 * was longer than `capacity` or had descriptors that there was no number for. `fds` has room for
 * CLINUX_PACKET_DESCRIPTORS; the caller owns what it gets, also when the result is negative. */
int64_t clinux_receive_packet(int fd, void *_Nonnull bytes, size_t capacity, int *_Nonnull fds,
                              size_t *_Nonnull fd_count);

/* Waits up to so many milliseconds until there is something to receive: 1, 0 when there isn't, -errno. */
int clinux_await_readable(int fd, int milliseconds);

/* A memfd with these bytes, which can't be changed any more (F_SEAL_SHRINK, F_SEAL_WRITE). */
int clinux_sealed_memfd(const char *_Nonnull name, const void *_Nonnull bytes, size_t length);

#endif
