/* When a keeper comes and goes. */
#define _GNU_SOURCE

#include "driver.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

static void it_ends_when_the_agent_goes_and_nothing_is_left(void)
{
    struct keeper_run run = start_keeper("--keep", "1000", NULL);
    const int fd = connect_first(&run);
    int pidfd = -1;
    (void)SPAWN(fd, 1, &pidfd, "/bin/true");
    wait_for_end(pidfd);
    (void)collect(fd, KEEPER_REAP, 1, NULL);
    forget(fd, 1);
    (void)close(fd);
    REQUIRE_EQUAL(keeper_exit(&run), 0);
    REQUIRE(access(run.socket, F_OK) < 0 && errno == ENOENT);
}

static void after_goodbye_it_ends_though_something_was_not_acknowledged(void)
{
    struct keeper_run run = start_keeper("--keep", "1000", NULL);
    const int fd = connect_first(&run);
    int pidfd = -1;
    (void)SPAWN(fd, 1, &pidfd, "/bin/true");
    wait_for_end(pidfd);
    (void)collect(fd, KEEPER_REAP, 1, NULL);
    send_head(fd, KEEPER_GOODBYE, 0);
    expect_done(fd, KEEPER_GOODBYE, 0);
    REQUIRE_EQUAL(keeper_exit(&run), 0);
}

static void after_goodbye_it_stays_as_long_as_something_runs(void)
{
    struct keeper_run run = start_keeper("--keep", "1000", NULL);
    const int fd = connect_first(&run);
    const pid_t pid = SPAWN(fd, 1, NULL, "/bin/sleep", "1000");
    send_head(fd, KEEPER_GOODBYE, 0);
    expect_done(fd, KEEPER_GOODBYE, 0);
    (void)close(fd);
    REQUIRE(is_alive(run.pid));
    REQUIRE(kill(pid, SIGKILL) == 0);
    REQUIRE_EQUAL(keeper_exit(&run), 0);
    REQUIRE_EQUAL(process_state(pid), 0);
}

static void without_an_agent_it_keeps_what_ended_for_as_long_as_it_is_told(void)
{
    struct keeper_run run = start_keeper("--keep", "1", NULL);
    const int fd = connect_first(&run);
    const pid_t pid = SPAWN(fd, 1, NULL, "/bin/sleep", "1.5");
    (void)close(fd);
    EVENTUALLY(process_state(pid) == 0);
    /* That long from the end of the last process, though the agent has gone long before. */
    const int64_t ended = now_ms();
    REQUIRE_EQUAL(keeper_exit(&run), 0);
    REQUIRE(now_ms() - ended > 800);
}

static void without_any_agent_it_waits_for_one_that_long(void)
{
    struct keeper_run run = start_keeper("--keep", "1", NULL);
    const int64_t started = now_ms();
    REQUIRE_EQUAL(keeper_exit(&run), 0);
    REQUIRE(now_ms() - started > 900);
}

static void on_sigterm_it_ends_once_nothing_runs_and_no_agent_is_there(void)
{
    struct keeper_run run = start_keeper("--keep", "1000", NULL);
    const int fd = connect_first(&run);
    const pid_t pid = SPAWN(fd, 1, NULL, "/bin/sleep", "1000");
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM, SIGTSTP};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        REQUIRE(kill(run.pid, signals[i]) == 0);
    /* All of them were taken before this is answered. */
    send_head(fd, KEEPER_COLLECT, 1);
    expect_done(fd, KEEPER_COLLECT, EAGAIN);
    (void)close(fd);
    REQUIRE(is_alive(run.pid));
    REQUIRE(kill(pid, SIGKILL) == 0);
    REQUIRE_EQUAL(keeper_exit(&run), 0);
}

/* Whatever made it ready to end is over when a new agent comes. */
static void require_it_waits_again(struct keeper_run *run)
{
    int fd = connect_to(run);
    send_hello(fd, KEEPER_VERSION, -1);
    struct hand_over all = take_over(fd);
    REQUIRE(kill(inherited(&all, 1)->pid, SIGKILL) == 0);
    (void)close(fd);
    const pid_t pid = inherited(&all, 1)->pid;
    EVENTUALLY(process_state(pid) == 0);
    close_hand_over(&all);
    fd = connect_to(run);
    send_hello(fd, KEEPER_VERSION, -1);
    all = take_over(fd);
    REQUIRE_EQUAL(inherited(&all, 1)->outcome.status, SIGKILL);
    close_hand_over(&all);
}

static void a_new_agent_makes_it_wait_again_after_goodbye(void)
{
    struct keeper_run run = start_keeper("--keep", "1000", NULL);
    const int fd = connect_first(&run);
    (void)SPAWN(fd, 1, NULL, "/bin/sleep", "1000");
    send_head(fd, KEEPER_GOODBYE, 0);
    expect_done(fd, KEEPER_GOODBYE, 0);
    (void)close(fd);
    require_it_waits_again(&run);
}

static void a_new_agent_makes_it_wait_again_after_sigterm(void)
{
    struct keeper_run run = start_keeper("--keep", "1000", NULL);
    const int fd = connect_first(&run);
    (void)SPAWN(fd, 1, NULL, "/bin/sleep", "1000");
    (void)close(fd);
    REQUIRE(kill(run.pid, SIGTERM) == 0);
    require_it_waits_again(&run);
}

static void a_connection_alone_is_served_and_is_all_it_stays_for(void)
{
    struct keeper_run run;
    const int fd = start_keeper_on_connection(&run);
    send_hello(fd, KEEPER_VERSION, -1);
    REQUIRE_EQUAL(AS(keeper_welcome, expect(fd, KEEPER_WELCOME))->pid, run.pid);
    (void)expect(fd, KEEPER_END);
    int pidfd = -1;
    const pid_t pid = SPAWN(fd, 1, &pidfd, "/bin/sleep", "1000");
    (void)close(fd);
    /* Nobody can come any more, but what runs is not to lose what is held for it. */
    REQUIRE(is_alive(run.pid));
    REQUIRE(kill(pid, SIGKILL) == 0);
    REQUIRE_EQUAL(keeper_exit(&run), 0);
}

static void require_complaint(struct keeper_run *run, int status, const char *text)
{
    static char said[4096];
    (void)read_all(run->stderr_reader, said, sizeof said);
    if (!strstr(said, text))
        fail_case(__FILE__, __LINE__, text, said, 0, 0);
    REQUIRE_EQUAL(keeper_exit(run), status);
}

static void a_second_keeper_leaves_the_first_in_peace(void)
{
    struct keeper_run run = start_keeper(NULL);
    (void)connect_first(&run);
    struct keeper_run second = start_keeper("--listen", run.socket, NULL);
    char text[64];
    (void)snprintf(text, sizeof text, "taken by another keeper, pid %d\n", run.pid);
    require_complaint(&second, 3, text);
    const int fd = connect_to(&run);
    REQUIRE_EQUAL(AS(keeper_refused, expect(fd, KEEPER_REFUSED))->error, EBUSY);
}

static void what_a_killed_keeper_left_behind_is_no_obstacle(void)
{
    struct keeper_run run = start_keeper(NULL);
    (void)connect_first(&run);
    REQUIRE(kill(run.pid, SIGKILL) == 0);
    REQUIRE_EQUAL(keeper_exit(&run), -SIGKILL);
    REQUIRE(access(run.socket, F_OK) == 0);
    struct keeper_run second = start_keeper("--listen", run.socket, NULL);
    (void)snprintf(second.socket, sizeof second.socket, "%s", run.socket);
    (void)connect_first(&second);
}

static void a_folder_that_others_may_enter_is_refused(void)
{
    char path[96];
    (void)snprintf(path, sizeof path, "%s/open", scratch);
    REQUIRE(mkdir(path, 0700) == 0 && chmod(path, 0750) == 0);
    (void)strcat(path, "/socket");
    struct keeper_run run = start_keeper("--listen", path, NULL);
    require_complaint(&run, 1, "must belong to user");
    (void)snprintf(path, sizeof path, "%s/missing/socket", scratch);
    run = start_keeper("--listen", path, NULL);
    require_complaint(&run, 1, "missing: No such file or directory");
}

static void options_that_make_no_sense_are_refused(void)
{
    struct keeper_run run = start_keeper("--keep", "soon", NULL);
    require_complaint(&run, 2, "--keep soon");
    run = start_keeper("--fd", "-1", NULL);
    require_complaint(&run, 2, "--fd -1");
    run = start_keeper("--fd", "77", NULL);
    require_complaint(&run, 2, "--fd 77: not a SOCK_SEQPACKET socket");
    run = start_keeper("--what", NULL);
    require_complaint(&run, 2, "--what");
    run = start_keeper("more", NULL);
    require_complaint(&run, 2, "more");
}

static void it_keeps_open_nothing_of_who_started_it(void)
{
    int ends[2];
    REQUIRE(pipe(ends) == 0); // NOLINT(android-cloexec-pipe): it is to be inherited
    struct keeper_run run = start_keeper(NULL);
    (void)close(ends[1]);
    (void)connect_first(&run);
    char text[16];
    REQUIRE_EQUAL(read_all(ends[0], text, sizeof text), 0);
    REQUIRE_EQUAL(read_all(run.stderr_reader, text, sizeof text), 0);
}

static void it_is_named_and_holds_no_folder_of_who_started_it(void)
{
    struct keeper_run run = start_keeper(NULL);
    (void)connect_first(&run);
    char path[64];
    char text[64] = {0};
    (void)snprintf(path, sizeof path, "/proc/%d/cwd", run.pid);
    REQUIRE(readlink(path, text, sizeof text - 1) == 1 && *text == '/');
    (void)snprintf(path, sizeof path, "/proc/%d/comm", run.pid);
    const int comm = open(path, O_RDONLY | O_CLOEXEC);
    REQUIRE(comm >= 0);
    (void)read_all(comm, text, sizeof text);
    REQUIRE(strcmp(text, "procstar-keeper\n") == 0);
}

/* With more behind it than is read in one go, and nothing to stay for any more. */
static void what_was_sent_behind_goodbye_is_done_before_it_ends(void)
{
    struct keeper_run run = start_keeper("--keep", "1000", NULL);
    const int fd = connect_first(&run);
    halt(run.pid);
    send_head(fd, KEEPER_GOODBYE, 0);
    for (uint64_t token = 1; token <= 100; token++)
        send_head(fd, KEEPER_COLLECT, token);
    char path[96];
    (void)snprintf(path, sizeof path, "%s/late", scratch);
    struct plan plan = {.argv = (char *[]){"/bin/touch", path, NULL}};
    send_plan(fd, &plan, 1000);
    REQUIRE(kill(run.pid, SIGCONT) == 0);
    REQUIRE_EQUAL(keeper_exit(&run), 0);
    EVENTUALLY(access(path, F_OK) == 0);
}

#define CASE(name)                                                                                                     \
    {                                                                                                                  \
#name, name                                                                                                    \
    }
const struct test_case end_cases[] = {
    CASE(it_ends_when_the_agent_goes_and_nothing_is_left),
    CASE(after_goodbye_it_ends_though_something_was_not_acknowledged),
    CASE(after_goodbye_it_stays_as_long_as_something_runs),
    CASE(without_an_agent_it_keeps_what_ended_for_as_long_as_it_is_told),
    CASE(without_any_agent_it_waits_for_one_that_long),
    CASE(on_sigterm_it_ends_once_nothing_runs_and_no_agent_is_there),
    CASE(a_new_agent_makes_it_wait_again_after_goodbye),
    CASE(a_new_agent_makes_it_wait_again_after_sigterm),
    CASE(a_connection_alone_is_served_and_is_all_it_stays_for),
    CASE(a_second_keeper_leaves_the_first_in_peace),
    CASE(what_a_killed_keeper_left_behind_is_no_obstacle),
    CASE(a_folder_that_others_may_enter_is_refused),
    CASE(options_that_make_no_sense_are_refused),
    CASE(it_keeps_open_nothing_of_who_started_it),
    CASE(it_is_named_and_holds_no_folder_of_who_started_it),
    CASE(what_was_sent_behind_goodbye_is_done_before_it_ends),
    {NULL, NULL},
};
