/* The table of children: slots, found by token or pid through chained buckets, and a pool of held descriptors. Numbers
 * in place of pointers: half the size, and a block may move when it grows. */
#include "children.h"

#include "calls.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define FIRST_CAPACITY 64

static struct bucket *bucket_of_token(const struct children *children, uint64_t token)
{
    /* Fibonacci hashing: tokens may be numbers in a row, or have their meaning in the upper half. */
    const uint64_t mixed = token * UINT64_C(0x9e3779b97f4a7c15);
    return &children->buckets[(mixed >> 32) & (children->slot_capacity - 1)];
}

static struct bucket *bucket_of_pid(const struct children *children, pid_t pid)
{
    return &children->buckets[(uint32_t)pid & (children->slot_capacity - 1)];
}

static void chain_token(struct children *children, slot which)
{
    struct child *child = &children->slots[which];
    struct bucket *bucket = bucket_of_token(children, child->token);
    child->next_by_token = bucket->by_token;
    bucket->by_token = which;
}

static void chain_pid(struct children *children, slot which)
{
    struct child *child = &children->slots[which];
    struct bucket *bucket = bucket_of_pid(children, child->pid);
    child->next_by_pid = bucket->by_pid;
    bucket->by_pid = which;
}

static void unchain_token(struct children *children, slot which)
{
    slot *link = &bucket_of_token(children, children->slots[which].token)->by_token;
    while (*link != which)
        link = &children->slots[*link].next_by_token;
    *link = children->slots[which].next_by_token;
}

static void unchain_pid(struct children *children, slot which)
{
    slot *link = &bucket_of_pid(children, children->slots[which].pid)->by_pid;
    while (*link != which)
        link = &children->slots[*link].next_by_pid;
    *link = children->slots[which].next_by_pid;
}

static int grow_slots(struct children *children)
{
    const uint32_t capacity = children->slot_capacity ? children->slot_capacity * 2 : FIRST_CAPACITY;
    struct bucket *buckets = CALL_MEMORY(NULL, calloc, capacity, sizeof *buckets);
    if (!buckets)
        return -ENOMEM;
    struct child *slots = CALL_MEMORY(NULL, realloc, children->slots, capacity * sizeof *slots);
    if (!slots) {
        free(buckets);
        return -ENOMEM;
    }
    free(children->buckets);
    children->slots = slots;
    children->buckets = buckets;
    if (children->slot_capacity == 0)
        children->slots_used = 1;
    children->slot_capacity = capacity;
    /* None is free, or this would not have been called. */
    for (slot which = 1; which < children->slots_used; which++) {
        chain_token(children, which);
        if (!slots[which].is_reaped)
            chain_pid(children, which);
    }
    return 0;
}

static int reserve_held(struct children *children, uint32_t count)
{
    uint32_t capacity = children->held_capacity ? children->held_capacity : FIRST_CAPACITY;
    const uint32_t used = children->held_used ? children->held_used : 1;
    while (capacity - used + children->free_held_count < count)
        capacity *= 2;
    if (capacity == children->held_capacity)
        return 0;
    struct held *held = CALL_MEMORY(NULL, realloc, children->held, capacity * sizeof *held);
    if (!held)
        return -ENOMEM;
    children->held = held;
    children->held_capacity = capacity;
    children->held_used = used;
    return 0;
}

int children_reserve(struct children *children, uint32_t held)
{
    if (!children->free_slots && children->slots_used == children->slot_capacity) {
        const int grown = grow_slots(children);
        if (grown < 0)
            return grown;
    }
    return held > 0 ? reserve_held(children, held) : 0;
}

slot children_add(struct children *children, uint64_t token, pid_t pid, int pidfd)
{
    slot which = children->free_slots;
    if (which)
        children->free_slots = children->slots[which].next_by_token;
    else
        which = children->slots_used++;
    children->slots[which] = (struct child){.token = token, .pid = pid, .pidfd = pidfd};
    chain_token(children, which);
    chain_pid(children, which);
    children->count++;
    children->unreaped++;
    return which;
}

slot children_by_token(const struct children *children, uint64_t token)
{
    if (!children->buckets)
        return 0;
    slot which = bucket_of_token(children, token)->by_token;
    while (which && children->slots[which].token != token)
        which = children->slots[which].next_by_token;
    return which;
}

slot children_by_pid(const struct children *children, pid_t pid)
{
    if (!children->buckets)
        return 0;
    slot which = bucket_of_pid(children, pid)->by_pid;
    while (which && children->slots[which].pid != pid)
        which = children->slots[which].next_by_pid;
    return which;
}

void children_reaped(struct children *children, slot which)
{
    struct child *child = &children->slots[which];
    unchain_pid(children, which);
    (void)close(child->pidfd);
    child->pidfd = -1;
    child->is_reaped = true;
    children->unreaped--;
}

/* The link to the held descriptor with that tag, or to the end of the list. */
static uint32_t *find_held(struct children *children, slot which, uint32_t tag)
{
    uint32_t *link = &children->slots[which].held;
    while (*link && children->held[*link].tag != tag)
        link = &children->held[*link].next;
    return link;
}

void children_hold(struct children *children, slot which, uint32_t tag, int fd)
{
    const uint32_t present = *find_held(children, which, tag);
    if (present) {
        (void)close(children->held[present].fd);
        children->held[present].fd = fd;
        return;
    }
    uint32_t entry = children->free_held;
    if (entry) {
        children->free_held = children->held[entry].next;
        children->free_held_count--;
    } else {
        entry = children->held_used++;
    }
    children->held[entry] = (struct held){.fd = fd, .tag = tag, .next = children->slots[which].held};
    children->slots[which].held = entry;
}

static void let_go(struct children *children, uint32_t *link)
{
    const uint32_t entry = *link;
    (void)close(children->held[entry].fd);
    *link = children->held[entry].next;
    children->held[entry].next = children->free_held;
    children->free_held = entry;
    children->free_held_count++;
}

int children_drop(struct children *children, slot which, uint32_t tag)
{
    uint32_t *link = find_held(children, which, tag);
    if (!*link)
        return -ENOENT;
    let_go(children, link);
    return 0;
}

void children_forget(struct children *children, slot which)
{
    struct child *child = &children->slots[which];
    while (child->held)
        let_go(children, &child->held);
    unchain_token(children, which);
    *child = (struct child){.pidfd = -1, .next_by_token = children->free_slots};
    children->free_slots = which;
    children->count--;
}
