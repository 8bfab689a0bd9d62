#define _GNU_SOURCE

#include "clinux.h"

#include <linux/openat2.h>
#include <sched.h>
#include <sys/eventfd.h>
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

int clinux_dup_above(int fd, int floor)
{
    return clinux_result(fcntl(fd, F_DUPFD_CLOEXEC, floor));
}

int clinux_set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 ? -errno : clinux_result(fcntl(fd, F_SETFL, flags | O_NONBLOCK));
}

int clinux_set_blocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 ? -errno : clinux_result(fcntl(fd, F_SETFL, flags & ~O_NONBLOCK));
}

int clinux_descriptor_flags(int fd)
{
    return clinux_result(fcntl(fd, F_GETFD));
}

int clinux_punch_hole(int file, int64_t offset, int64_t len)
{
    return clinux_result(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, len));
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

int clinux_set_close_on_exec(int fd, bool closes)
{
    return clinux_result(fcntl(fd, F_SETFD, closes ? FD_CLOEXEC : 0));
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

/* ---- a new process ----
 *
 * posix_spawn(3) copies the parent's table of descriptors and closes them one by one in the child, which with ten
 * thousand pidfds takes ten times as long as all the rest. So the child shares the table at first (CLONE_FILES), and
 * its first act on it is a close_range(2) with CLOSE_RANGE_UNSHARE, which copies only what lies below the range.
 *
 * Like posix_spawn's, the child borrows the parent's memory (CLONE_VM) and the parent waits until it has executed
 * (CLONE_VFORK). Until then it may do nothing but system calls: not even through glibc's wrappers, some of which
 * sanitizers replace by functions of their own. */

/* glibc's clone(2) by a name that the thread sanitizer doesn't intercept; it would treat the child as a fork. */
extern int __clone(int (*function)(void *), void *stack, int flags, void *argument, ...);

/* Plenty for a few system calls. */
#define CHILD_STACK 16384
#define KERNEL_SIGNALS 64

/* What rt_sigaction(2) takes; all zero is SIG_DFL. */
struct kernel_sigaction {
    void *handler;
    unsigned long flags;
    void *restorer;
    uint64_t mask;
};

struct spawn_call {
    const struct clinux_spawn_plan *plan;
    int first_unneeded; /* the child needs no descriptor from here on */
    int error;
    enum clinux_spawn_stage stage;
};

#define RAW __attribute__((no_sanitize("address", "thread", "undefined")))

RAW static long set_up_descriptors(const struct spawn_call *call)
{
    const struct clinux_spawn_plan *plan = call->plan;
    if (plan->working_directory >= 0 && syscall(SYS_fchdir, plan->working_directory) < 0)
        return -1;
    if (syscall(SYS_close_range, call->first_unneeded, ~0U, CLOSE_RANGE_UNSHARE) < 0)
        return -1;
    for (size_t i = 0; i < plan->copy_count; i++) {
        const int source = plan->copies[2 * i];
        const int target = plan->copies[2 * i + 1];
        if (source == target ? syscall(SYS_fcntl, target, F_SETFD, 0) < 0 : syscall(SYS_dup3, source, target, 0) < 0)
            return -1;
    }
    for (size_t i = 0; i < plan->close_count; i++)
        (void)syscall(SYS_close, plan->closes[i]);
    return syscall(SYS_close_range, plan->close_from, ~0U, 0);
}

RAW static long set_up_limit(const struct clinux_spawn_plan *plan)
{
    struct rlimit limit;
    if (syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit) < 0)
        return -1;
    if (limit.rlim_cur == plan->file_limit)
        return 0;
    limit.rlim_cur = plan->file_limit;
    return syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &limit, NULL);
}

RAW static int spawned_child(void *argument)
{
    struct spawn_call *call = argument;
    const struct clinux_spawn_plan *plan = call->plan;
    const struct kernel_sigaction standard = {0};
    const uint64_t none = 0;
    if (syscall(SYS_setsid) >= 0 && set_up_descriptors(call) >= 0 && set_up_limit(plan) >= 0) {
        for (int signum = 1; signum <= KERNEL_SIGNALS; signum++)
            if (plan->reset_signals >> (signum - 1) & 1)
                (void)syscall(SYS_rt_sigaction, signum, &standard, NULL, sizeof none);
        (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none);
        call->stage = CLINUX_SPAWN_EXEC;
        (void)syscall(SYS_execve, plan->executable, plan->argv, plan->envp);
    }
    call->error = errno;
    (void)syscall(SYS_exit_group, 127);
    __builtin_unreachable();
}

static int first_unneeded(const struct clinux_spawn_plan *plan)
{
    int highest = 2;
    for (size_t i = 0; i < plan->copy_count; i++)
        if (plan->copies[2 * i] > highest)
            highest = plan->copies[2 * i];
    return highest + 1;
}

int clinux_spawn(const struct clinux_spawn_plan *plan, pid_t *pid, int *pidfd, enum clinux_spawn_stage *stage)
{
    struct spawn_call call = {
        .plan = plan, .first_unneeded = first_unneeded(plan), .error = 0, .stage = CLINUX_SPAWN_SETUP};
    /* On our own stack: nobody else uses that while we wait for the child. */
    _Alignas(16) char stack[CHILD_STACK];
    sigset_t all, before;
    /* No handler of ours may run in the child, on memory that it shares with us. */
    memset(&all, 0xff, sizeof all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int flags = CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_PIDFD | SIGCHLD;
    const int result = clinux_result(__clone(spawned_child, stack + sizeof stack, flags, &call, pidfd));
    if (result >= 0 && call.error) {
        (void)close(*pidfd);
        while (waitpid(result, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    *stage = result < 0 ? CLINUX_SPAWN_CLONE : call.stage;
    if (result < 0)
        return result;
    *pid = result;
    return -call.error;
}

uint64_t clinux_signals_not_default(void)
{
    uint64_t signals = 0;
    for (int signum = 1; signum <= KERNEL_SIGNALS; signum++) {
        struct kernel_sigaction current = {0};
        if (syscall(SYS_rt_sigaction, signum, NULL, &current, sizeof current.mask) == 0 && current.handler)
            signals |= UINT64_C(1) << (signum - 1);
    }
    return signals;
}

/* ---- limits, clocks, signals ---- */

int clinux_get_file_limit(struct rlimit *out)
{
    return clinux_result(getrlimit(RLIMIT_NOFILE, out));
}

int clinux_get_process_limit(struct rlimit *out)
{
    return clinux_result(getrlimit(RLIMIT_NPROC, out));
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
