#define _GNU_SOURCE

#include "clinux.h"

#include <linux/openat2.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

static int clinux_result(long result)
{
    return result < 0 ? -errno : (int)result;
}

/* ---- epoll, eventfd, signalfd ---- */

int clinux_epoll_create(void)
{
    return clinux_result(epoll_create1(EPOLL_CLOEXEC));
}

int clinux_epoll_control(int epoll, int op, int fd, uint32_t events, uint64_t data)
{
    struct epoll_event event = {.events = events, .data = {.u64 = data}};
    return clinux_result(epoll_ctl(epoll, op, fd, &event));
}

int clinux_epoll_wait(int epoll, struct epoll_event *events, int capacity, int64_t timeout_ns)
{
    struct timespec timeout = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
    long count = syscall(SYS_epoll_pwait2, epoll, events, capacity, timeout_ns < 0 ? NULL : &timeout, NULL, 0);
    if (count < 0 && errno == ENOSYS) {
        int64_t ms = timeout_ns < 0 ? -1 : (timeout_ns + 999999) / 1000000;
        count = epoll_wait(epoll, events, capacity, ms > INT32_MAX ? INT32_MAX : (int)ms);
    }
    return clinux_result(count);
}

int clinux_eventfd(void)
{
    return clinux_result(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

int clinux_signalfd(const sigset_t *set)
{
    return clinux_result(signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK));
}

/* ---- descriptors and files ---- */

int clinux_open(int directory, const char *path, int flags, mode_t mode)
{
    return clinux_result(openat(directory, path, flags | O_CLOEXEC, mode));
}

int clinux_open_path_cached(int directory, const char *path)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .mode = 0, .resolve = RESOLVE_CACHED};
    return clinux_result(syscall(SYS_openat2, directory, path, &how, sizeof how));
}

int clinux_may_enter(int directory)
{
    return clinux_result(faccessat(directory, ".", X_OK, AT_EACCESS));
}

int clinux_file_kind_cached(int fd, struct clinux_file_kind *out)
{
    struct statx found;
    if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_MODE, &found) < 0)
        return -errno;
    *out = (struct clinux_file_kind){
        .mode = found.stx_mode,
        .device_major = found.stx_dev_major,
        .device_minor = found.stx_dev_minor,
        .special_major = found.stx_rdev_major,
    };
    return 0;
}

int clinux_pipe(int *reader, int *writer)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    *reader = ends[0];
    *writer = ends[1];
    return 0;
}

int clinux_dup_above(int fd, int floor)
{
    return clinux_result(fcntl(fd, F_DUPFD_CLOEXEC, floor));
}

int clinux_set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 ? -errno : clinux_result(fcntl(fd, F_SETFL, flags | O_NONBLOCK));
}

int clinux_descriptor_flags(int fd)
{
    return clinux_result(fcntl(fd, F_GETFD));
}

int clinux_pipe_capacity(int fd)
{
    return clinux_result(fcntl(fd, F_GETPIPE_SZ));
}

int clinux_set_pipe_capacity(int fd, int size)
{
    return clinux_result(fcntl(fd, F_SETPIPE_SZ, size));
}

int clinux_bytes_waiting(int fd)
{
    int count = 0;
    return ioctl(fd, FIONREAD, &count) < 0 ? -errno : count;
}

int clinux_has_no_writer(int fd)
{
    /* Should somebody open it for writing right now, the signal must be one that does nothing. */
    if (fcntl(fd, F_SETSIG, SIGURG) < 0)
        return -errno;
    if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0)
        return errno == EAGAIN ? 0 : -errno;
    return fcntl(fd, F_SETLEASE, F_UNLCK) < 0 ? -errno : 1;
}

int clinux_open_unnamed(const char *directory, int flags, mode_t mode)
{
    return clinux_result(open(directory, O_TMPFILE | O_CLOEXEC | flags, mode));
}

int clinux_memfd(const char *name)
{
    return clinux_result(memfd_create(name, MFD_CLOEXEC));
}

int clinux_cloexec_from(unsigned int first)
{
    return clinux_result(close_range(first, ~0U, CLOSE_RANGE_CLOEXEC));
}

const int clinux_at_cwd = AT_FDCWD;
const int clinux_o_path = O_PATH;
const int clinux_o_directory = O_DIRECTORY;

/* ---- processes ---- */

int clinux_pidfd_open(pid_t pid)
{
    return clinux_result(syscall(SYS_pidfd_open, pid, 0));
}

int clinux_pidfd_send_signal(int pidfd, int signum)
{
    return clinux_result(syscall(SYS_pidfd_send_signal, pidfd, signum, NULL, 0));
}

int clinux_become_subreaper(void)
{
    return clinux_result(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
}

int clinux_reap(pid_t pid, int *status, struct rusage *usage)
{
    return clinux_result(wait4(pid, status, WNOHANG, usage));
}

int clinux_peek(pid_t pid, int *status, struct rusage *usage)
{
    siginfo_t info = {.si_pid = 0};
    if (syscall(SYS_waitid, P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT, usage) < 0)
        return -errno;
    if (info.si_pid == 0)
        return 0;
    *status = info.si_code == CLD_EXITED ? (info.si_status & 0xff) << 8
                                         : (info.si_status & 0x7f) | (info.si_code == CLD_DUMPED ? 0x80 : 0);
    return info.si_pid;
}

int clinux_any_zombie(void)
{
    siginfo_t info = {.si_pid = 0};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
        return -errno;
    return info.si_pid;
}

/* posix_spawn can't set a limit for the child, so the parent has it while it spawns. An open on another thread that
 * meets it has to try again. The actions are made before: adding one checks its numbers against the limit. */
static int spawn_with_limit(const struct clinux_spawn_plan *plan, const posix_spawn_file_actions_t *actions,
                            const posix_spawnattr_t *attributes, const struct rlimit *raised, pid_t *pid)
{
    const struct rlimit lowered = {.rlim_cur = plan->file_limit, .rlim_max = raised->rlim_max};
    const bool differs = lowered.rlim_cur != raised->rlim_cur;
    if (differs && setrlimit(RLIMIT_NOFILE, &lowered) < 0)
        return errno;
    const int error = posix_spawn(pid, plan->executable, actions, attributes, plan->argv, plan->envp);
    if (differs)
        (void)setrlimit(RLIMIT_NOFILE, raised); /* back to what it was: within the hard limit, so it can't fail */
    return error;
}

static int add_actions(const struct clinux_spawn_plan *plan, const struct rlimit *limit,
                       posix_spawn_file_actions_t *actions)
{
    int error = 0;
    if (plan->working_directory >= 0)
        error = posix_spawn_file_actions_addfchdir_np(actions, plan->working_directory);
    for (size_t i = 0; !error && i < plan->copy_count; i++)
        error = posix_spawn_file_actions_adddup2(actions, plan->copies[2 * i], plan->copies[2 * i + 1]);
    for (size_t i = 0; !error && i < plan->close_count; i++)
        error = posix_spawn_file_actions_addclose(actions, plan->closes[i]);
    /* At or above the limit glibc refuses it, and nothing can be open there but what is close-on-exec. */
    if (!error && (rlim_t)plan->close_from < limit->rlim_cur)
        error = posix_spawn_file_actions_addclosefrom_np(actions, plan->close_from);
    return error;
}

static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t all, none;
    /* Not sigfillset, which leaves out 32 and 33, glibc's own: posix_spawn would have the child ignore those. */
    memset(&all, 0xff, sizeof all);
    sigemptyset(&none);
    int error =
        posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    if (!error)
        error = posix_spawnattr_setsigdefault(attributes, &all);
    if (!error)
        error = posix_spawnattr_setsigmask(attributes, &none);
    return error;
}

int clinux_spawn(const struct clinux_spawn_plan *plan, pid_t *pid)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return -errno;
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (error)
        return -error;
    posix_spawnattr_t attributes;
    error = posix_spawnattr_init(&attributes);
    if (error) {
        posix_spawn_file_actions_destroy(&actions);
        return -error;
    }
    error = set_attributes(&attributes);
    if (!error)
        error = add_actions(plan, &limit, &actions);
    if (!error)
        error = spawn_with_limit(plan, &actions, &attributes, &limit, pid);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return -error;
}

/* ---- limits, clocks, signals ---- */

int clinux_get_file_limit(struct rlimit *out)
{
    return clinux_result(getrlimit(RLIMIT_NOFILE, out));
}

int clinux_set_file_limit(const struct rlimit *limit)
{
    return clinux_result(setrlimit(RLIMIT_NOFILE, limit));
}

int64_t clinux_clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void clinux_ignore_nothing(int signum)
{
    (void)signum;
}

int clinux_make_interrupting(int signum)
{
    struct sigaction action = {.sa_handler = clinux_ignore_nothing};
    return clinux_result(sigaction(signum, &action, NULL));
}

/* ---- <sys/wait.h> macros ---- */

bool clinux_exited(int status)
{
    return WIFEXITED(status);
}

int clinux_exit_status(int status)
{
    return WEXITSTATUS(status);
}

bool clinux_signaled(int status)
{
    return WIFSIGNALED(status);
}

int clinux_term_signal(int status)
{
    return WTERMSIG(status);
}

bool clinux_dumped_core(int status)
{
    return WCOREDUMP(status);
}
