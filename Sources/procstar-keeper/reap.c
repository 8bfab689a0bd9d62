/* Ends of processes.
 *
 * With an agent, a child is reaped when it says so: as long as the zombie stands, its pid, which is also the number of
 * its session, can't be given to anyone else. Without one, the keeper does what the agent would have done. Orphans
 * are always reaped. */
#define _GNU_SOURCE

#include "calls.h"
#include "clinux.h"
#include "keeper.h"

#include <poll.h>
#include <stdio.h>
#include <time.h>

#define MILLISECOND INT64_C(1000000)
/* A sweep looks at every child. At this distance at least, and never more than one part in a hundred of the time. */
#define SHORTEST_DISTANCE (20 * MILLISECOND)
#define SHARE 100
#define ORPHANS_AT_ONCE 1000
#define LIST_DISTANCE (1000 * MILLISECOND)
/* After a failure for want of something. */
#define RETRY_DISTANCE (1000 * MILLISECOND)

int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- one child ---- */

/* Whether there may be enough of it another time. */
static bool is_want(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == EAGAIN;
}

static int open_stat(pid_t pid)
{
    char path[32];
    (void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
    for (;;) {
        const int fd = CALL(open, path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0 || errno != EINTR)
            return fd < 0 ? -errno : fd;
    }
}

/* Reads the text of /proc/PID/stat: 0 or -errno. Where /proc doesn't show it, there is none. */
static int read_stat(pid_t pid, struct record *record)
{
    const int fd = open_stat(pid);
    if (fd < 0)
        return is_want(-fd) ? fd : 0;
    int error = 0;
    size_t length = 0;
    while (length < sizeof record->stat) {
        const ssize_t count = CALL(read, fd, record->stat + length, sizeof record->stat - length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            error = -errno;
        if (count <= 0)
            break;
        length += (size_t)count;
    }
    (void)close(fd);
    record->stat_length = error ? 0 : (uint32_t)length;
    return is_want(-error) ? error : 0;
}

int collect_child(struct keeper *keeper, slot which)
{
    struct child *child = &keeper->children.slots[which];
    if (child->is_recorded)
        return 0;
    struct record record = {0};
    const int peeked = CALL_PLAIN(clinux_peek, child->pid, &record.status, &record.usage);
    if (peeked <= 0)
        return peeked == 0 ? -EAGAIN : peeked;
    int result = read_stat(child->pid, &record);
    if (result == 0)
        result = records_write(keeper->records, which, &record);
    child->is_recorded = result == 0;
    return result;
}

int reap_child(struct keeper *keeper, slot which)
{
    struct child *child = &keeper->children.slots[which];
    if (child->is_reaped)
        return 0;
    const int collected = collect_child(keeper, which);
    if (collected < 0)
        return collected;
    int status = 0;
    struct rusage usage;
    const int reaped = CALL_PLAIN(clinux_reap, child->pid, &status, &usage);
    if (reaped <= 0)
        return reaped == 0 ? -EAGAIN : reaped;
    children_reaped(&keeper->children, which);
    keeper->idle_since = now_ns();
    return 0;
}

/* ---- all of them ---- */

static void sweep_again(struct keeper *keeper, int64_t when)
{
    if (keeper->sweep.retry_at > when)
        keeper->sweep.retry_at = when;
}

int64_t next_sweep(const struct keeper *keeper)
{
    const struct sweep *sweep = &keeper->sweep;
    if (sweep->is_due || sweep->retry_at < sweep->not_before)
        return sweep->not_before;
    return sweep->retry_at;
}

static bool may_reap_children(const struct keeper *keeper)
{
    return !keeper->connection.is_agent;
}

/* Reaps those whose pidfds say that they have ended. */
static void reap_ended(struct keeper *keeper, const struct pollfd *fds, const slot *slots, nfds_t count)
{
    for (nfds_t i = 0; i < count; i++)
        if (fds[i].revents != 0 && reap_child(keeper, slots[i]) < 0)
            sweep_again(keeper, now_ns() + RETRY_DISTANCE);
}

static void reap_children(struct keeper *keeper)
{
    enum { BATCH = 256 };
    struct pollfd fds[BATCH];
    slot slots[BATCH];
    nfds_t count = 0;
    for (slot which = 1; which < keeper->children.slots_used; which++) {
        const struct child *child = &keeper->children.slots[which];
        if (child->token != 0 && !child->is_reaped) {
            slots[count] = which;
            fds[count++] = (struct pollfd){.fd = child->pidfd, .events = POLLIN};
        }
        if (count > 0 && (count == BATCH || which + 1 == keeper->children.slots_used)) {
            if (CALL(poll, fds, count, 0) < 0)
                sweep_again(keeper, now_ns() + RETRY_DISTANCE);
            else
                reap_ended(keeper, fds, slots, count);
            count = 0;
        }
    }
}

static bool reap_orphan(pid_t pid)
{
    int status = 0;
    struct rusage usage;
    return clinux_reap(pid, &status, &usage) > 0;
}

/* Reaps what isn't ours among the children that the kernel lists. Those that still run are left alone. */
static void reap_listed_orphans(struct keeper *keeper)
{
    const int fd = CALL(open, "/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    char block[4096];
    pid_t pid = 0;
    ssize_t count = 0;
    while ((count = read(fd, block, sizeof block)) > 0) {
        for (ssize_t i = 0; i < count; i++) {
            if (block[i] >= '0' && block[i] <= '9') {
                pid = pid * 10 + (block[i] - '0');
                continue;
            }
            if (pid > 0 && !children_by_pid(&keeper->children, pid))
                (void)reap_orphan(pid);
            pid = 0;
        }
    }
    (void)close(fd);
}

/* False when a zombie stands in front that is not to be reaped now: it hides those behind it. */
static bool reap_orphans(struct keeper *keeper)
{
    for (int reaped = 0;; reaped++) {
        if (reaped == ORPHANS_AT_ONCE) {
            keeper->sweep.is_due = true;
            return true;
        }
        const pid_t pid = clinux_any_zombie();
        if (pid <= 0)
            return true;
        const slot which = children_by_pid(&keeper->children, pid);
        if (which ? !may_reap_children(keeper) || reap_child(keeper, which) < 0 : !reap_orphan(pid))
            return false;
    }
}

void sweep(struct keeper *keeper)
{
    const int64_t start = now_ns();
    keeper->sweep.is_due = false;
    keeper->sweep.retry_at = NEVER;
    if (may_reap_children(keeper))
        reap_children(keeper);
    if (!reap_orphans(keeper)) {
        if (start >= keeper->sweep.list_not_before) {
            reap_listed_orphans(keeper);
            keeper->sweep.list_not_before = now_ns() + LIST_DISTANCE;
        }
        sweep_again(keeper, keeper->sweep.list_not_before);
    }
    const int64_t end = now_ns();
    const int64_t distance = (end - start) * SHARE;
    const int64_t earliest = end + (distance > SHORTEST_DISTANCE ? distance : SHORTEST_DISTANCE);
    if (keeper->sweep.not_before < earliest)
        keeper->sweep.not_before = earliest;
}
