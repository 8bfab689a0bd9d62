/* The agent's connection: requests in, answers out, neither ever waited for. */
#define _GNU_SOURCE

#include "calls.h"
#include "clinux.h"
#include "keeper.h"

#include <sys/socket.h>

/* So that one agent's flood of requests leaves time for the rest. */
#define REQUESTS_AT_ONCE 64
/* Until the kernel may have memory again. */
#define MEMORY_DISTANCE INT64_C(10000000)

static struct request request;

void close_connection(struct keeper *keeper)
{
    struct connection *connection = &keeper->connection;
    (void)close(connection->fd);
    connection->fd = -1;
    connection->is_closing = false;
    connection->not_before = 0;
    connection->answer.length = 0;
    connection->hand_over = (struct hand_over){0};
    if (!connection->is_agent)
        return;
    connection->is_agent = false;
    keeper->idle_since = now_ns();
    keeper->sweep.is_due = true;
}

/* ---- out ---- */

/* Descriptors as ancillary data. */
union rights {
    char bytes[CMSG_SPACE(KEEPER_DESCRIPTOR_LIMIT * sizeof(int))];
    struct cmsghdr aligned;
};

static int send_message(int fd, const void *bytes, size_t length, const int *fds, size_t fd_count)
{
    union rights rights;
    struct iovec piece = {.iov_base = (void *)bytes, .iov_len = length};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    if (fd_count > 0) {
        message.msg_control = rights.bytes;
        message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        memcpy(CMSG_DATA(header), fds, fd_count * sizeof(int));
    }
    while (CALL(sendmsg, fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

void send_refusal(int fd, int error, pid_t pid)
{
    const struct keeper_refused refused = {
        .head = {.kind = KEEPER_REFUSED, .length = sizeof refused},
        .error = error,
        .pid = pid,
        .version = KEEPER_VERSION,
    };
    (void)send_message(fd, &refused, sizeof refused, NULL, 0);
}

/* The kernel could not for now, and won't tell when it can (ETOOMANYREFS: descriptors under way, unix(7)). */
static bool is_shortage(int error)
{
    return error == -ENOBUFS || error == -ENOMEM || error == -ETOOMANYREFS;
}

/* Sends what waits, and goes on with a hand-over. True when nothing waits any more and the connection stands. */
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
                connection->not_before = now_ns() + MEMORY_DISTANCE;
                return false;
            }
        }
        const int sent = send_message(connection->fd, answer->bytes, answer->length, answer->fds, answer->fd_count);
        if (sent == 0) {
            answer->length = 0;
            continue;
        }
        if (is_shortage(sent))
            connection->not_before = now_ns() + MEMORY_DISTANCE;
        else if (sent != -EAGAIN)
            close_connection(keeper);
        return false;
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
    union rights rights;
    struct iovec piece = {.iov_base = request.bytes, .iov_len = sizeof request.bytes};
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = rights.bytes, .msg_controllen = sizeof rights.bytes};
    ssize_t length = 0;
    while ((length = CALL(recvmsg, fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)) < 0)
        if (errno != EINTR)
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

static void forget(struct keeper *keeper, slot which)
{
    const bool was_recorded = keeper->children.slots[which].is_recorded;
    children_forget(&keeper->children, which);
    if (was_recorded)
        records_discard(keeper->records, which, &keeper->children);
}

static void forget_ended(struct keeper *keeper)
{
    for (slot which = 1; which < keeper->children.slots_used; which++)
        if (keeper->children.slots[which].is_reaped)
            forget(keeper, which);
}

/* ---- requests ---- */

static int greet(struct keeper *keeper)
{
    const struct keeper_hello *hello = (const struct keeper_hello *)(const void *)request.bytes;
    struct connection *connection = &keeper->connection;
    if (hello->version + UINT64_C(1) < KEEPER_VERSION || hello->version > KEEPER_VERSION + UINT64_C(1)) {
        send_refusal(connection->fd, EPROTONOSUPPORT, 0);
        return -EPROTONOSUPPORT;
    }
    replace(&keeper->directory);
    (void)umask(hello->umask & 0777);
    connection->is_agent = true;
    keeper->had_agent = true;
    keeper->has_goodbye = false;
    keeper->is_terminated = false;
    connection->hand_over = (struct hand_over){.is_under_way = true, .next = 1};
    answer_welcome(keeper, hello->version < KEEPER_VERSION ? hello->version : KEEPER_VERSION);
    return 0;
}

static void collect_or_reap(struct keeper *keeper, slot which)
{
    const struct keeper_head *head = (const struct keeper_head *)(const void *)request.bytes;
    const bool reaps = head->kind == KEEPER_REAP;
    int result = reaps ? reap_child(keeper, which) : collect_child(keeper, which);
    struct record record;
    if (result == 0)
        result = records_read(keeper->records, which, &record);
    if (result == 0)
        answer_collected(&keeper->connection, reaps ? KEEPER_REAPED : KEEPER_COLLECTED, head->token, &record);
    else
        answer_done(&keeper->connection, head, -result);
}

static int hold(struct keeper *keeper, slot which)
{
    const struct keeper_tagged *tagged = (const struct keeper_tagged *)(const void *)request.bytes;
    const int reserved = children_reserve(&keeper->children, 1);
    if (reserved < 0)
        return reserved;
    const int copy = long_lived_copy(keeper, request.fds[0]);
    if (copy < 0)
        return copy;
    children_hold(&keeper->children, which, tagged->tag, copy);
    return 0;
}

/* Carries out a request about a child that is known. */
static void serve_child(struct keeper *keeper, slot which)
{
    const struct keeper_head *head = (const struct keeper_head *)(const void *)request.bytes;
    int result = 0;
    if (head->kind == KEEPER_COLLECT || head->kind == KEEPER_REAP) {
        collect_or_reap(keeper, which);
        return;
    }
    if (head->kind == KEEPER_HOLD)
        result = hold(keeper, which);
    else if (head->kind == KEEPER_DROP)
        result = children_drop(&keeper->children, which, ((const struct keeper_tagged *)(const void *)head)->tag);
    else if (!keeper->children.slots[which].is_reaped)
        result = -EBUSY;
    else
        forget(keeper, which);
    answer_done(&keeper->connection, head, -result);
}

static void answer_lack(struct keeper *keeper)
{
    const struct keeper_head *head = (const struct keeper_head *)(const void *)request.bytes;
    if (head->kind == KEEPER_SPAWN)
        answer_not_spawned(&keeper->connection, head->token, KEEPER_STAGE_REQUEST, EMFILE);
    else
        answer_done(&keeper->connection, head, EMFILE);
}

/* Carries out a request and answers it, or -errno when that was the end of the connection. */
static int serve(struct keeper *keeper)
{
    const struct keeper_head *head = (const struct keeper_head *)(const void *)request.bytes;
    const bool has_head = request.length >= sizeof *head;
    if (has_head && request.lacks_descriptors) {
        answer_lack(keeper);
        return 0;
    }
    if (keeper_check_request(request.bytes, request.length, request.fd_count) < 0)
        return -EBADMSG;
    if (head->kind != KEEPER_HELLO && !keeper->connection.is_agent)
        return -EBADMSG;
    switch (head->kind) {
        case KEEPER_HELLO:
            return greet(keeper);
        case KEEPER_SPAWN:
            return spawn_child(keeper, &request);
        case KEEPER_LEDGER:
            replace(&keeper->ledger);
            answer_done(&keeper->connection, head, 0);
            return 0;
        case KEEPER_GOODBYE:
            forget_ended(keeper);
            keeper->has_goodbye = true;
            answer_done(&keeper->connection, head, 0);
            return 0;
        default: {
            const slot which = children_by_token(&keeper->children, head->token);
            if (which)
                serve_child(keeper, which);
            else
                answer_done(&keeper->connection, head, ESRCH);
            return 0;
        }
    }
}

/* Says what was wrong, as far as it can be told, and closes. */
static void reject(struct keeper *keeper)
{
    struct keeper_head head = {0};
    if (request.length >= sizeof head)
        memcpy(&head, request.bytes, sizeof head);
    answer_done(&keeper->connection, &head, EBADMSG);
    keeper->connection.is_closing = true;
}

void serve_connection(struct keeper *keeper)
{
    struct connection *connection = &keeper->connection;
    for (int count = 0; count < REQUESTS_AT_ONCE; count++) {
        if (!send_answers(keeper))
            return;
        const int received = receive(connection->fd);
        if (is_shortage(received))
            connection->not_before = now_ns() + MEMORY_DISTANCE;
        else if (received <= 0 && received != -EAGAIN)
            close_connection(keeper);
        if (received <= 0)
            break;
        const int served = serve(keeper);
        close_descriptors();
        if (served == -EBADMSG)
            reject(keeper);
        else if (served < 0)
            close_connection(keeper);
        if (served < 0 && connection->fd < 0)
            return;
    }
    if (connection->fd >= 0)
        (void)send_answers(keeper);
}
