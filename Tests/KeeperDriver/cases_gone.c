/* What an agent sent before it went is done. */
#define _GNU_SOURCE

#include "driver.h"

#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How an agent goes, and with how many answers unread. */
struct departure {
    const struct keeper_run *run;
    bool is_killed;
    size_t unread;
};

/* More than the keeper's socket takes. */
enum { TOO_MANY = 700, LAST_TAG = 7, LAST_TOKEN = 10 };

static void leave_unread(int fd, const struct departure *departure)
{
    const int size = 1 << 20;
    REQUIRE(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) == 0 ||
            setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
    size_t sent = 0;
    const struct keeper_head head = {.kind = KEEPER_COLLECT, .length = sizeof head, .token = 1};
    while (sent < departure->unread && try_send_bytes(fd, &head, sizeof head, NULL, 0))
        sent++;
    if (sent == 0)
        return;
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    REQUIRE(poll(&readable, 1, PATIENCE_MS) == 1);
    /* It sleeps though there is something to read. */
    int unread = 0;
    if (sent > 1)
        EVENTUALLY(process_state(departure->run->pid) == 'S' && ioctl(fd, SIOCOUTQ, &unread) == 0 && unread > 0);
}

static void send_burst(int fd)
{
    const int held = temporary_file();
    send_tagged(fd, KEEPER_HOLD, 1, 3, held);
    send_tagged(fd, KEEPER_DROP, 1, 1, -1);
    const int ledger = memfd_create("ledger", MFD_CLOEXEC);
    REQUIRE(pwrite(ledger, "last", 4, 0) == 4);
    const struct keeper_head head = {.kind = KEEPER_LEDGER, .length = sizeof head};
    send_bytes(fd, &head, sizeof head, &ledger, 1);
    send_head(fd, KEEPER_REAP, 2);
    send_head(fd, KEEPER_FORGET, 2);
    char script[96];
    (void)snprintf(script, sizeof script, "echo x >> %s/started; exit 3", scratch);
    struct plan plan = {.argv = (char *[]){"/bin/sh", "-c", script, NULL}};
    send_plan(fd, &plan, LAST_TOKEN);
    send_tagged(fd, KEEPER_HOLD, LAST_TOKEN, 5, held);
    send_tagged(fd, KEEPER_HOLD, 1, LAST_TAG, held);
}

static void depart(void *argument)
{
    const struct departure *departure = argument;
    const int fd = connect_first(departure->run);
    int pidfd = -1;
    const int held = temporary_file();
    struct plan plan = {.argv = (char *[]){"/bin/sleep", "1000", NULL}};
    hold_fd(&plan, held, 1);
    hold_fd(&plan, held, 2);
    (void)spawn_plan(fd, &plan, 1, NULL);
    (void)SPAWN(fd, 2, &pidfd, "/bin/true");
    wait_for_end(pidfd);
    leave_unread(fd, departure);
    halt(departure->run->pid);
    send_burst(fd);
    if (departure->is_killed)
        (void)raise(SIGKILL);
    (void)close(fd);
}

static bool has_started(void)
{
    char path[96];
    char text[16] = {0};
    (void)snprintf(path, sizeof path, "%s/started", scratch);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    (void)fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    REQUIRE(strcmp(text, "x\n") == 0 || *text == 0);
    return *text != 0;
}

static bool holds(const struct inherited *child, uint32_t tag)
{
    for (size_t i = 0; i < child->held_count; i++)
        if (child->tags[i] == tag)
            return true;
    return false;
}

static void require_all_done_after(bool is_killed, size_t unread)
{
    struct keeper_run run = start_keeper(NULL);
    const struct departure departure = {&run, is_killed, unread};
    REQUIRE_EQUAL(wait_status(start_helper(depart, (void *)&departure)), is_killed ? SIGKILL : 0);
    /* The next one is there before the keeper has read anything. */
    const int fd = connect_to(&run);
    send_hello(fd, KEEPER_VERSION, -1);
    REQUIRE(kill(run.pid, SIGCONT) == 0);
    struct hand_over all = take_over(fd);
    REQUIRE_EQUAL(all.count, 2);
    const struct inherited *first = inherited(&all, 1);
    REQUIRE_EQUAL(first->state, KEEPER_RUNNING);
    REQUIRE_EQUAL(first->held_count, 3);
    REQUIRE(holds(first, 2) && holds(first, 3) && holds(first, LAST_TAG));
    const struct inherited *last = inherited(&all, LAST_TOKEN);
    REQUIRE(last->held_count == 1 && holds(last, 5));
    EVENTUALLY(has_started());
    char text[8] = {0};
    REQUIRE(all.ledger >= 0 && pread(all.ledger, text, sizeof text, 0) == 4 && strcmp(text, "last") == 0);
    if (last->pidfd >= 0)
        wait_for_end(last->pidfd);
    REQUIRE_EQUAL(collect(fd, KEEPER_REAP, LAST_TOKEN, NULL).status, 3 << 8);
}

static void all_that_a_killed_agent_sent_is_done(void)
{
    require_all_done_after(true, 0);
}

static void all_that_an_agent_sent_before_it_closed_is_done(void)
{
    require_all_done_after(false, 0);
}

static void all_that_a_killed_agent_sent_is_done_though_it_left_an_answer_unread(void)
{
    require_all_done_after(true, 1);
}

static void all_that_an_agent_sent_before_it_closed_is_done_though_it_left_an_answer_unread(void)
{
    require_all_done_after(false, 1);
}

static void all_that_a_killed_agent_sent_is_done_though_its_answers_were_stuck(void)
{
    require_all_done_after(true, TOO_MANY);
}

static void all_that_an_agent_sent_before_it_closed_is_done_though_its_answers_were_stuck(void)
{
    require_all_done_after(false, TOO_MANY);
}

static void what_stands_behind_a_bad_message_is_not_done(void)
{
    struct keeper_run run = start_keeper(NULL);
    int fd = connect_first(&run);
    (void)SPAWN(fd, 1, NULL, "/bin/sleep", "1000");
    halt(run.pid);
    const int held = temporary_file();
    send_tagged(fd, KEEPER_HOLD, 1, 1, held);
    send_head(fd, KEEPER_HOLD, 1);
    send_tagged(fd, KEEPER_HOLD, 1, 2, held);
    (void)close(fd);
    fd = connect_to(&run);
    send_hello(fd, KEEPER_VERSION, -1);
    REQUIRE(kill(run.pid, SIGCONT) == 0);
    struct hand_over all = take_over(fd);
    REQUIRE(inherited(&all, 1)->held_count == 1 && holds(inherited(&all, 1), 1));
}

/* ---- at any moment ---- */

enum { ROUNDS = 25 };

/* Starts processes that note their token, without waiting for answers. */
struct doomed {
    const struct keeper_run *run;
    uint64_t first;
    volatile uint64_t *sent; /* shared: how many so far */
};

static void start_many(void *argument)
{
    const struct doomed *doomed = argument;
    const int fd = connect_to(doomed->run);
    send_hello(fd, KEEPER_VERSION, -1);
    for (uint64_t token = doomed->first;; token++) {
        char script[160];
        (void)snprintf(script, sizeof script, "echo %lu >> %s/started; exit 3", (unsigned long)token, scratch);
        struct plan plan = {.argv = (char *[]){"/bin/sh", "-c", script, NULL}};
        send_plan(fd, &plan, token);
        ++*doomed->sent;
        struct answered *answer = NULL;
        if (token % 8 == 0)
            while ((answer = receive(fd)) && AS(keeper_head, answer)->token != token - 4)
                for (size_t i = 0; i < answer->fd_count; i++)
                    (void)close(answer->fds[i]);
    }
}

static bool all_have_ended(const struct keeper_run *run, struct hand_over *all)
{
    const int fd = connect_to(run);
    send_hello(fd, KEEPER_VERSION, -1);
    *all = take_over(fd);
    (void)close(fd);
    for (size_t i = 0; i < all->count; i++)
        if (all->children[i].state != KEEPER_ENDED)
            return false;
    return true;
}

/* Each that has started is known, and has started once. */
static void require_started_once(const struct hand_over *all)
{
    static uint8_t notes[1 << 20];
    char path[96];
    (void)snprintf(path, sizeof path, "%s/started", scratch);
    FILE *started = fopen(path, "re");
    REQUIRE(started != NULL);
    unsigned long token = 0;
    size_t count = 0;
    while (fscanf(started, "%lu", &token) == 1) {
        const struct inherited *child = inherited(all, token);
        REQUIRE_EQUAL(child->outcome.status, 3 << 8);
        uint8_t *note = &notes[child - all->children];
        REQUIRE_EQUAL(*note, 0);
        *note = 1;
        count++;
    }
    (void)fclose(started);
    REQUIRE_EQUAL(count, all->count);
    REQUIRE(count > 0);
}

static void an_agent_killed_at_any_moment_loses_no_process_and_starts_none_twice(void)
{
    struct keeper_run run = start_keeper(NULL);
    uint64_t *sent = mmap(NULL, ROUNDS * sizeof *sent, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(sent != MAP_FAILED);
    unsigned seed = 1;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct doomed doomed = {&run, (round << 32) + 1, &sent[round]};
        const pid_t pid = start_helper(start_many, &doomed);
        const struct timespec moment = {.tv_nsec = 1000000L * (rand_r(&seed) % 60)};
        (void)nanosleep(&moment, NULL);
        REQUIRE(kill(pid, SIGKILL) == 0);
        (void)wait_status(pid);
    }
    struct hand_over all = {.ledger = -1};
    EVENTUALLY((close_hand_over(&all), all_have_ended(&run, &all)));
    for (uint64_t round = 0; round < ROUNDS; round++)
        for (uint64_t i = 1; i <= sent[round]; i++)
            (void)inherited(&all, (round << 32) + i);
    require_started_once(&all);
}

#define CASE(name)                                                                                                     \
    {                                                                                                                  \
#name, name                                                                                                    \
    }
const struct test_case gone_cases[] = {
    CASE(all_that_a_killed_agent_sent_is_done),
    CASE(all_that_an_agent_sent_before_it_closed_is_done),
    CASE(all_that_a_killed_agent_sent_is_done_though_it_left_an_answer_unread),
    CASE(all_that_an_agent_sent_before_it_closed_is_done_though_it_left_an_answer_unread),
    CASE(all_that_a_killed_agent_sent_is_done_though_its_answers_were_stuck),
    CASE(all_that_an_agent_sent_before_it_closed_is_done_though_its_answers_were_stuck),
    CASE(what_stands_behind_a_bad_message_is_not_done),
    CASE(an_agent_killed_at_any_moment_loses_no_process_and_starts_none_twice),
    {NULL, NULL},
};
