/* What the keeper knows of its children, in as little memory as it takes. */
#ifndef KEEPER_CHILDREN_H
#define KEEPER_CHILDREN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Slots are numbered from 1; 0 is none. */
typedef uint32_t slot;

struct held {
    struct held *_Nullable next;
    int fd;
    uint32_t tag;
};

struct child {
    uint64_t token; /* 0: the slot is free */
    struct held *_Nullable held;
    pid_t pid;          /* may be a stranger's once it is reaped */
    int pidfd;          /* -1 once it is reaped */
    slot next_by_token; /* in its bucket, or in the list of free slots */
    slot next_by_pid;
    bool is_recorded; /* how it ended is in the records */
    bool is_reaped;
};

#define BUCKET_BITS 12

struct children {
    struct child *_Nullable slots; /* [0] is not used */
    uint32_t capacity;
    uint32_t slots_used; /* slots from here on have never been used */
    slot free_slots;
    uint32_t count;    /* that are known */
    uint32_t unreaped; /* of these, running and zombies */
    slot by_token[1 << BUCKET_BITS];
    slot by_pid[1 << BUCKET_BITS];
};

/* Makes sure that one child can be added: 0 or -ENOMEM. */
int children_reserve(struct children *_Nonnull children);

/* Adds one for which room has been reserved, with what is held for it. */
slot children_add(struct children *_Nonnull children, uint64_t token, pid_t pid, int pidfd,
                  struct held *_Nullable held);

/* 0 when there is none. By pid: only of those that are not reaped. */
slot children_by_token(struct children *_Nonnull children, uint64_t token);
slot children_by_pid(struct children *_Nonnull children, pid_t pid);

/* Notes that a child has been reaped, so its pid and pidfd are no longer its own. */
void children_reaped(struct children *_Nonnull children, slot which);

/* Closes what a child holds and forgets it. It must have been reaped. */
void children_forget(struct children *_Nonnull children, slot which);

/* Takes a descriptor into a list, in place of the one with that tag if there is one: 0 or -ENOMEM. */
int held_put(struct held *_Nullable *_Nonnull list, uint32_t tag, int fd);
/* Closes the one with that tag: 0 or -ENOENT. */
int held_drop(struct held *_Nullable *_Nonnull list, uint32_t tag);
void held_drop_all(struct held *_Nullable *_Nonnull list);

#endif
