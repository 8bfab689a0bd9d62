/* The agent's end of a connection. */
#define _GNU_SOURCE

#include "driver.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int connect_to(const struct keeper_run *run)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", run->socket);
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    REQUIRE(fd >= 0);
    EVENTUALLY(connect(fd, (const struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

union rights {
    char bytes[CMSG_SPACE(KEEPER_DESCRIPTOR_LIMIT * sizeof(int))];
    struct cmsghdr aligned;
};

bool try_send_bytes(int fd, const void *bytes, size_t length, const int *fds, size_t count)
{
    union rights rights;
    struct iovec piece = {.iov_base = (void *)bytes, .iov_len = length};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    if (count > 0) {
        message.msg_control = rights.bytes;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(header), fds, count * sizeof(int));
    }
    return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

void send_bytes(int fd, const void *bytes, size_t length, const int *fds, size_t count)
{
    /* EPIPE and the like are for the one who then reads. */
    EVENTUALLY(try_send_bytes(fd, bytes, length, fds, count) || (errno != EAGAIN && errno != ETOOMANYREFS));
}

void send_head(int fd, enum keeper_kind kind, uint64_t token)
{
    const struct keeper_head head = {.kind = kind, .length = sizeof head, .token = token};
    send_bytes(fd, &head, sizeof head, NULL, 0);
}

void send_hello(int fd, uint32_t version, int directory)
{
    const struct keeper_hello hello = {.head = {.kind = KEEPER_HELLO, .length = sizeof hello},
                                       .magic = KEEPER_MAGIC,
                                       .version = version,
                                       .umask = 027};
    send_bytes(fd, &hello, sizeof hello, &directory, directory >= 0);
}

void send_tagged(int fd, enum keeper_kind kind, uint64_t token, uint32_t tag, int held)
{
    const struct keeper_tagged tagged = {.head = {.kind = kind, .length = sizeof tagged, .token = token}, .tag = tag};
    send_bytes(fd, &tagged, sizeof tagged, &held, held >= 0);
}

struct answered *receive(int fd)
{
    static struct answered answer;
    union rights rights;
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    REQUIRE(poll(&readable, 1, PATIENCE_MS) == 1);
    struct iovec piece = {.iov_base = answer.bytes, .iov_len = sizeof answer.bytes};
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = rights.bytes, .msg_controllen = sizeof rights.bytes};
    const ssize_t length = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    if (length < 0 && errno == ECONNRESET)
        return receive(fd);
    REQUIRE(length >= 0);
    if (length == 0)
        return NULL;
    REQUIRE((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0);
    answer.length = (size_t)length;
    answer.fd_count = 0;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header) {
        answer.fd_count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(answer.fds, CMSG_DATA(header), answer.fd_count * sizeof(int));
    }
    REQUIRE_EQUAL(keeper_check_answer(answer.bytes, answer.length, answer.fd_count), 0);
    return &answer;
}

struct answered *expect(int fd, enum keeper_kind kind)
{
    struct answered *answer = receive(fd);
    REQUIRE(answer != NULL);
    REQUIRE_EQUAL(AS(keeper_head, answer)->kind, kind);
    return answer;
}

void expect_done(int fd, enum keeper_kind request, int error)
{
    const struct answered *answer = expect(fd, KEEPER_DONE);
    REQUIRE_EQUAL(AS(keeper_done, answer)->request, request);
    REQUIRE_EQUAL(AS(keeper_done, answer)->error, error);
}

void expect_end(int fd)
{
    REQUIRE(receive(fd) == NULL);
    (void)close(fd);
}

int connect_first(const struct keeper_run *run)
{
    const int fd = connect_to(run);
    send_hello(fd, KEEPER_VERSION, -1);
    REQUIRE_EQUAL(AS(keeper_welcome, expect(fd, KEEPER_WELCOME))->children, 0);
    (void)expect(fd, KEEPER_END);
    return fd;
}

static void take_held(struct inherited *child, const struct answered *answer)
{
    REQUIRE(child->token == AS(keeper_head, answer)->token);
    REQUIRE(child->held_count < sizeof child->held / sizeof *child->held);
    child->held[child->held_count] = answer->fds[0];
    child->tags[child->held_count++] = AS(keeper_tagged, answer)->tag;
}

static void take_child(struct inherited *child, const struct answered *answer)
{
    const struct keeper_child *message = AS(keeper_child, answer);
    *child = (struct inherited){.token = message->head.token,
                                .pid = message->pid,
                                .state = message->state,
                                .outcome = message->outcome,
                                .pidfd = message->state != KEEPER_ENDED ? answer->fds[0] : -1};
    memcpy(child->stat, message + 1, message->outcome.stat_length);
}

struct hand_over take_over(int fd)
{
    struct answered *answer = expect(fd, KEEPER_WELCOME);
    const uint32_t expected = AS(keeper_welcome, answer)->children;
    struct hand_over all = {.ledger = answer->fd_count > 0 ? answer->fds[0] : -1};
    while ((answer = receive(fd)) != NULL && AS(keeper_head, answer)->kind != KEEPER_END) {
        if (AS(keeper_head, answer)->kind == KEEPER_HELD) {
            REQUIRE(all.count > 0);
            take_held(&all.children[all.count - 1], answer);
            continue;
        }
        REQUIRE_EQUAL(AS(keeper_head, answer)->kind, KEEPER_CHILD);
        if (all.count == all.capacity) {
            all.capacity = all.capacity * 2 + 16;
            all.children = realloc(all.children, all.capacity * sizeof *all.children);
            REQUIRE(all.children != NULL);
        }
        take_child(&all.children[all.count++], answer);
    }
    REQUIRE(answer != NULL);
    REQUIRE_EQUAL(all.count, expected);
    return all;
}

const struct inherited *inherited(const struct hand_over *all, uint64_t token)
{
    for (size_t i = 0; i < all->count; i++)
        if (all->children[i].token == token)
            return &all->children[i];
    fail_case(__FILE__, __LINE__, "the token is handed over", NULL, (int64_t)token, 0);
}

void close_hand_over(struct hand_over *all)
{
    for (size_t i = 0; i < all->count; i++) {
        if (all->children[i].pidfd >= 0)
            (void)close(all->children[i].pidfd);
        for (size_t j = 0; j < all->children[i].held_count; j++)
            (void)close(all->children[i].held[j]);
    }
    if (all->ledger >= 0)
        (void)close(all->ledger);
    free(all->children);
    *all = (struct hand_over){.ledger = -1};
}
