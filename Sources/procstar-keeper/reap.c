/* Ends of processes.
 *
 * With an agent, a child is reaped when it says so: as long as the zombie stands, its pid, which is also the number of
 * its session, can't be given to anyone else. Without one, the keeper does what the agent would have done. Orphans
 * are always reaped.
 *
 * SIGCHLD names one that has ended, which is looked at at once. Others that ended at the same moment come without a
 * signal of their own, so then there is a sweep. */
#define _GNU_SOURCE

#include "calls.h"
#include "clinux.h"
#include "keeper.h"

#include <stdio.h>

#define MILLISECOND INT64_C(1000000)
/* A sweep looks at every child. At this distance at least, and never for more than one part of the time in so many. */
#define SHORTEST_DISTANCE (20 * MILLISECOND)
#define SHARE_WITH_AGENT 100
#define SHARE_ALONE 2
/* So that many ends at once leave time for the rest. */
#define REAPED_AT_ONCE 64
/* Before another look at all children, and after a failure for want of something. */
#define LIST_DISTANCE (1000 * MILLISECOND)

/* ---- one child ---- */

/* Whether there may be enough of it another time. */
static bool is_want(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == EAGAIN;
}

/* Reads the text of /proc/PID/stat: 0 or -errno. Where /proc doesn't show it, there is none. */
static int read_stat(pid_t pid, struct record *record)
{
    char path[32];
    (void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
    const int fd = CALL(open, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return is_want(errno) ? -errno : 0;
    /* The kernel writes it as a whole, for the first reading. */
    const ssize_t length = CALL(read, fd, record->stat, sizeof record->stat);
    const int error = length < 0 ? errno : 0;
    (void)close(fd);
    record->outcome.stat_length = length < 0 ? 0 : (uint32_t)length;
    return is_want(error) ? -error : 0;
}

int collect_child(struct keeper *keeper, slot which)
{
    struct child *child = &keeper->children.slots[which];
    if (child->is_recorded)
        return 0;
    struct record record = {0};
    struct keeper_outcome *outcome = &record.outcome;
    const int peeked = CALL_PLAIN(clinux_peek, child->pid, &outcome->status, &outcome->usage);
    if (peeked <= 0)
        return peeked == 0 ? -EAGAIN : peeked;
    outcome->realtime_ns = clinux_clock_ns(CLOCK_REALTIME);
    outcome->monotonic_ns = now_ns();
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

/* Reaps a process that has ended, if that is for the keeper to do: whether it has. */
static bool reap_if_ours(struct keeper *keeper, pid_t pid)
{
    const slot which = children_by_pid(&keeper->children, pid);
    if (which)
        return !keeper->connection.is_agent && reap_child(keeper, which) == 0;
    int status = 0;
    struct rusage usage;
    return clinux_reap(pid, &status, &usage) > 0;
}

/* ---- all of them ---- */

void note_end(struct keeper *keeper, pid_t pid)
{
    (void)reap_if_ours(keeper, pid);
    keeper->sweep.due = earlier(keeper->sweep.due, keeper->sweep.not_before);
}

/* Reaps up to `left` children that have ended: how many are left of that. */
static int reap_children(struct keeper *keeper, int left)
{
    for (slot which = 1; which < keeper->children.slots_used && left > 0; which++) {
        const struct child *child = &keeper->children.slots[which];
        left -= child->token != 0 && !child->is_reaped && reap_child(keeper, which) == 0;
    }
    return left;
}

/* The same with those that the kernel lists, whoever they are. */
static int reap_listed(struct keeper *keeper, int left)
{
    const int fd = CALL(open, "/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return left;
    char block[4096];
    pid_t pid = 0;
    ssize_t count = 0;
    while (left > 0 && (count = read(fd, block, sizeof block)) > 0) {
        for (ssize_t i = 0; i < count; i++) {
            if (block[i] >= '0' && block[i] <= '9') {
                pid = pid * 10 + (block[i] - '0');
                continue;
            }
            left -= pid > 0 && reap_if_ours(keeper, pid);
            pid = 0;
        }
    }
    (void)close(fd);
    return left;
}

void sweep(struct keeper *keeper)
{
    struct sweep *sweep = &keeper->sweep;
    const int64_t start = now_ns();
    const bool is_alone = !keeper->connection.is_agent;
    int left = REAPED_AT_ONCE;
    sweep->due = NEVER;
    /* Mostly there is none, and this is the quickest way to see that. */
    pid_t pid = clinux_any_zombie();
    if (pid > 0 && is_alone) {
        left = reap_children(keeper, left);
        pid = clinux_any_zombie();
    }
    while (pid > 0 && left > 0 && reap_if_ours(keeper, pid)) {
        left--;
        pid = clinux_any_zombie();
    }
    /* One that is to stay for now hides those behind it. */
    if (pid > 0 && left > 0) {
        if (start >= sweep->list_not_before) {
            left = reap_listed(keeper, left);
            sweep->list_not_before = left > 0 ? now_ns() + LIST_DISTANCE : 0;
        }
        sweep->due = sweep->list_not_before;
    }
    const int64_t end = now_ns();
    if (left <= 0) {
        sweep->due = end;
        return;
    }
    const int64_t distance = (end - start) * (is_alone ? SHARE_ALONE : SHARE_WITH_AGENT);
    sweep->not_before = end + (distance > SHORTEST_DISTANCE ? distance : SHORTEST_DISTANCE);
}
