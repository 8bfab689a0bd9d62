#define _GNU_SOURCE

#include "driver.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
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

/* ---- a connection ---- */

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

static void take_held(struct inherited *child, const uint32_t *tags, size_t count, const int *fds)
{
    for (size_t i = 0; i < count; i++) {
        REQUIRE(child->held_count < sizeof child->held / sizeof *child->held);
        child->held[child->held_count] = fds[i];
        memcpy(&child->tags[child->held_count++], &tags[i], sizeof *tags);
    }
}

static void take_child(struct inherited *child, const struct answered *answer)
{
    const struct keeper_child *message = AS(keeper_child, answer);
    const uint32_t *tags = (const uint32_t *)(message + 1);
    const bool has_pidfd = message->state != KEEPER_ENDED;
    *child = (struct inherited){.token = message->head.token,
                                .pid = message->pid,
                                .state = message->state,
                                .status = message->status,
                                .usage = message->usage,
                                .pidfd = has_pidfd ? answer->fds[0] : -1};
    take_held(child, tags, message->tag_count, answer->fds + has_pidfd);
    memcpy(child->stat, tags + message->tag_count, message->stat_length);
}

struct hand_over take_over(int fd)
{
    struct answered *answer = expect(fd, KEEPER_WELCOME);
    const uint32_t expected = AS(keeper_welcome, answer)->children;
    struct hand_over all = {.ledger = answer->fd_count > 0 ? answer->fds[0] : -1};
    while ((answer = receive(fd)) != NULL && AS(keeper_head, answer)->kind != KEEPER_END) {
        if (AS(keeper_head, answer)->kind == KEEPER_HELD) {
            const struct keeper_held *held = AS(keeper_held, answer);
            REQUIRE(all.count > 0 && all.children[all.count - 1].token == held->head.token);
            take_held(&all.children[all.count - 1], (const uint32_t *)(held + 1), held->tag_count, answer->fds);
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

/* ---- plans ---- */

static uint16_t index_of(struct plan *plan, int fd)
{
    for (size_t i = 0; i < plan->fd_count; i++)
        if (plan->fds[i] == fd)
            return (uint16_t)i;
    plan->fds[plan->fd_count] = fd;
    return (uint16_t)plan->fd_count++;
}

void map_fd(struct plan *plan, int fd, uint32_t target)
{
    plan->pairs[plan->pair_count][0] = target;
    plan->pairs[plan->pair_count++][1] = index_of(plan, fd);
}

void hold_fd(struct plan *plan, int fd, uint32_t tag)
{
    plan->holds[plan->hold_count][0] = tag;
    plan->holds[plan->hold_count++][1] = index_of(plan, fd);
}

static char text[1 << 23];

static uint32_t append_string(uint32_t length, const char *string)
{
    const size_t size = strlen(string) + 1;
    REQUIRE(length + size <= sizeof text);
    memcpy(text + length, string, size);
    return length + (uint32_t)size;
}

static void put(struct plan *plan, const void *bytes, size_t length)
{
    REQUIRE(plan->length + length <= sizeof plan->bytes);
    memcpy(plan->bytes + plan->length, bytes, length);
    plan->length += length;
}

static uint16_t text_memfd(struct plan *plan, uint32_t length)
{
    const int fd = memfd_create("text", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    REQUIRE(fd >= 0 && write(fd, text, length) == (ssize_t)length);
    REQUIRE(plan->seals == 0 || fcntl(fd, F_ADD_SEALS, plan->seals) == 0);
    return index_of(plan, fd);
}

void finish_plan(struct plan *plan, uint64_t token)
{
    static char *const no_environment[] = {NULL};
    char *const *environment = plan->environment ? plan->environment : no_environment;
    struct keeper_spawn spawn = {.head = {.kind = KEEPER_SPAWN, .token = token},
                                 .file_limit = plan->file_limit ? plan->file_limit : 1024,
                                 .text_index = KEEPER_NONE,
                                 .directory_index = KEEPER_NONE,
                                 .pair_count = (uint16_t)plan->pair_count,
                                 .hold_count = (uint16_t)plan->hold_count};
    spawn.text_length = append_string(0, plan->executable ? plan->executable : plan->argv[0]);
    for (; plan->argv[spawn.argument_count]; spawn.argument_count++)
        spawn.text_length = append_string(spawn.text_length, plan->argv[spawn.argument_count]);
    for (; environment[spawn.variable_count]; spawn.variable_count++)
        spawn.text_length = append_string(spawn.text_length, environment[spawn.variable_count]);
    if (plan->in_memfd)
        spawn.text_index = text_memfd(plan, spawn.text_length);
    if (plan->directory > 0)
        spawn.directory_index = index_of(plan, plan->directory);
    spawn.descriptor_count = (uint16_t)plan->fd_count;
    plan->length = 0;
    put(plan, &spawn, sizeof spawn);
    for (size_t i = 0; i < plan->pair_count; i++)
        put(plan, &(struct keeper_pair){.target = plan->pairs[i][0], .index = (uint16_t)plan->pairs[i][1]},
            sizeof(struct keeper_pair));
    for (size_t i = 0; i < plan->hold_count; i++)
        put(plan, &(struct keeper_hold_tag){.tag = plan->holds[i][0], .index = (uint16_t)plan->holds[i][1]},
            sizeof(struct keeper_hold_tag));
    if (!plan->in_memfd)
        put(plan, text, spawn.text_length);
    ((struct keeper_head *)(void *)plan->bytes)->length = (uint32_t)plan->length;
}

void send_plan(int fd, struct plan *plan, uint64_t token)
{
    finish_plan(plan, token);
    send_bytes(fd, plan->bytes, plan->length, plan->fds, plan->fd_count);
    if (plan->in_memfd)
        (void)close(plan->fds[((struct keeper_spawn *)(void *)plan->bytes)->text_index]);
}

pid_t spawn_plan(int fd, struct plan *plan, uint64_t token, int *pidfd)
{
    send_plan(fd, plan, token);
    const struct answered *answer = expect(fd, KEEPER_SPAWNED);
    const struct keeper_spawned *spawned = AS(keeper_spawned, answer);
    REQUIRE_EQUAL(spawned->error, 0);
    REQUIRE(spawned->head.token == token);
    if (pidfd)
        *pidfd = answer->fds[0];
    else
        (void)close(answer->fds[0]);
    return spawned->pid;
}

pid_t spawn_argv(int fd, uint64_t token, int *pidfd, char *const *argv)
{
    struct plan plan = {.argv = argv};
    return spawn_plan(fd, &plan, token, pidfd);
}

void wait_for_end(int pidfd)
{
    struct pollfd ended = {.fd = pidfd, .events = POLLIN};
    REQUIRE(poll(&ended, 1, PATIENCE_MS) == 1);
}

struct keeper_collected collect(int fd, enum keeper_kind kind, uint64_t token, char *stat)
{
    send_head(fd, kind, token);
    const struct answered *answer = expect(fd, kind == KEEPER_REAP ? KEEPER_REAPED : KEEPER_COLLECTED);
    const struct keeper_collected *collected = AS(keeper_collected, answer);
    REQUIRE(collected->head.token == token);
    if (stat) {
        memcpy(stat, collected + 1, collected->stat_length);
        stat[collected->stat_length] = 0;
    }
    return *collected;
}

void forget(int fd, uint64_t token)
{
    send_head(fd, KEEPER_FORGET, token);
    expect_done(fd, KEEPER_FORGET, 0);
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

enum { GROUPS = 6 };

static const struct test_case *const groups[GROUPS] = {spawn_cases,      reap_cases, hand_over_cases,
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
