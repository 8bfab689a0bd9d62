/* Linux calls that Swift's Glibc module hides: those behind _GNU_SOURCE, the
 * variadic ones, the macros of <sys/wait.h>, and system calls without a
 * wrapper in glibc 2.36.
 *
 * Every function that can fail returns -errno; zero and above is success, a
 * descriptor or a count, as the call it stands for. EINTR is retried only
 * where the comment says so. Descriptors are close-on-exec from birth.
 *
 * This header keeps clear of _GNU_SOURCE: with it, types that Glibc's module
 * has too would have two definitions. */
#ifndef CLINUX_H
#define CLINUX_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- epoll, eventfd, signalfd ---- */

int clinux_epoll_create(void);

/* epoll_ctl(2); `op` is EPOLL_CTL_ADD, EPOLL_CTL_MOD or EPOLL_CTL_DEL. */
int clinux_epoll_control(int epoll, int op, int fd, uint32_t events, uint64_t data);

/* epoll_pwait2(2) without a mask, so the timeout counts nanoseconds; a negative one waits forever.
 * Falls back to milliseconds, rounded up, before Linux 5.11. */
int clinux_epoll_wait(int epoll, struct epoll_event *_Nonnull events, int capacity, int64_t timeout_ns);

int clinux_eventfd(void);

/* A signalfd for the signals in `set`, which the caller has blocked. */
int clinux_signalfd(const sigset_t *_Nonnull set);

/* ---- descriptors and files ---- */

/* openat(2) with O_CLOEXEC added. Not retried on EINTR: an interruption is how a blocked open is cancelled. */
int clinux_open(int directory, const char *_Nonnull path, int flags, mode_t mode);

/* openat2(2) that fails with EAGAIN rather than wait for a disk or a server (RESOLVE_CACHED, Linux 5.12). */
int clinux_open_path_cached(int directory, const char *_Nonnull path);

/* Whether we may change to a directory: 0, or what fchdir(2) would fail with. Asks the file system's server. */
int clinux_may_enter(int directory);

/* What kind of file a descriptor stands for, and the device that its file system is on. */
struct clinux_file_kind {
    mode_t mode;
    uint32_t device_major; /* of the file system */
    uint32_t device_minor;
    uint32_t special_major; /* of a device file */
};

/* statx(2) of an open descriptor that asks no server (AT_STATX_DONT_SYNC). */
int clinux_file_kind_cached(int fd, struct clinux_file_kind *_Nonnull out);

/* What this program was started with: the strings of main's argv. Swift finds them by going back from the environment,
 * and finds none when a preloaded library has moved that. */
int clinux_argument_count(void);
const char *_Nullable clinux_argument(int index);

int clinux_pipe(int *_Nonnull reader, int *_Nonnull writer);

/* F_DUPFD_CLOEXEC: the lowest free number at or above `floor`. */
int clinux_dup_above(int fd, int floor);

int clinux_set_nonblocking(int fd);
int clinux_set_blocking(int fd);

/* The flags of the descriptor itself (F_GETFD): EBADF tells that it is not open. */
int clinux_descriptor_flags(int fd);

int clinux_pipe_capacity(int fd);

int clinux_set_pipe_capacity(int fd, int size);

/* Bytes that wait in a pipe (FIONREAD). */
int clinux_bytes_waiting(int fd);

/* splice(2): moves up to `len` bytes that wait in a pipe to `offset` of a regular file, and never waits for more.
 * 0 at the end of the pipe; -EAGAIN when nothing waits. What it doesn't return as moved is still in the pipe. */
int64_t clinux_splice_to_file(int pipe, int file, int64_t offset, size_t len);

/* Gives back the room of a part of a file, which then reads as zeros; the file's size stays. */
int clinux_punch_hole(int file, int64_t offset, int64_t len);

/* Whether nobody has this regular file open for writing, asked by taking and
 * giving back a read lease (F_SETLEASE). 1 yes, 0 no; -errno where leases
 * don't work (EINVAL: the file system has none; EACCES: the file is another user's). */
int clinux_has_no_writer(int fd);

/* An unnamed file in `directory`, opened for reading and writing (O_TMPFILE). EOPNOTSUPP or EISDIR: the file
 * system or kernel has no such files. */
int clinux_open_unnamed(const char *_Nonnull directory, int flags, mode_t mode);

int clinux_memfd(const char *_Nonnull name);

/* Marks every descriptor from `first` up close-on-exec. */
int clinux_cloexec_from(unsigned int first);

/* Whether one descriptor is closed by an exec (FD_CLOEXEC). */
int clinux_set_close_on_exec(int fd, bool closes);

/* flock(2) that doesn't wait: EWOULDBLOCK when somebody else has a lock that is in the way. It belongs to what is open,
 * not to the process, and so outlives an exec. */
int clinux_lock(int fd, bool is_exclusive);

/* AT_FDCWD, O_PATH and O_DIRECTORY, whose definitions hide behind macros that Swift can't read or _GNU_SOURCE. */
extern const int clinux_at_cwd;
extern const int clinux_o_path;
extern const int clinux_o_directory;

/* ---- processes ---- */

int clinux_pidfd_open(pid_t pid);

int clinux_pidfd_send_signal(int pidfd, int signum);

int clinux_become_subreaper(void);

/* wait4(2), WNOHANG: the pid when reaped, 0 when it still runs. */
int clinux_reap(pid_t pid, int *_Nonnull status, struct rusage *_Nonnull usage);

/* Like clinux_reap, but leaves the zombie where it is, so that its pid, which is also the number of its session,
 * can't be given to anyone else. (The wait4 status is rebuilt from waitid's; see wait(2).) */
int clinux_peek(pid_t pid, int *_Nonnull status, struct rusage *_Nonnull usage);

/* The pid of some child that has ended and isn't reaped; 0 when there is none. ECHILD: no children at all. */
int clinux_any_zombie(void);

/* A new process, see clinux_spawn. */
struct clinux_spawn_plan {
    const char *_Nonnull executable;
    char *_Nullable const *_Nonnull argv; /* ends with NULL */
    char *_Nullable const *_Nonnull envp; /* ends with NULL */
    const int *_Nullable copies;          /* pairs: source, target */
    size_t copy_count;
    const int *_Nullable closes;
    size_t close_count;
    int close_from;         /* the child closes all from here on */
    int working_directory;  /* a descriptor for fchdir; -1: the parent's */
    rlim_t file_limit;      /* the child's soft limit of open files; every target is below it */
    uint64_t reset_signals; /* bit n-1 for signal n: those whose disposition isn't the default one here */
};

/* How far a new process came before it failed. */
enum clinux_spawn_stage {
    CLINUX_SPAWN_CLONE, /* it could not be made */
    CLINUX_SPAWN_SETUP, /* its session, directory or descriptors could not be set up */
    CLINUX_SPAWN_EXEC,
};

/* Starts a process in a session of its own, with default signal dispositions and an empty mask. In the child:
 * fchdir, then the copies (dup2, which clears close-on-exec also where source and target are one), the closes,
 * close_range from close_from on, the limit, exec. No search along PATH.
 *
 * What it takes doesn't depend on how much memory the parent has, nor on how many descriptors it has open above the
 * sources of the copies.
 *
 * Returns 0, *pid and *pidfd (which the caller owns), or -errno and the *stage that failed (of making the process:
 * EAGAIN: too many processes; ENOMEM; EMFILE, ENFILE: no descriptor for the pidfd). */
int clinux_spawn(const struct clinux_spawn_plan *_Nonnull plan, pid_t *_Nonnull pid, int *_Nonnull pidfd,
                 enum clinux_spawn_stage *_Nonnull stage);

/* The signals whose disposition isn't the default one now, for clinux_spawn_plan.reset_signals. */
uint64_t clinux_signals_not_default(void);

/* ---- limits, clocks, signals ---- */

int clinux_get_file_limit(struct rlimit *_Nonnull out);

/* RLIMIT_NPROC: processes of the user who asks, threads counted. */
int clinux_get_process_limit(struct rlimit *_Nonnull out);

int clinux_set_file_limit(const struct rlimit *_Nonnull limit);

int64_t clinux_clock_ns(clockid_t clock);

/* Gives `signum` a handler that does nothing and restarts nothing, so that pthread_kill makes a blocked call in that
 * thread fail with EINTR. */
int clinux_make_interrupting(int signum);

/* ---- <sys/wait.h> macros ---- */

bool clinux_exited(int status);
int clinux_exit_status(int status);
bool clinux_signaled(int status);
int clinux_term_signal(int status);
bool clinux_dumped_core(int status);

#endif
