/* What the keeper knows of its children, in as little memory as it takes. */
#ifndef KEEPER_CHILDREN_H
#define KEEPER_CHILDREN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Slots are numbered from 1; 0 is none. */
typedef uint32_t slot;

struct child {
    uint64_t token;     /* 0: the slot is free */
    pid_t pid;          /* may be a stranger's once it is reaped */
    int pidfd;          /* -1 once it is reaped */
    uint32_t held;      /* first of the list of held descriptors */
    slot next_by_token; /* in its bucket, or in the list of free slots */
    slot next_by_pid;
    bool is_recorded; /* status, usage and stat text are in the records */
    bool is_reaped;
};

struct held {
    int fd;
    uint32_t tag;
    uint32_t next;
};

struct bucket {
    slot by_token;
    slot by_pid;
};

struct children {
    struct child *_Nullable slots; /* [0] is not used */
    struct held *_Nullable held;   /* [0] is not used */
    struct bucket *_Nullable buckets;
    uint32_t slot_capacity; /* a power of two, also the number of buckets */
    uint32_t slots_used;    /* slots from here on have never been used */
    slot free_slots;
    uint32_t held_capacity;
    uint32_t held_used;
    uint32_t free_held;
    uint32_t free_held_count;
    uint32_t count;    /* that are known */
    uint32_t unreaped; /* of these, running and zombies */
};

/* Makes sure that one child with so many held descriptors can be added: 0 or -ENOMEM. */
int children_reserve(struct children *_Nonnull children, uint32_t held);

/* Adds one for which room has been reserved. */
slot children_add(struct children *_Nonnull children, uint64_t token, pid_t pid, int pidfd);

/* Closes what a child holds and forgets it. It must have been reaped. */
void children_forget(struct children *_Nonnull children, slot which);

/* 0 when there is none. By pid: only of those that are not reaped. */
slot children_by_token(const struct children *_Nonnull children, uint64_t token);
slot children_by_pid(const struct children *_Nonnull children, pid_t pid);

/* Notes that a child has been reaped, so its pid and pidfd are no longer its own. */
void children_reaped(struct children *_Nonnull children, slot which);

/* Takes a descriptor into a child's list, in place of the one with that tag if there is one. Room for it has been
 * reserved. */
void children_hold(struct children *_Nonnull children, slot which, uint32_t tag, int fd);

/* Closes the one with that tag: 0 or -ENOENT. */
int children_drop(struct children *_Nonnull children, slot which, uint32_t tag);

#endif
