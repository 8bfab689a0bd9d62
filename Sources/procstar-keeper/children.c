/* The table of children: slots, found by token or pid through chained buckets. Numbers in place of pointers: half the
 * size, and the slots may move when there are to be more. */
#include "children.h"

#include "calls.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define FIRST_CAPACITY 64

/* The link to the child with that token, or to the end of its chain. */
static slot *link_by_token(struct children *children, uint64_t token)
{
    /* Fibonacci hashing: tokens may be numbers in a row, or have their meaning in the upper half. */
    slot *link = &children->by_token[(token * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - BUCKET_BITS)];
    while (*link && children->slots[*link].token != token)
        link = &children->slots[*link].next_by_token;
    return link;
}

static slot *link_by_pid(struct children *children, pid_t pid)
{
    slot *link = &children->by_pid[(uint32_t)pid % (1U << BUCKET_BITS)];
    while (*link && children->slots[*link].pid != pid)
        link = &children->slots[*link].next_by_pid;
    return link;
}

slot children_by_token(struct children *children, uint64_t token)
{
    return *link_by_token(children, token);
}

slot children_by_pid(struct children *children, pid_t pid)
{
    return *link_by_pid(children, pid);
}

int children_reserve(struct children *children)
{
    if (children->free_slots || children->slots_used < children->capacity)
        return 0;
    const uint32_t capacity = children->capacity ? children->capacity * 2 : FIRST_CAPACITY;
    struct child *slots = CALL_MEMORY(NULL, realloc, children->slots, capacity * sizeof *slots);
    if (!slots)
        return -ENOMEM;
    children->slots = slots;
    children->capacity = capacity;
    if (children->slots_used == 0)
        children->slots_used = 1;
    return 0;
}

slot children_add(struct children *children, uint64_t token, pid_t pid, int pidfd, struct held *held)
{
    slot which = children->free_slots;
    if (which)
        children->free_slots = children->slots[which].next_by_token;
    else
        which = children->slots_used++;
    children->slots[which] = (struct child){.token = token, .held = held, .pid = pid, .pidfd = pidfd};
    *link_by_token(children, token) = which;
    *link_by_pid(children, pid) = which;
    children->count++;
    children->unreaped++;
    return which;
}

void children_reaped(struct children *children, slot which)
{
    struct child *child = &children->slots[which];
    *link_by_pid(children, child->pid) = child->next_by_pid;
    (void)close(child->pidfd);
    child->pidfd = -1;
    child->is_reaped = true;
    children->unreaped--;
}

void children_forget(struct children *children, slot which)
{
    struct child *child = &children->slots[which];
    held_drop_all(&child->held);
    *link_by_token(children, child->token) = child->next_by_token;
    *child = (struct child){.pidfd = -1, .next_by_token = children->free_slots};
    children->free_slots = which;
    children->count--;
}

/* ---- what is held ---- */

static struct held **find_held(struct held **link, uint32_t tag)
{
    while (*link && (*link)->tag != tag)
        link = &(*link)->next;
    return link;
}

int held_put(struct held **list, uint32_t tag, int fd)
{
    struct held **link = find_held(list, tag);
    if (*link) {
        (void)close((*link)->fd);
        (*link)->fd = fd;
        return 0;
    }
    struct held *held = CALL_MEMORY(NULL, malloc, sizeof *held);
    if (!held)
        return -ENOMEM;
    *held = (struct held){.fd = fd, .tag = tag};
    *link = held;
    return 0;
}

static void let_go(struct held **link)
{
    struct held *held = *link;
    *link = held->next;
    (void)close(held->fd);
    free(held);
}

int held_drop(struct held **list, uint32_t tag)
{
    struct held **link = find_held(list, tag);
    if (!*link)
        return -ENOENT;
    let_go(link);
    return 0;
}

void held_drop_all(struct held **list)
{
    while (*list)
        let_go(list);
}
