/* Who may connect, what may be said, and how fast. */
#define _GNU_SOURCE

#include "driver.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void a_second_agent_is_refused_with_the_pid_of_the_first(void)
{
    struct keeper_run run = start_keeper(NULL);
    const int first = connect_first(&run);
    const int second = connect_to(&run);
    const struct keeper_refused *refused = AS(keeper_refused, expect(second, KEEPER_REFUSED));
    REQUIRE_EQUAL(refused->error, EBUSY);
    REQUIRE_EQUAL(refused->pid, getpid());
    expect_end(second);
    /* The first notices nothing. */
    (void)SPAWN(first, 1, NULL, "/bin/sleep", "1000");
}

static void who_connects_and_says_nothing_is_in_nobodys_way(void)
{
    struct keeper_run run = start_keeper(NULL);
    const int silent = connect_to(&run);
    const int agent = connect_first(&run);
    (void)SPAWN(agent, 1, NULL, "/bin/sleep", "1000");
    expect_end(silent);
}

static void of_two_the_first_that_said_hello_is_the_agent(void)
{
    struct keeper_run run = start_keeper(NULL);
    const int silent = connect_to(&run);
    halt(run.pid);
    const int first = connect_to(&run);
    const int second = connect_to(&run);
    send_hello(first, KEEPER_VERSION, -1);
    send_hello(second, KEEPER_VERSION, -1);
    REQUIRE(kill(run.pid, SIGCONT) == 0);
    expect_end(silent);
    (void)expect(first, KEEPER_WELCOME);
    REQUIRE_EQUAL(AS(keeper_refused, expect(second, KEEPER_REFUSED))->error, EBUSY);
}

static void connect_as_another(void *argument)
{
    const struct keeper_run *run = argument;
    REQUIRE(setgid(65534) == 0 && setuid(65534) == 0);
    const int fd = connect_to(run);
    REQUIRE_EQUAL(AS(keeper_refused, expect(fd, KEEPER_REFUSED))->error, EACCES);
    expect_end(fd);
}

static void another_user_is_refused(void)
{
    if (geteuid() != 0)
        return;
    struct keeper_run run = start_keeper(NULL);
    (void)close(connect_first(&run));
    struct keeper_run open_run = start_keeper(NULL);
    const int fd = connect_first(&open_run);
    (void)SPAWN(fd, 1, NULL, "/bin/sleep", "1000");
    (void)close(fd);
    /* Only with a folder and socket that somebody has opened up does he come that far. */
    REQUIRE(chmod(scratch, 0711) == 0 && chmod(open_run.folder, 0711) == 0 && chmod(open_run.socket, 0777) == 0);
    REQUIRE_EQUAL(wait_status(start_helper(connect_as_another, &open_run)), 0);
}

static void versions_one_apart_work_and_others_are_refused(void)
{
    struct keeper_run run = start_keeper("--keep", "1000", NULL);
    int fd = connect_to(&run);
    struct {
        struct keeper_hello hello;
        uint32_t more[4];
    } later = {.hello = {.head = {.kind = KEEPER_HELLO, .length = sizeof later},
                         .magic = KEEPER_MAGIC,
                         .version = KEEPER_VERSION + 1,
                         .reserved = 77}};
    send_bytes(fd, &later, sizeof later, NULL, 0);
    REQUIRE_EQUAL(AS(keeper_welcome, expect(fd, KEEPER_WELCOME))->version, KEEPER_VERSION);
    (void)expect(fd, KEEPER_END);
    (void)SPAWN(fd, 1, NULL, "/bin/sleep", "1000");
    (void)close(fd);

    fd = connect_to(&run);
    later.hello.version = KEEPER_VERSION + 2;
    send_bytes(fd, &later, sizeof later, NULL, 0);
    const struct keeper_refused *refused = AS(keeper_refused, expect(fd, KEEPER_REFUSED));
    REQUIRE_EQUAL(refused->error, EPROTONOSUPPORT);
    REQUIRE_EQUAL(refused->version, KEEPER_VERSION);
    expect_end(fd);

    fd = connect_to(&run);
    send_hello(fd, KEEPER_VERSION, -1);
    struct hand_over all = take_over(fd);
    REQUIRE_EQUAL(inherited(&all, 1)->state, KEEPER_RUNNING);
}

/* ---- malformed messages ---- */

struct message {
    _Alignas(uint64_t) uint8_t bytes[1024];
    size_t length;
    int fds[3];
    size_t fd_count;
};

/* One of each request, all good. */
static size_t good_messages(struct message *messages, uint64_t token)
{
    static const enum keeper_kind bare[] = {KEEPER_COLLECT, KEEPER_REAP, KEEPER_FORGET, KEEPER_GOODBYE};
    size_t count = 0;
    for (size_t i = 0; i < 4; i++) {
        const struct keeper_head head = {
            .kind = bare[i], .length = sizeof head, .token = bare[i] == KEEPER_GOODBYE ? 0 : token};
        memcpy(messages[count].bytes, &head, sizeof head);
        messages[count++].length = sizeof head;
    }
    const struct keeper_head ledger = {.kind = KEEPER_LEDGER, .length = sizeof ledger};
    memcpy(messages[count].bytes, &ledger, sizeof ledger);
    messages[count].fd_count = 1;
    messages[count++].length = sizeof ledger;
    for (uint32_t i = 0; i < 2; i++) {
        const struct keeper_tagged tagged = {
            .head = {.kind = i ? KEEPER_DROP : KEEPER_HOLD, .length = sizeof tagged, .token = token}, .tag = 1};
        memcpy(messages[count].bytes, &tagged, sizeof tagged);
        messages[count].fd_count = i ? 0 : 1;
        messages[count++].length = sizeof tagged;
    }
    const struct keeper_hello hello = {
        .head = {.kind = KEEPER_HELLO, .length = sizeof hello}, .magic = KEEPER_MAGIC, .version = KEEPER_VERSION};
    memcpy(messages[count].bytes, &hello, sizeof hello);
    messages[count++].length = sizeof hello;
    struct plan plan = {.argv = (char *[]){"/no/such/program", "one", NULL}, .environment = (char *[]){"A=B", NULL}};
    map_fd(&plan, 0, 0);
    map_fd(&plan, 0, 1);
    hold_fd(&plan, 0, 4);
    hold_fd(&plan, 0, 5);
    plan.directory = 1;
    finish_plan(&plan, token + 1);
    memcpy(messages[count].bytes, plan.bytes, plan.length);
    messages[count].fd_count = plan.fd_count;
    messages[count++].length = plan.length;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < messages[i].fd_count; j++)
            messages[i].fds[j] = 2;
    return count;
}

static int reconnect(const struct keeper_run *run)
{
    const int fd = connect_to(run);
    send_hello(fd, KEEPER_VERSION, -1);
    struct hand_over all = take_over(fd);
    /* Whatever was said, this one is still there and runs. */
    REQUIRE_EQUAL(inherited(&all, 1)->state, KEEPER_RUNNING);
    close_hand_over(&all);
    return fd;
}

static void every_truncation_of_a_message_ends_that_connection_alone(void)
{
    struct keeper_run run = start_keeper(NULL);
    const int first = connect_first(&run);
    (void)SPAWN(first, 1, NULL, "/bin/sleep", "1000");
    (void)close(first);
    static struct message messages[16];
    const size_t count = good_messages(messages, 1);
    for (size_t i = 0; i < count; i++) {
        for (size_t length = 0; length < messages[i].length; length += length < 60 ? 1 : 7) {
            const int fd = reconnect(&run);
            send_bytes(fd, messages[i].bytes, length, messages[i].fds, messages[i].fd_count);
            if (length > 0)
                REQUIRE_EQUAL(AS(keeper_done, expect(fd, KEEPER_DONE))->error, EBADMSG);
            expect_end(fd);
        }
    }
    (void)reconnect(&run);
}

static void any_mutation_of_a_message_is_answered_or_ends_that_connection(void)
{
    struct keeper_run run = start_keeper(NULL);
    int fd = connect_first(&run);
    (void)SPAWN(fd, 1, NULL, "/bin/sleep", "1000");
    const int before = open_descriptors(run.pid);
    static struct message messages[16];
    unsigned seed = 7;
    for (int round = 0; round < 4000; round++) {
        const size_t count = good_messages(messages, 1);
        struct message *message = &messages[(size_t)rand_r(&seed) % count];
        const int changes = 1 + rand_r(&seed) % 3;
        for (int i = 0; i < changes; i++)
            message->bytes[(size_t)rand_r(&seed) % message->length] = (uint8_t)rand_r(&seed);
        const size_t fds = rand_r(&seed) % 4 == 0 ? (size_t)rand_r(&seed) % 4 : message->fd_count;
        for (size_t i = 0; i < 3; i++)
            message->fds[i] = 2;
        send_bytes(fd, message->bytes, message->length, message->fds, fds);
        /* Behind it, one that can be told apart: if it's answered, so was the other. */
        send_head(fd, KEEPER_COLLECT, 0xfeed);
        for (;;) {
            const struct answered *answer = receive(fd);
            for (size_t i = 0; answer && i < answer->fd_count; i++)
                (void)close(answer->fds[i]);
            if (answer && AS(keeper_head, answer)->kind == KEEPER_DONE && AS(keeper_head, answer)->token == 0xfeed)
                break;
            if (!answer) {
                (void)close(fd);
                fd = connect_to(&run);
                send_hello(fd, KEEPER_VERSION, -1);
                struct hand_over all = take_over(fd);
                close_hand_over(&all);
                break;
            }
        }
    }
    (void)close(fd);
    (void)reconnect(&run);
    /* It holds what some of them said, and nothing else. */
    REQUIRE(open_descriptors(run.pid) < before + 2000);
}

static void nothing_but_hello_is_taken_first(void)
{
    struct keeper_run run = start_keeper(NULL);
    const int fd = connect_to(&run);
    send_head(fd, KEEPER_GOODBYE, 0);
    expect_done(fd, KEEPER_GOODBYE, EBADMSG);
    expect_end(fd);
    const int long_one = connect_to(&run);
    static uint8_t bytes[KEEPER_MESSAGE_LIMIT + 8];
    const struct keeper_head head = {.kind = KEEPER_HELLO, .length = sizeof bytes};
    memcpy(bytes, &head, sizeof head);
    send_bytes(long_one, bytes, sizeof bytes, NULL, 0);
    (void)expect(long_one, KEEPER_DONE);
    expect_end(long_one);
    (void)connect_first(&run);
}

static void a_flood_that_nobody_reads_the_answers_of_is_answered_in_order(void)
{
    struct keeper_run run = start_keeper(NULL);
    const int fd = connect_first(&run);
    /* Until neither end's socket takes any more, so the keeper has long stopped reading. */
    uint64_t sent = 0;
    int idle = 0;
    while (idle < 100) {
        const struct keeper_head head = {.kind = KEEPER_REAP, .length = sizeof head, .token = sent + 1};
        if (try_send_bytes(fd, &head, sizeof head, NULL, 0)) {
            sent++;
            idle = 0;
        } else {
            pause_briefly();
            idle++;
        }
    }
    REQUIRE(sent > 300);
    for (uint64_t token = 1; token <= sent; token++) {
        const struct answered *answer = expect(fd, KEEPER_DONE);
        REQUIRE_EQUAL(AS(keeper_done, answer)->head.token, token);
    }
    (void)SPAWN(fd, 1, NULL, "/bin/true");
}

static void starts_in_a_row_without_waiting_are_all_answered(void)
{
    struct keeper_run run = start_keeper(NULL);
    const int fd = connect_first(&run);
    enum { COUNT = 1000 };
    uint64_t sent = 0;
    for (uint64_t answered = 0; answered < COUNT;) {
        struct plan plan = {.argv = (char *[]){"/bin/true", NULL}};
        finish_plan(&plan, sent + 1);
        if (sent < COUNT && try_send_bytes(fd, plan.bytes, plan.length, NULL, 0)) {
            sent++;
            continue;
        }
        const struct answered *answer = expect(fd, KEEPER_SPAWNED);
        REQUIRE_EQUAL(AS(keeper_head, answer)->token, ++answered);
        REQUIRE_EQUAL(AS(keeper_spawned, answer)->error, 0);
        wait_for_end(answer->fds[0]);
        (void)close(answer->fds[0]);
    }
    for (uint64_t token = 1; token <= COUNT; token++)
        REQUIRE_EQUAL(collect(fd, KEEPER_REAP, token, NULL).status, 0);
}

#define CASE(name)                                                                                                     \
    {                                                                                                                  \
#name, name                                                                                                    \
    }
const struct test_case connection_cases[] = {
    CASE(a_second_agent_is_refused_with_the_pid_of_the_first),
    CASE(who_connects_and_says_nothing_is_in_nobodys_way),
    CASE(of_two_the_first_that_said_hello_is_the_agent),
    CASE(another_user_is_refused),
    CASE(versions_one_apart_work_and_others_are_refused),
    CASE(every_truncation_of_a_message_ends_that_connection_alone),
    CASE(any_mutation_of_a_message_is_answered_or_ends_that_connection),
    CASE(nothing_but_hello_is_taken_first),
    CASE(a_flood_that_nobody_reads_the_answers_of_is_answered_in_order),
    CASE(starts_in_a_row_without_waiting_are_all_answered),
    {NULL, NULL},
};
