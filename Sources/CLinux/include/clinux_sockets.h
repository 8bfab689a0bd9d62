/* Sockets, in the manner of clinux.h: -errno on failure, close-on-exec from birth. */
#ifndef CLINUX_SOCKETS_H
#define CLINUX_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

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

/* ---- Unix sockets ---- */

/* A socket that listens at `path`, non-blocking. Its file has `mode`, less the umask, from the start. EADDRINUSE: there
 * is something at the path. */
int clinux_unix_listen(const char *_Nonnull path, mode_t mode, int backlog);

/* A socket that is connected to the one that listens at `path`, non-blocking. ECONNREFUSED: nobody listens; EAGAIN:
 * somebody does who is busy. */
int clinux_unix_connect(const char *_Nonnull path);

/* A descriptor of the folder that `path`, as short as that of a socket, is in, with a lock on it (flock(2)) until it is
 * closed. EWOULDBLOCK: somebody else has it. */
int clinux_lock_folder(const char *_Nonnull path);

/* Who had connected (SO_PEERCRED): 0 or -errno. */
struct clinux_credentials {
    pid_t pid;
    uid_t uid;
    gid_t gid;
};

int clinux_peer_credentials(int fd, struct clinux_credentials *_Nonnull out);

/* ---- files to sockets ---- */

/* sendfile(2): how many bytes went from `offset` of `file` into the socket; 0 at the file's end. Unlike send(2) it can't
 * be told to leave out SIGPIPE. */
int64_t clinux_send_file(int socket, int file, int64_t offset, size_t count);

/* Whether the byte at `offset`, or the file's end there, can be read without waiting for a disk (preadv2(2), RWF_NOWAIT).
 * Where the file system can't say, only if all of it is in memory by its nature. */
bool clinux_is_in_memory(int file, int64_t offset);

#endif
