/* Sockets, in the manner of clinux.h: -errno on failure, close-on-exec from birth. */
#ifndef CLINUX_SOCKETS_H
#define CLINUX_SOCKETS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* A TCP socket of AF_INET or AF_INET6, non-blocking, that sends small segments at once (TCP_NODELAY). */
int clinux_tcp_socket(int family);

/* connect(2) of a non-blocking socket: 0 when connected, -EINPROGRESS when it goes on (also after a signal). */
int clinux_connect(int fd, const struct sockaddr *_Nonnull address, socklen_t len);

/* How a connect that went on has ended, or what else has befallen the socket: 0, or -errno (SO_ERROR). */
int clinux_socket_error(int fd);

/* Whether a socket is connected to itself. A connect to a free port of this machine, if the kernel happens to pick that
 * very port for our own end, meets itself (RFC 9293, section 3.5, simultaneous open). 1 yes, 0 no. */
int clinux_is_connected_to_itself(int fd);

/* bind(2), with SO_REUSEADDR, so that connections of a predecessor that aren't quite gone don't matter, and of IPv6
 * IPV6_V6ONLY, so that [::] leaves IPv4 to others; then listen(2). */
int clinux_listen(int fd, const struct sockaddr *_Nonnull address, socklen_t len, int backlog);

/* accept4(2): the connection, non-blocking and with TCP_NODELAY, and where it comes from. */
int clinux_accept(int fd, struct sockaddr_storage *_Nonnull peer);

/* Bytes that were sent and that the peer's system has not acknowledged (SIOCOUTQ, tcp(7)), or -errno. */
int clinux_unacknowledged(int fd);

/* What the kernel has measured of a TCP connection. */
struct clinux_link {
    /* The shortest round trip of late, in microseconds. */
    uint32_t round_trip_us;
    /* In bytes a second, as the peer's system acknowledged them. */
    uint64_t delivery_rate;
    /* The rate is what was sent then, and not all that the way can take. */
    bool sender_limited;
};

/* TCP_INFO, tcp(7): 0 or -errno; -ENOSYS from a kernel before 4.9. */
int clinux_measure_link(int fd, struct clinux_link *_Nonnull out);

/* ---- within one machine (unix(7)) ---- */

/* The longest path of a socket: what a struct sockaddr_un has room for, less the NUL. */
#define CLINUX_SOCKET_PATH_LIMIT 107

/* Two sockets that are connected and keep messages apart (SOCK_SEQPACKET). The first doesn't block. */
int clinux_packet_pair(int *_Nonnull first, int *_Nonnull second);

/* Connects to a socket of that kind, without waiting: the connection, which doesn't block. ECONNREFUSED: nobody listens
 * there; EAGAIN: too many wait already; ENAMETOOLONG: the path is no socket's. */
int clinux_packet_connect(const char *_Nonnull path);

/* getsockname(2) */
int clinux_local_address(int fd, struct sockaddr_storage *_Nonnull out);

#endif
