#define _GNU_SOURCE

#include "driver.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

const char *keeper_path;
const char *driver_path;
char scratch[64];

static pid_t driver_pid;

/* ---- failing and cleaning up ---- */

/* Kills all that came to us, who are the subreaper of whatever a keeper leaves behind, until nothing is left. */
static void kill_descendants(void)
{
    for (int round = 0; round < 1000; round++) {
        FILE *children = fopen("/proc/thread-self/children", "re");
        int pid = 0;
        bool any = false;
        while (children && fscanf(children, "%d", &pid) == 1) {
            any = true;
            (void)kill(pid, SIGKILL);
        }
        if (children)
            (void)fclose(children);
        if (!any)
            return;
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        pause_briefly();
    }
}

static void clean_up(void)
{
    if (getpid() != driver_pid)
        return;
    kill_descendants();
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", scratch);
    if (*scratch)
        (void)!system(command);
}

_Noreturn void fail_case(const char *file, int line, const char *what, const char *seen, int64_t a, int64_t b)
{
    (void)fprintf(stderr, "%s:%d: not so: %s", file, line, what);
    if (seen)
        (void)fprintf(stderr, " (%s)", seen);
    if (a != b)
        (void)fprintf(stderr, " (%lld, %lld)", (long long)a, (long long)b);
    (void)fprintf(stderr, "\n");
    if (getpid() != driver_pid)
        _exit(1);
    exit(1);
}

void require_equal(const char *file, int line, const char *what, int64_t a, int64_t b)
{
    if (a != b)
        fail_case(file, line, what, NULL, a, b);
}

int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void pause_briefly(void)
{
    const struct timespec moment = {.tv_nsec = 2000000};
    (void)nanosleep(&moment, NULL);
}

/* ---- the keeper ---- */

static pid_t run_keeper(char **argv, int given, int errors)
{
    const pid_t pid = fork();
    if (pid == 0) {
        if (given >= 0)
            (void)dup2(given, 9);
        (void)dup2(errors, 2);
        (void)execv(keeper_path, argv);
        _exit(127);
    }
    REQUIRE(pid > 0);
    return pid;
}

struct keeper_run start_keeper(const char *option, ...)
{
    static int number;
    struct keeper_run run;
    (void)snprintf(run.folder, sizeof run.folder, "%s/%d", scratch, ++number);
    (void)snprintf(run.socket, sizeof run.socket, "%s/keeper", run.folder);
    REQUIRE(mkdir(run.folder, 0700) == 0 || errno == EEXIST);
    char *argv[16] = {"procstar-keeper", "--listen", run.socket};
    int count = 3;
    va_list more;
    va_start(more, option);
    for (; option; option = va_arg(more, const char *))
        argv[count++] = (char *)option;
    va_end(more);
    int errors[2];
    make_pipe(errors);
    run.pid = run_keeper(argv, -1, errors[1]);
    (void)close(errors[1]);
    run.stderr_reader = errors[0];
    return run;
}

int start_keeper_on_connection(struct keeper_run *run)
{
    int ends[2];
    int errors[2];
    make_pipe(errors);
    REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    char *argv[] = {"procstar-keeper", "--fd", "9", NULL};
    run->pid = run_keeper(argv, ends[1], errors[1]);
    run->stderr_reader = errors[0];
    (void)close(ends[1]);
    (void)close(errors[1]);
    return ends[0];
}

int wait_status(pid_t pid)
{
    int status = 0;
    pid_t reaped = 0;
    EVENTUALLY((reaped = waitpid(pid, &status, WNOHANG)) != 0);
    REQUIRE_EQUAL(reaped, pid);
    return status;
}

int keeper_exit(struct keeper_run *run)
{
    const int status = wait_status(run->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void halt(pid_t keeper)
{
    REQUIRE(kill(keeper, SIGSTOP) == 0);
    EVENTUALLY(process_state(keeper) == 'T');
}

int open_descriptors(pid_t pid)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *folder = opendir(path);
    REQUIRE(folder != NULL);
    int count = 0;
    while (readdir(folder))
        count++;
    (void)closedir(folder);
    return count - 2;
}

long resident_bytes(pid_t pid)
{
    char path[64];
    char line[256];
    long kib = -1;
    (void)snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
    FILE *file = fopen(path, "re");
    REQUIRE(file != NULL);
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "Rss: %ld", &kib) == 1)
            break;
    (void)fclose(file);
    return kib * 1024;
}

/* ---- processes and files ---- */

char process_state(pid_t pid)
{
    char path[64];
    char line[512] = {0};
    (void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    const ssize_t count = read(fd, line, sizeof line - 1);
    (void)close(fd);
    const char *end = count > 0 ? strrchr(line, ')') : NULL;
    return end ? end[2] : 0;
}

bool is_alive(pid_t pid)
{
    const char state = process_state(pid);
    return state != 0 && state != 'Z';
}

void make_pipe(int ends[2])
{
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
}

size_t read_all(int fd, char *into, size_t size)
{
    size_t length = 0;
    for (;;) {
        struct pollfd readable = {.fd = fd, .events = POLLIN};
        REQUIRE(poll(&readable, 1, PATIENCE_MS) == 1);
        const ssize_t count = read(fd, into + length, size - 1 - length);
        REQUIRE(count >= 0);
        if (count == 0)
            break;
        length += (size_t)count;
    }
    into[length] = 0;
    return length;
}

int temporary_file(void)
{
    const int fd = open(scratch, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0);
    return fd;
}

pid_t start_helper(void (*body)(void *), void *argument)
{
    const pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        body(argument);
        _exit(0);
    }
    return pid;
}

/* ---- the program ---- */

enum { GROUPS = 7 };

static const struct test_case *const groups[GROUPS] = {spawn_cases,      reap_cases, hand_over_cases, gone_cases,
                                                       connection_cases, end_cases,  fault_cases};

static void list_cases(void)
{
    for (size_t i = 0; i < GROUPS; i++)
        for (const struct test_case *one = groups[i]; one->run; one++)
            (void)printf("%s\n", one->name);
}

static const struct test_case *find_in(const struct test_case *group, const char *name)
{
    for (; group->run; group++)
        if (strcmp(group->name, name) == 0)
            return group;
    return NULL;
}

static const struct test_case *find_case(const char *name)
{
    const struct test_case *found = find_in(measurements, name);
    for (size_t i = 0; !found && i < GROUPS; i++)
        found = find_in(groups[i], name);
    return found;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--report") == 0)
        return report_of_child(argc, argv);
    if (argc > 1 && strcmp(argv[1], "--list") == 0) {
        list_cases();
        return 0;
    }
    const struct test_case *found = argc == 3 ? find_case(argv[2]) : NULL;
    if (!found) {
        (void)fprintf(stderr, "usage: keeper-driver KEEPER CASE | --list\n");
        return 2;
    }
    static char own[4096];
    REQUIRE(readlink("/proc/self/exe", own, sizeof own - 1) > 0);
    driver_path = own;
    keeper_path = argv[1];
    driver_pid = getpid();
    (void)signal(SIGPIPE, SIG_IGN);
    REQUIRE(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
    (void)snprintf(scratch, sizeof scratch, "/tmp/keeper-driver-XXXXXX");
    REQUIRE(mkdtemp(scratch) != NULL);
    (void)atexit(clean_up);
    found->run();
    return 0;
}
