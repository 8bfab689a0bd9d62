/* The agent's connection: requests in, answers out, neither ever waited for.
 *
 * What was sent is done. An agent that has gone is noticed when an answer can't be sent, or at the end of what it sent;
 * in either case the connection stays until all of that has been read and carried out. */
#define _GNU_SOURCE

#include "calls.h"
#include "clinux.h"
#include "keeper.h"

#include <sys/socket.h>

/* So that one agent's flood of requests leaves time for the rest. */
#define REQUESTS_AT_ONCE 64
/* Until the kernel may have memory again. */
#define SHORTAGE_DISTANCE INT64_C(10000000)

static struct request request;

void cut_connection(struct connection *connection)
{
    (void)shutdown(connection->fd, SHUT_RDWR);
    connection->hand_over = (struct hand_over){0};
}

void close_connection(struct keeper *keeper)
{
    struct connection *connection = &keeper->connection;
    (void)close(connection->fd);
    if (connection->is_agent) {
        keeper->idle_since = now_ns();
        /* Now also for children. */
        keeper->sweep.due = keeper->idle_since;
    }
    *connection = (struct connection){.fd = -1};
}

void wait_for_the_kernel(struct keeper *keeper)
{
    keeper->short_until = now_ns() + SHORTAGE_DISTANCE;
}

/* ETOOMANYREFS: descriptors under way, unix(7). */
static bool is_shortage(int error)
{
    return error == -ENOBUFS || error == -ENOMEM || error == -ETOOMANYREFS;
}

/* ---- out ---- */

static int send_message(int fd, const void *bytes, size_t length, int passed)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } rights = {.bytes = {0}};
    struct iovec piece = {.iov_base = (void *)bytes, .iov_len = length};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    if (passed >= 0) {
        message.msg_control = rights.bytes;
        message.msg_controllen = sizeof rights.bytes;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof passed);
        memcpy(CMSG_DATA(header), &passed, sizeof passed);
    }
    return CALL(sendmsg, fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

void send_refusal(int fd, int error, pid_t pid)
{
    const struct keeper_refused refused = {
        .head = {.kind = KEEPER_REFUSED, .length = sizeof refused},
        .error = error,
        .pid = pid,
        .version = KEEPER_VERSION,
    };
    (void)send_message(fd, &refused, sizeof refused, -1);
}

/* Sends what waits and the hand-over: whether it's time for the next request. */
static bool send_answers(struct keeper *keeper)
{
    struct connection *connection = &keeper->connection;
    struct answer *answer = &connection->answer;
    for (;;) {
        if (answer->length == 0) {
            if (connection->is_closing) {
                close_connection(keeper);
                return false;
            }
            if (!connection->hand_over.is_under_way)
                return true;
            if (answer_next_of_hand_over(keeper) < 0) {
                wait_for_the_kernel(keeper);
                return false;
            }
        }
        const int sent = send_message(connection->fd, answer->bytes, answer->length, answer->fd);
        if (is_shortage(sent))
            wait_for_the_kernel(keeper);
        if (sent == -EAGAIN || is_shortage(sent))
            return false;
        answer->length = 0;
        /* Nobody is there to read it. */
        if (sent < 0)
            cut_connection(connection);
    }
}

/* ---- in ---- */

static void take_descriptors(struct msghdr *message)
{
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(request.fds + request.fd_count, CMSG_DATA(header), count * sizeof(int));
        request.fd_count += count;
    }
    /* The room for them is as large as can be, so descriptors are missing only if there was no number for them. */
    request.lacks_descriptors = message->msg_flags & MSG_CTRUNC;
}

static void close_descriptors(void)
{
    for (size_t i = 0; i < request.fd_count; i++)
        if (request.fds[i] >= 0)
            (void)close(request.fds[i]);
    request.fd_count = 0;
}

/* Receives a request: 1, 0 at the end of the connection, or -errno. */
static int receive(int fd)
{
    union {
        char bytes[CMSG_SPACE(KEEPER_DESCRIPTOR_LIMIT * sizeof(int))];
        struct cmsghdr aligned;
    } rights;
    struct iovec piece = {.iov_base = request.bytes, .iov_len = sizeof request.bytes};
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = rights.bytes, .msg_controllen = sizeof rights.bytes};
    const ssize_t length = CALL(recvmsg, fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (length < 0)
        return -errno;
    take_descriptors(&message);
    request.length = message.msg_flags & MSG_TRUNC ? 0 : (size_t)length;
    /* An empty packet looks like the end, and is treated so. It may have brought descriptors. */
    if (length == 0)
        close_descriptors();
    return length > 0;
}

/* Takes the first descriptor of the request in place of `*former`. */
static void replace(int *former)
{
    if (*former >= 0)
        (void)close(*former);
    *former = request.fd_count > 0 ? request.fds[0] : -1;
    if (request.fd_count > 0)
        request.fds[0] = -1;
}

/* ---- requests ---- */

static void greet(struct keeper *keeper)
{
    const struct keeper_hello *hello = &request.hello;
    struct connection *connection = &keeper->connection;
    if (hello->version + UINT64_C(1) < KEEPER_VERSION || hello->version > KEEPER_VERSION + UINT64_C(1)) {
        send_refusal(connection->fd, EPROTONOSUPPORT, 0);
        connection->is_closing = true;
        return;
    }
    replace(&keeper->directory);
    (void)umask(hello->umask & 0777);
    connection->is_agent = true;
    keeper->had_agent = true;
    keeper->has_goodbye = false;
    keeper->is_terminated = false;
    connection->hand_over = (struct hand_over){.is_under_way = true, .next = 1};
    answer_welcome(keeper, hello->version < KEEPER_VERSION ? hello->version : KEEPER_VERSION);
}

static void forget(struct keeper *keeper, slot which)
{
    children_forget(&keeper->children, which);
    records_discard(keeper->records, which, &keeper->children);
}

static void say_goodbye(struct keeper *keeper)
{
    for (slot which = 1; which < keeper->children.slots_used; which++)
        if (keeper->children.slots[which].is_reaped)
            forget(keeper, which);
    keeper->has_goodbye = true;
}

static int collect_or_reap(struct keeper *keeper, slot which)
{
    const bool reaps = request.head.kind == KEEPER_REAP;
    int result = reaps ? reap_child(keeper, which) : collect_child(keeper, which);
    struct record record;
    if (result == 0)
        result = records_read(keeper->records, which, &record);
    if (result == 0)
        answer_collected(&keeper->connection, reaps ? KEEPER_REAPED : KEEPER_COLLECTED, request.head.token, &record);
    return result;
}

/* Carries out a request about a child that is known: 0 or -errno. */
static int serve_child(struct keeper *keeper, slot which)
{
    struct child *child = &keeper->children.slots[which];
    switch (request.head.kind) {
        case KEEPER_HOLD:
            return hold_copy(keeper, &child->held, request.tagged.tag, request.fds[0]);
        case KEEPER_DROP:
            return held_drop(&child->held, request.tagged.tag);
        case KEEPER_FORGET:
            if (!child->is_reaped)
                return -EBUSY;
            forget(keeper, which);
            return 0;
        default:
            return collect_or_reap(keeper, which);
    }
}

static void answer_lack(struct connection *connection)
{
    if (request.head.kind == KEEPER_SPAWN)
        answer_not_spawned(connection, request.head.token, KEEPER_STAGE_REQUEST, EMFILE);
    else
        answer_done(connection, &request.head, EMFILE);
}

/* Says what was wrong, as far as it can be told, and closes. */
static void reject(struct connection *connection)
{
    const struct keeper_head unknown = {0};
    answer_done(connection, request.length >= sizeof unknown ? &request.head : &unknown, EBADMSG);
    connection->is_closing = true;
}

/* Carries out a request and answers it. */
static void serve(struct keeper *keeper)
{
    struct connection *connection = &keeper->connection;
    if (request.length >= sizeof request.head && request.lacks_descriptors) {
        answer_lack(connection);
        return;
    }
    if (keeper_check_request(request.bytes, request.length, request.fd_count) < 0 ||
        (request.head.kind != KEEPER_HELLO && !connection->is_agent)) {
        reject(connection);
        return;
    }
    int result = 0;
    switch (request.head.kind) {
        case KEEPER_HELLO:
            greet(keeper);
            return;
        case KEEPER_SPAWN:
            if (spawn_child(keeper, &request) < 0)
                reject(connection);
            return;
        case KEEPER_LEDGER:
            replace(&keeper->ledger);
            break;
        case KEEPER_GOODBYE:
            say_goodbye(keeper);
            break;
        default: {
            const slot which = children_by_token(&keeper->children, request.head.token);
            result = which ? serve_child(keeper, which) : -ESRCH;
        }
    }
    /* Unless it has been answered with more than that. */
    if (connection->answer.length == 0)
        answer_done(connection, &request.head, -result);
}

void serve_connection(struct keeper *keeper)
{
    struct connection *connection = &keeper->connection;
    for (int count = 0; send_answers(keeper) && count < REQUESTS_AT_ONCE; count++) {
        const int received = receive(connection->fd);
        /* Said once, before the rest of what it sent, when an agent has gone that left answers unread. */
        if (received == -ECONNRESET)
            continue;
        if (is_shortage(received))
            wait_for_the_kernel(keeper);
        else if (received <= 0 && received != -EAGAIN)
            close_connection(keeper);
        if (received <= 0)
            return;
        serve(keeper);
        close_descriptors();
    }
}
