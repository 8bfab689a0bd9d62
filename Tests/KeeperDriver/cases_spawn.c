/* What a child finds. */
#define _GNU_SOURCE

#include "driver.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the child ---- */

static void report_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    const struct dirent *entry = NULL;
    while ((entry = readdir(folder))) {
        const int fd = atoi(entry->d_name);
        struct stat status;
        if (*entry->d_name != '.' && fd != dirfd(folder) && fstat(fd, &status) == 0)
            (void)dprintf(1, "fd %d %lu\n", fd, (unsigned long)status.st_ino);
    }
    (void)closedir(folder);
}

static void report_masks(void)
{
    char line[256];
    FILE *status = fopen("/proc/self/status", "re");
    while (fgets(line, sizeof line, status))
        if (strncmp(line, "Sig", 3) == 0 || strncmp(line, "ShdPnd", 6) == 0)
            (void)dprintf(1, "%s", line);
    (void)fclose(status);
}

int report_of_child(int argc, char **argv)
{
    extern char **environ;
    struct rlimit limit;
    char folder[4096];
    report_descriptors();
    for (int i = 0; i < argc; i++)
        (void)dprintf(1, "argument %s\n", argv[i]);
    for (char **variable = environ; *variable; variable++)
        (void)dprintf(1, "variable %s\n", *variable);
    (void)dprintf(1, "directory %s\n", getcwd(folder, sizeof folder));
    const mode_t mask = umask(0);
    (void)dprintf(1, "umask %o\n", mask);
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    (void)dprintf(1, "limit %lu %lu\n", (unsigned long)limit.rlim_cur, (unsigned long)limit.rlim_max);
    (void)dprintf(1, "session %d\n", getsid(0) == getpid());
    report_masks();
    return 0;
}

/* ---- the cases ---- */

static char report[1 << 16];

/* Runs the plan, whose number 1 is added, and takes its report. */
static void run_report(int fd, struct plan *plan)
{
    int out[2];
    int pidfd = -1;
    make_pipe(out);
    map_fd(plan, out[1], 1);
    plan->executable = driver_path;
    (void)spawn_plan(fd, plan, 1, &pidfd);
    (void)close(out[1]);
    (void)read_all(out[0], report, sizeof report);
    (void)close(out[0]);
    wait_for_end(pidfd);
    (void)close(pidfd);
    REQUIRE_EQUAL(collect(fd, KEEPER_REAP, 1, NULL).status, 0);
    forget(fd, 1);
}

static void require_line(const char *line)
{
    char wanted[4200];
    (void)snprintf(wanted, sizeof wanted, "%s\n", line);
    const char *found = strstr(report, wanted);
    while (found && found != report && found[-1] != '\n')
        found = strstr(found + 1, wanted);
    if (!found)
        fail_case(__FILE__, __LINE__, line, report, 0, 0);
}

static int lines_with(const char *prefix)
{
    int count = 0;
    for (const char *at = report; at && *at; at = strchr(at, '\n'), at = at ? at + 1 : at)
        count += strncmp(at, prefix, strlen(prefix)) == 0;
    return count;
}

static char *const report_argv[] = {"reporter", "--report", NULL};

static void require_fd(uint32_t target, int ours)
{
    struct stat status;
    char line[64];
    REQUIRE(fstat(ours, &status) == 0);
    (void)snprintf(line, sizeof line, "fd %u %lu", target, (unsigned long)status.st_ino);
    require_line(line);
}

static void every_descriptor_is_at_its_number_and_nothing_else_is_open(void)
{
    struct keeper_run run = start_keeper(NULL);
    const int fd = connect_first(&run);
    int files[40];
    for (int i = 0; i < 40; i++)
        files[i] = temporary_file();
    /* In circles with the numbers that the keeper receives them at, whatever these are; shared; far away. */
    struct plan plan = {.argv = report_argv};
    for (uint32_t i = 0; i < 40; i++)
        map_fd(&plan, files[i], 49 - i);
    map_fd(&plan, files[0], 0);
    map_fd(&plan, files[0], 2);
    map_fd(&plan, files[1], 900);
    run_report(fd, &plan);
    for (uint32_t i = 0; i < 40; i++)
        require_fd(49 - i, files[i]);
    require_fd(0, files[0]);
    require_fd(2, files[0]);
    require_fd(900, files[1]);
    REQUIRE_EQUAL(lines_with("fd "), 44);
}

static void a_child_has_what_its_plan_says_and_nothing_of_the_keeper(void)
{
    struct keeper_run run = start_keeper(NULL);
    const int fd = connect_first(&run);
    const int folder = open("/usr/bin", O_PATH | O_DIRECTORY | O_CLOEXEC);
    char *const argv[] = {"a name", "--report", "", "two words", "\xff\xfe", NULL};
    char *const environment[] = {"A=1", "A=2", "EMPTY=", "no equals sign", NULL};
    struct plan plan = {.argv = argv, .environment = environment, .directory = folder, .file_limit = 77};
    run_report(fd, &plan);
    require_line("argument a name");
    require_line("argument ");
    require_line("argument two words");
    require_line("argument \xff\xfe");
    REQUIRE_EQUAL(lines_with("argument "), 5);
    require_line("variable A=1");
    require_line("variable A=2");
    require_line("variable EMPTY=");
    require_line("variable no equals sign");
    REQUIRE_EQUAL(lines_with("variable "), 4);
    require_line("directory /usr/bin");
    require_line("umask 27");
    require_line("session 1");
    REQUIRE_EQUAL(lines_with("limit 77 "), 1);
    require_line("SigBlk:\t0000000000000000");
    require_line("SigIgn:\t0000000000000000");
    require_line("SigPnd:\t0000000000000000");
    REQUIRE_EQUAL(lines_with("fd "), 1);
}

static void without_a_directory_of_its_own_it_has_that_of_the_agent(void)
{
    struct keeper_run run = start_keeper(NULL);
    const int fd = connect_first(&run);
    struct plan plan = {.argv = report_argv};
    run_report(fd, &plan);
    require_line("directory /");
    const int folder = open("/usr", O_PATH | O_DIRECTORY | O_CLOEXEC);
    send_hello(fd, KEEPER_VERSION, folder);
    struct hand_over all = take_over(fd);
    close_hand_over(&all);
    struct plan again = {.argv = report_argv};
    run_report(fd, &again);
    require_line("directory /usr");
}

static void a_large_text_comes_in_a_sealed_memfd(void)
{
    struct keeper_run run = start_keeper(NULL);
    const int fd = connect_first(&run);
    enum { COUNT = 20000 };
    static char *environment[COUNT + 1];
    for (int i = 0; i < COUNT; i++)
        REQUIRE(asprintf(&environment[i], "VARIABLE_%d=%0*d", i, 30, i) > 0);
    char *const argv[] = {"/bin/sh", "-c", "echo $VARIABLE_19999", NULL};
    int out[2];
    make_pipe(out);
    struct plan plan = {
        .argv = argv, .environment = environment, .in_memfd = true, .seals = F_SEAL_SHRINK | F_SEAL_WRITE};
    map_fd(&plan, out[1], 1);
    (void)spawn_plan(fd, &plan, 1, NULL);
    (void)close(out[1]);
    (void)read_all(out[0], report, sizeof report);
    REQUIRE(strcmp(report, "000000000000000000000000019999\n") == 0);

    /* What the kernel doesn't take is an error of exec. */
    environment[0] = malloc(1 << 18);
    memset(environment[0], 'x', (1 << 18) - 1);
    environment[0][(1 << 18) - 1] = 0;
    struct plan large = {
        .argv = argv, .environment = environment, .in_memfd = true, .seals = F_SEAL_SHRINK | F_SEAL_WRITE};
    send_plan(fd, &large, 2);
    const struct keeper_spawned failed = *AS(keeper_spawned, expect(fd, KEEPER_SPAWNED));
    REQUIRE_EQUAL(failed.error, E2BIG);
    REQUIRE_EQUAL(failed.stage, KEEPER_STAGE_EXEC);

    /* Where it could still change, it isn't taken. */
    struct plan open_plan = {.argv = argv, .in_memfd = true, .seals = F_SEAL_SHRINK};
    send_plan(fd, &open_plan, 3);
    expect_done(fd, KEEPER_SPAWN, EBADMSG);
    expect_end(fd);
}

static void require_failure(int fd, struct plan *plan, enum keeper_stage stage, int error)
{
    send_plan(fd, plan, 7);
    const struct keeper_spawned failed = *AS(keeper_spawned, expect(fd, KEEPER_SPAWNED));
    REQUIRE_EQUAL(failed.stage, stage);
    REQUIRE_EQUAL(failed.error, error);
}

static void a_start_that_fails_says_where_and_why_and_leaves_nothing(void)
{
    struct keeper_run run = start_keeper(NULL);
    const int fd = connect_first(&run);
    const int before = open_descriptors(run.pid);
    int out[2];
    make_pipe(out);
    require_failure(fd, &(struct plan){.argv = (char *[]){"/no/such", NULL}}, KEEPER_STAGE_EXEC, ENOENT);
    require_failure(fd, &(struct plan){.argv = (char *[]){"/etc/passwd", NULL}}, KEEPER_STAGE_EXEC, EACCES);
    struct plan in_file = {.argv = (char *[]){"/bin/true", NULL}, .directory = temporary_file()};
    require_failure(fd, &in_file, KEEPER_STAGE_SETUP, ENOTDIR);
    struct plan beyond = {.argv = (char *[]){"/bin/true", NULL}};
    map_fd(&beyond, out[1], 0x3fffffff);
    require_failure(fd, &beyond, KEEPER_STAGE_REQUEST, EINVAL);
    struct plan holding = {.argv = (char *[]){"/no/such", NULL}};
    hold_fd(&holding, out[1], 1);
    map_fd(&holding, out[1], 3);
    require_failure(fd, &holding, KEEPER_STAGE_EXEC, ENOENT);
    (void)close(out[1]);
    REQUIRE_EQUAL(read_all(out[0], report, sizeof report), 0);
    REQUIRE_EQUAL(open_descriptors(run.pid), before);
    /* The token is free. */
    (void)SPAWN(fd, 7, NULL, "/bin/sleep", "1000");
    require_failure(fd, &(struct plan){.argv = (char *[]){"/bin/true", NULL}}, KEEPER_STAGE_REQUEST, EEXIST);
}

static void as_many_descriptors_as_one_message_takes(void)
{
    struct keeper_run run = start_keeper(NULL);
    const int fd = connect_first(&run);
    struct plan plan = {.argv = report_argv};
    int files[KEEPER_DESCRIPTOR_LIMIT - 1];
    for (uint32_t i = 0; i < KEEPER_DESCRIPTOR_LIMIT - 1; i++) {
        files[i] = temporary_file();
        map_fd(&plan, files[i], 3 + i);
        hold_fd(&plan, files[i], i);
    }
    run_report(fd, &plan);
    for (uint32_t i = 0; i < KEEPER_DESCRIPTOR_LIMIT - 1; i++)
        require_fd(3 + i, files[i]);
}

static void a_child_costs_what_it_costs_and_not_what_the_keeper_has(void)
{
    struct keeper_run run = start_keeper(NULL);
    const int fd = connect_first(&run);
    int pidfd = -1;
    (void)SPAWN(fd, 1, &pidfd, "/bin/true");
    wait_for_end(pidfd);
    const struct keeper_outcome collected = collect(fd, KEEPER_REAP, 1, NULL);
    int status = 0;
    struct rusage usage;
    const pid_t direct = vfork();
    if (direct == 0) {
        (void)execl("/bin/true", "/bin/true", (char *)NULL);
        _exit(127);
    }
    REQUIRE(wait4(direct, &status, 0, &usage) == direct);
    /* A child begins with what its parent had resident, which a sanitizer makes large. The kernel counts pages
     * in batches. */
    if (resident_bytes(run.pid) < 4 << 20)
        REQUIRE(collected.usage.ru_maxrss <= usage.ru_maxrss + 512);
}

#define CASE(name)                                                                                                     \
    {                                                                                                                  \
#name, name                                                                                                    \
    }
const struct test_case spawn_cases[] = {
    CASE(every_descriptor_is_at_its_number_and_nothing_else_is_open),
    CASE(a_child_has_what_its_plan_says_and_nothing_of_the_keeper),
    CASE(without_a_directory_of_its_own_it_has_that_of_the_agent),
    CASE(a_large_text_comes_in_a_sealed_memfd),
    CASE(a_start_that_fails_says_where_and_why_and_leaves_nothing),
    CASE(as_many_descriptors_as_one_message_takes),
    CASE(a_child_costs_what_it_costs_and_not_what_the_keeper_has),
    {NULL, NULL},
};
