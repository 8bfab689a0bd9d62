/* Linux calls that Swift's Glibc module hides: those behind _GNU_SOURCE, the
 * variadic ones, the macros of <sys/wait.h>, and system calls without a
 * wrapper in glibc 2.36.
 *
 * Every function that can fail returns -errno; zero and above is success, a
 * descriptor or a count, as the call it stands for. EINTR is retried only
 * where the comment says so. Descriptors are close-on-exec from birth. */
#ifndef CLINUX_H
#define CLINUX_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static inline int clinux_result(long result)
{
    return result < 0 ? -errno : (int)result;
}

/* ---- epoll, eventfd, signalfd ---- */

static inline int clinux_epoll_create(void)
{
    return clinux_result(epoll_create1(EPOLL_CLOEXEC));
}

/* epoll_ctl(2); `op` is EPOLL_CTL_ADD, EPOLL_CTL_MOD or EPOLL_CTL_DEL. */
static inline int clinux_epoll_control(int epoll, int op, int fd, uint32_t events, uint64_t data)
{
    struct epoll_event event = {.events = events, .data = {.u64 = data}};
    return clinux_result(epoll_ctl(epoll, op, fd, &event));
}

/* epoll_pwait2(2) without a mask, so the timeout counts nanoseconds; a negative one waits forever.
 * Falls back to milliseconds, rounded up, before Linux 5.11. */
static inline int clinux_epoll_wait(int epoll, struct epoll_event *_Nonnull events, int capacity, int64_t timeout_ns)
{
    struct timespec timeout = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
    long count = syscall(SYS_epoll_pwait2, epoll, events, capacity, timeout_ns < 0 ? NULL : &timeout, NULL, 0);
    if (count < 0 && errno == ENOSYS) {
        int64_t ms = timeout_ns < 0 ? -1 : (timeout_ns + 999999) / 1000000;
        count = epoll_wait(epoll, events, capacity, ms > INT32_MAX ? INT32_MAX : (int)ms);
    }
    return clinux_result(count);
}

static inline int clinux_eventfd(void)
{
    return clinux_result(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

/* A signalfd for the signals in `set`, which the caller has blocked. */
static inline int clinux_signalfd(const sigset_t *_Nonnull set)
{
    return clinux_result(signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK));
}

/* ---- descriptors and files ---- */

/* open(2) with O_CLOEXEC added. Not retried on EINTR: an interruption is how a blocked open is cancelled. */
static inline int clinux_open(const char *_Nonnull path, int flags, mode_t mode)
{
    return clinux_result(open(path, flags | O_CLOEXEC, mode));
}

/* openat2(2) that fails with EAGAIN rather than wait for a disk or a server (RESOLVE_CACHED, Linux 5.12). */
static inline int clinux_open_path_cached(const char *_Nonnull path)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .mode = 0, .resolve = RESOLVE_CACHED};
    return clinux_result(syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how));
}

/* statx(2) of an open descriptor that asks no server (AT_STATX_DONT_SYNC). */
static inline int clinux_statx_cached(int fd, struct statx *_Nonnull out)
{
    return clinux_result(statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_MODE, out));
}

static inline int clinux_pipe(int *_Nonnull reader, int *_Nonnull writer)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    *reader = ends[0];
    *writer = ends[1];
    return 0;
}

/* F_DUPFD_CLOEXEC: the lowest free number at or above `floor`. */
static inline int clinux_dup_above(int fd, int floor)
{
    return clinux_result(fcntl(fd, F_DUPFD_CLOEXEC, floor));
}

static inline int clinux_set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 ? -errno : clinux_result(fcntl(fd, F_SETFL, flags | O_NONBLOCK));
}

/* The flags of the descriptor itself (F_GETFD): EBADF tells that it is not open. */
static inline int clinux_descriptor_flags(int fd)
{
    return clinux_result(fcntl(fd, F_GETFD));
}

static inline int clinux_pipe_capacity(int fd)
{
    return clinux_result(fcntl(fd, F_GETPIPE_SZ));
}

static inline int clinux_set_pipe_capacity(int fd, int size)
{
    return clinux_result(fcntl(fd, F_SETPIPE_SZ, size));
}

/* Bytes that wait in a pipe (FIONREAD). */
static inline int clinux_bytes_waiting(int fd)
{
    int count = 0;
    return ioctl(fd, FIONREAD, &count) < 0 ? -errno : count;
}

/* Whether nobody has this regular file open for writing, asked by taking and
 * giving back a read lease (F_SETLEASE). 1 yes, 0 no; -errno where leases
 * don't work (EINVAL: the file system has none; EACCES: the file is another user's). */
static inline int clinux_has_no_writer(int fd)
{
    if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0)
        return errno == EAGAIN ? 0 : -errno;
    return fcntl(fd, F_SETLEASE, F_UNLCK) < 0 ? -errno : 1;
}

/* An unnamed file in `directory`, opened for reading and writing (O_TMPFILE). EOPNOTSUPP or EISDIR: the file
 * system or kernel has no such files. */
static inline int clinux_open_unnamed(const char *_Nonnull directory, int flags, mode_t mode)
{
    return clinux_result(open(directory, O_TMPFILE | O_CLOEXEC | flags, mode));
}

static inline int clinux_memfd(const char *_Nonnull name)
{
    return clinux_result(memfd_create(name, MFD_CLOEXEC));
}

/* Marks every descriptor from `first` up close-on-exec. */
static inline int clinux_cloexec_from(unsigned int first)
{
    return clinux_result(close_range(first, ~0U, CLOSE_RANGE_CLOEXEC));
}

/* ---- processes ---- */

static inline int clinux_pidfd_open(pid_t pid)
{
    return clinux_result(syscall(SYS_pidfd_open, pid, 0));
}

static inline int clinux_pidfd_send_signal(int pidfd, int signum)
{
    return clinux_result(syscall(SYS_pidfd_send_signal, pidfd, signum, NULL, 0));
}

static inline int clinux_become_subreaper(void)
{
    return clinux_result(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
}

/* wait4(2), WNOHANG: the pid when reaped, 0 when it still runs. */
static inline int clinux_reap(pid_t pid, int *_Nonnull status, struct rusage *_Nonnull usage)
{
    return clinux_result(wait4(pid, status, WNOHANG, usage));
}

/* Like clinux_reap, but leaves the zombie where it is, so that its pid, which is also the number of its session,
 * can't be given to anyone else. (The wait4 status is rebuilt from waitid's; see wait(2).) */
static inline int clinux_peek(pid_t pid, int *_Nonnull status, struct rusage *_Nonnull usage)
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

/* The pid of some child that has ended and isn't reaped; 0 when there is none. ECHILD: no children at all. */
static inline int clinux_any_zombie(void)
{
    siginfo_t info = {.si_pid = 0};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
        return -errno;
    return info.si_pid;
}

/* What posix_spawn(3) is to do, in this order: see clinux_spawn. */
struct clinux_spawn_plan {
    const char *_Nonnull executable;
    char *_Nullable const *_Nonnull argv; /* ends with NULL */
    char *_Nullable const *_Nonnull envp; /* ends with NULL */
    const int *_Nullable copies;          /* pairs: source, target */
    size_t copy_count;
    const int *_Nullable closes;
    size_t close_count;
    int close_from;        /* the child closes all from here on */
    int working_directory; /* a descriptor for fchdir; -1: the parent's */
};

/* Starts a process in a session of its own, with default signal dispositions and an empty mask. In the child:
 * fchdir, then the copies (dup2), the closes, close_range from close_from on, exec.
 *
 * Returns 0 and *pid, or -errno: of the exec, or of a dup2, or of making the process (EAGAIN, ENOMEM). */
static inline int clinux_spawn(const struct clinux_spawn_plan *_Nonnull plan, pid_t *_Nonnull pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t all, none;
    int error = posix_spawn_file_actions_init(&actions);
    if (error)
        return -error;
    error = posix_spawnattr_init(&attributes);
    if (error) {
        posix_spawn_file_actions_destroy(&actions);
        return -error;
    }
    sigfillset(&all);
    sigemptyset(&none);
    error = posix_spawnattr_setflags(&attributes,
                                     POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    if (!error)
        error = posix_spawnattr_setsigdefault(&attributes, &all);
    if (!error)
        error = posix_spawnattr_setsigmask(&attributes, &none);
    if (!error && plan->working_directory >= 0)
        error = posix_spawn_file_actions_addfchdir_np(&actions, plan->working_directory);
    for (size_t i = 0; !error && i < plan->copy_count; i++)
        error = posix_spawn_file_actions_adddup2(&actions, plan->copies[2 * i], plan->copies[2 * i + 1]);
    for (size_t i = 0; !error && i < plan->close_count; i++)
        error = posix_spawn_file_actions_addclose(&actions, plan->closes[i]);
    if (!error)
        error = posix_spawn_file_actions_addclosefrom_np(&actions, plan->close_from);
    if (!error)
        error = posix_spawn(pid, plan->executable, &actions, &attributes, plan->argv, plan->envp);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return -error;
}

/* ---- limits, clocks, signals ---- */

static inline int clinux_get_file_limit(struct rlimit *_Nonnull out)
{
    return clinux_result(getrlimit(RLIMIT_NOFILE, out));
}

static inline int clinux_set_file_limit(const struct rlimit *_Nonnull limit)
{
    return clinux_result(setrlimit(RLIMIT_NOFILE, limit));
}

static inline int64_t clinux_clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline void clinux_ignore_nothing(int signum)
{
    (void)signum;
}

/* Gives `signum` a handler that does nothing and restarts nothing, so that pthread_kill makes a blocked call in that
 * thread fail with EINTR. */
static inline int clinux_make_interrupting(int signum)
{
    struct sigaction action = {.sa_handler = clinux_ignore_nothing};
    return clinux_result(sigaction(signum, &action, NULL));
}

/* ---- <sys/wait.h> macros ---- */

static inline bool clinux_exited(int status) { return WIFEXITED(status); }
static inline int clinux_exit_status(int status) { return WEXITSTATUS(status); }
static inline bool clinux_signaled(int status) { return WIFSIGNALED(status); }
static inline int clinux_term_signal(int status) { return WTERMSIG(status); }
static inline bool clinux_dumped_core(int status) { return WCOREDUMP(status); }

#endif
