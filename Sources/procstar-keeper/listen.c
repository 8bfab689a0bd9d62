/* The socket where agents find their keeper. */
#define _GNU_SOURCE

#include "calls.h"
#include "clinux.h"
#include "keeper.h"

#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>

/* What struct sockaddr_un has room for, less ".lock". */
#define LONGEST_NAME 100
/* A keeper that is just ending has the lock for a moment. */
#define LOCK_TRIES 100
#define LOCK_DISTANCE_NS 10000000

int complain(const char *act, const char *object)
{
    const int error = errno;
    (void)fprintf(stderr, "procstar-keeper: %s %s: %s\n", act, object,
                  strerror(error)); // NOLINT(concurrency-mt-unsafe)
    return EXIT_SYSTEM;
}

/* Opens the folder and goes there, so that the whole path may be longer than a socket's address: 0, or an exit status.
 */
static int enter_folder(struct keeper *keeper, const char *folder)
{
    struct stat status;
    keeper->listener_folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (keeper->listener_folder < 0)
        return complain("open", folder);
    if (fstat(keeper->listener_folder, &status) < 0)
        return complain("look at", folder);
    if (status.st_uid != geteuid() || (status.st_mode & 077) != 0) {
        (void)fprintf(stderr, "procstar-keeper: %s: must belong to user %u and be closed to others (chmod 700)\n",
                      folder, geteuid());
        return EXIT_SYSTEM;
    }
    return fchdir(keeper->listener_folder) < 0 ? complain("enter", folder) : 0;
}

static int say_taken(int lock, const char *path)
{
    char pid[16] = {0};
    const ssize_t length = pread(lock, pid, sizeof pid - 1, 0);
    (void)fprintf(stderr, "procstar-keeper: %s: taken by another keeper, pid %s\n", path, length > 0 ? pid : "unknown");
    return EXIT_TAKEN;
}

/* Takes the lock beside the socket, which stays as long as this process: 0, or an exit status. */
static int take_lock(const char *name, const char *path)
{
    char lock_name[LONGEST_NAME + sizeof ".lock"];
    (void)snprintf(lock_name, sizeof lock_name, "%s.lock", name);
    const int lock = open(lock_name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0)
        return complain("open the lock of", path);
    const struct timespec distance = {.tv_nsec = LOCK_DISTANCE_NS};
    for (int tries = 1; flock(lock, LOCK_EX | LOCK_NB) < 0; tries++) {
        if (errno != EWOULDBLOCK)
            return complain("lock", path);
        if (tries == LOCK_TRIES)
            return say_taken(lock, path);
        (void)nanosleep(&distance, NULL);
    }
    char pid[16];
    const int length = snprintf(pid, sizeof pid, "%d", getpid());
    if (ftruncate(lock, 0) < 0 || pwrite(lock, pid, (size_t)length, 0) != length)
        return complain("write the lock of", path);
    return 0;
}

static int bind_here(struct keeper *keeper, const char *name, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", name);
    /* With the lock, whatever is there is left over. */
    if (unlink(name) < 0 && errno != ENOENT)
        return complain("remove", path);
    keeper->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (keeper->listener < 0)
        return complain("make a socket for", path);
    if (bind(keeper->listener, (const struct sockaddr *)&address, sizeof address) < 0)
        return complain("bind", path);
    return listen(keeper->listener, SOMAXCONN) < 0 ? complain("listen at", path) : 0;
}

int listen_at(struct keeper *keeper, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    errno = *name ? ENAMETOOLONG : EISDIR;
    if (!*name || strlen(name) > LONGEST_NAME)
        return complain("listen at", path);
    keeper->listener_name = name;
    char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    int status = folder ? enter_folder(keeper, folder) : complain("listen at", path);
    free(folder);
    if (status == 0)
        status = take_lock(name, path);
    return status == 0 ? bind_here(keeper, name, path) : status;
}

void stop_listening(struct keeper *keeper)
{
    if (keeper->listener >= 0)
        (void)unlinkat(keeper->listener_folder, keeper->listener_name, 0);
}

void accept_connection(struct keeper *keeper)
{
    struct connection *connection = &keeper->connection;
    /* What has been said comes first, by an agent that has gone, or by one that isn't known as such yet. */
    struct pollfd before = {.fd = connection->fd, .events = connection->is_agent ? 0 : POLLIN};
    if (poll(&before, 1, 0) != 0)
        return;
    const int fd = CALL(accept4, keeper->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        if (errno != EAGAIN)
            wait_for_the_kernel(keeper);
        return;
    }
    struct ucred peer = {.pid = 0};
    socklen_t length = sizeof peer;
    int refusal = 0;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0 || peer.uid != geteuid())
        refusal = EACCES;
    else if (connection->is_agent)
        refusal = EBUSY;
    if (refusal) {
        send_refusal(fd, refusal, refusal == EBUSY ? connection->pid : 0);
        (void)close(fd);
        return;
    }
    /* Who has said nothing gives way. */
    if (connection->fd >= 0)
        close_connection(keeper);
    connection->fd = fd;
    connection->pid = peer.pid;
}
