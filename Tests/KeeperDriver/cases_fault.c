/* Every call fails once, in each way that it can: the keeper says so, and nothing is lost or left open. Needs a keeper
 * that was built with KEEPER_FAULTS. */
#define _GNU_SOURCE

#include "driver.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static char log_path[96];

static bool log_has(const char *call)
{
    char line[128];
    bool found = false;
    FILE *log = fopen(log_path, "re");
    while (log && fgets(line, sizeof line, log))
        found |= strncmp(line, call, strlen(call)) == 0 && line[strlen(call)] == ' ';
    if (log)
        (void)fclose(log);
    return found;
}

/* Asks until it succeeds; a fault comes once. */
static pid_t spawn_in_the_end(int fd, uint64_t token, char *const *argv, int held)
{
    for (int tries = 0;; tries++) {
        struct plan plan = {.argv = argv, .in_memfd = token % 2 == 0, .seals = F_SEAL_SHRINK | F_SEAL_WRITE};
        map_fd(&plan, held, 0);
        hold_fd(&plan, held, 1);
        send_plan(fd, &plan, token);
        const struct answered *answer = expect(fd, KEEPER_SPAWNED);
        const struct keeper_spawned *spawned = AS(keeper_spawned, answer);
        if (spawned->error == 0) {
            (void)close(answer->fds[0]);
            return spawned->pid;
        }
        REQUIRE(tries < 2);
    }
}

static const struct answered *do_in_the_end(int fd, enum keeper_kind kind, uint64_t token, int held)
{
    for (int tries = 0;; tries++) {
        if (kind == KEEPER_HOLD)
            send_tagged(fd, kind, token, 2, held);
        else
            send_head(fd, kind, token);
        const struct answered *answer = receive(fd);
        REQUIRE(answer != NULL);
        if (AS(keeper_head, answer)->kind != KEEPER_DONE || AS(keeper_done, answer)->error == 0)
            return answer;
        REQUIRE(tries < 2);
    }
}

/* A life of a keeper, with everything in it. */
static void live(void)
{
    struct keeper_run run = start_keeper("--keep", "1000", NULL);
    int fd = connect_first(&run);
    const int before = open_descriptors(run.pid);
    int until[2];
    make_pipe(until);
    enum { COUNT = 70 }; /* the table grows once */
    static char script[] = "read x; exit 5";
    static char *words[700]; /* more than the few that need no memory */
    for (size_t i = 0; i < 600; i++)
        words[i] = "word";
    words[0] = "/bin/sh";
    words[1] = "-c";
    words[2] = script;
    pid_t pids[COUNT + 1];
    for (uint64_t token = 1; token <= COUNT; token++) {
        words[token == 4 ? 600 : 3] = NULL;
        pids[token] = spawn_in_the_end(fd, token, words, until[0]);
        words[3] = "word";
    }
    (void)do_in_the_end(fd, KEEPER_HOLD, 1, until[0]);
    (void)close(fd);
    (void)close(until[0]);
    /* The keeper still holds the reader. Half of them end without an agent. */
    for (uint64_t token = 1; token <= COUNT / 2; token++)
        REQUIRE(kill(pids[token], SIGKILL) == 0);
    for (uint64_t token = 1; token <= COUNT / 2; token++)
        EVENTUALLY(process_state(pids[token]) == 0);
    fd = connect_to(&run);
    send_hello(fd, KEEPER_VERSION, -1);
    struct hand_over all = take_over(fd);
    REQUIRE_EQUAL(all.count, COUNT);
    (void)close(until[1]);
    for (uint64_t token = 1; token <= COUNT; token++) {
        const struct inherited *child = inherited(&all, token);
        REQUIRE_EQUAL(child->pid, pids[token]);
        REQUIRE_EQUAL(child->held_count, token == 1 ? 2 : 1);
        if (child->pidfd >= 0)
            wait_for_end(child->pidfd);
        const int status = token <= COUNT / 2 ? SIGKILL : 5 << 8;
        REQUIRE(child->state == KEEPER_RUNNING || child->outcome.status == status);
        (void)do_in_the_end(fd, KEEPER_COLLECT, token, -1);
        const struct answered *answer = do_in_the_end(fd, KEEPER_REAP, token, -1);
        REQUIRE_EQUAL(AS(keeper_collected, answer)->outcome.status, status);
        REQUIRE(memmem(answer->bytes, answer->length, " (sh) Z ", 8) != NULL);
        (void)do_in_the_end(fd, KEEPER_FORGET, token, -1);
    }
    close_hand_over(&all);
    REQUIRE_EQUAL(open_descriptors(run.pid), before);
    send_head(fd, KEEPER_GOODBYE, 0);
    expect_done(fd, KEEPER_GOODBYE, 0);
    REQUIRE_EQUAL(keeper_exit(&run), 0);
    (void)close(fd);
}

static void set_fault(const char *call, int nth, int error)
{
    char value[64];
    (void)snprintf(value, sizeof value, "%s:%d:%d", call, nth, error);
    REQUIRE(setenv("KEEPER_FAULTS", value, 1) == 0);
}

struct failing {
    const char *call;
    int errors[4];
    int first; /* earlier ones belong to the start */
};

static const struct failing failing_calls[] = {
    {"malloc", {ENOMEM}, 1},
    {"realloc", {ENOMEM}, 1},
    {"mmap", {ENOMEM, EAGAIN, ENFILE}, 1},
    {"fcntl", {EMFILE}, 1},
    {"clinux_spawn", {EAGAIN, ENOMEM, EMFILE, ENFILE}, 1},
    {"clinux_peek", {ENOMEM}, 1},
    {"clinux_reap", {ENOMEM}, 1},
    {"open", {EMFILE, ENFILE, ENOMEM}, 1},
    {"read", {ENOMEM}, 1},
    {"pwrite", {ENOMEM}, 1},
    {"pread", {ENOMEM}, 1},
    {"pread", {ENOMEM}, 36}, /* by when the hand-over is done */
    {"poll", {ENOMEM, EINTR}, 1},
    {"sendmsg", {EAGAIN, ENOMEM, ENOBUFS, ETOOMANYREFS}, 1},
    {"recvmsg", {EAGAIN, ENOMEM, ENOBUFS}, 1},
    {"accept4", {EMFILE, ENFILE, ENOMEM}, 1},
};

static void every_call_may_fail_once_and_nothing_is_lost(void)
{
    (void)snprintf(log_path, sizeof log_path, "%s/faults", scratch);
    REQUIRE(setenv("KEEPER_FAULTS_LOG", log_path, 1) == 0);
    for (size_t i = 0; i < sizeof failing_calls / sizeof *failing_calls; i++) {
        const struct failing *failing = &failing_calls[i];
        for (size_t j = 0; j < 4 && failing->errors[j]; j++) {
            for (int nth = 0; nth < 3; nth++) {
                FILE *log = fopen(log_path, "we");
                REQUIRE(log != NULL);
                (void)fclose(log);
                (void)fprintf(stderr, "%s, call %d: %s\n", failing->call, failing->first + nth,
                              strerrorname_np(failing->errors[j]));
                set_fault(failing->call, failing->first + nth, failing->errors[j]);
                live();
                if (nth == 0)
                    REQUIRE(log_has(failing->call));
            }
        }
    }
    REQUIRE(unsetenv("KEEPER_FAULTS") == 0);
}

static void a_start_that_fails_is_told(void)
{
    set_fault("memfd_create", 1, ENOMEM);
    struct keeper_run run = start_keeper(NULL);
    char said[256];
    (void)read_all(run.stderr_reader, said, sizeof said);
    REQUIRE(strcmp(said, "procstar-keeper: make a memfd: Cannot allocate memory\n") == 0);
    REQUIRE_EQUAL(keeper_exit(&run), 1);
    REQUIRE(unsetenv("KEEPER_FAULTS") == 0);
}

/* As long as there is no memory for records, zombies stay; nothing is reaped that would then be lost. */
static void what_cannot_be_recorded_is_not_reaped(void)
{
    REQUIRE(setenv("KEEPER_FAULTS", "pwrite:0:12", 1) == 0);
    struct keeper_run run = start_keeper(NULL);
    REQUIRE(unsetenv("KEEPER_FAULTS") == 0);
    int fd = connect_first(&run);
    int pidfd = -1;
    const pid_t pid = SPAWN(fd, 1, &pidfd, "/bin/sh", "-c", "exit 6");
    wait_for_end(pidfd);
    send_head(fd, KEEPER_REAP, 1);
    expect_done(fd, KEEPER_REAP, ENOMEM);
    (void)close(fd);
    fd = connect_to(&run);
    send_hello(fd, KEEPER_VERSION, -1);
    struct hand_over all = take_over(fd);
    REQUIRE_EQUAL(inherited(&all, 1)->state, KEEPER_RUNNING);
    REQUIRE_EQUAL(process_state(pid), 'Z');
}

#define CASE(name)                                                                                                     \
    {                                                                                                                  \
#name, name                                                                                                    \
    }
const struct test_case fault_cases[] = {
    CASE(every_call_may_fail_once_and_nothing_is_lost),
    CASE(a_start_that_fails_is_told),
    CASE(what_cannot_be_recorded_is_not_reaped),
    {NULL, NULL},
};
