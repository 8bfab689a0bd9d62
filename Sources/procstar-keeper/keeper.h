/* The keeper's state, and its parts. One thread, one instance; nothing here waits for a peer. */
#ifndef KEEPER_H
#define KEEPER_H

#include "CKeeper.h"
#include "children.h"
#include "records.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What stays open for long (pidfds, held descriptors) is kept at this number and above, as far as the limit allows. So
 * what a spawn needs has low numbers, and little of the table is copied for the child (CLOSE_RANGE_UNSHARE); and when
 * descriptors run out, there are still some to receive a message with, or a new agent. */
#define LONG_LIVED_FLOOR 512
/* Numbers below this one are taken by the keeper's own from the start, so that nothing received is at a number that
 * children commonly want, and needs no lifting. */
#define RECEIVED_FLOOR 10

/* The longest answer: a CHILD. */
#define ANSWER_LIMIT (sizeof(struct keeper_child) + KEEPER_HELD_LIMIT * sizeof(uint32_t) + KEEPER_STAT_LIMIT)

/* A message on its way to the agent. The descriptors are lent. */
struct answer {
    _Alignas(uint64_t) uint8_t bytes[ANSWER_LIMIT];
    size_t length; /* 0: none is waiting */
    int fds[KEEPER_HELD_LIMIT + 1];
    size_t fd_count;
};

/* A message from the agent. Who takes a descriptor puts -1 in its place; the others are closed. */
struct request {
    _Alignas(uint64_t) uint8_t bytes[KEEPER_MESSAGE_LIMIT];
    size_t length;
    int fds[KEEPER_DESCRIPTOR_LIMIT];
    size_t fd_count;
    bool lacks_descriptors; /* some could not be received */
};

/* Where the hand-over to a new agent is. */
struct hand_over {
    bool is_under_way;
    slot next;
    uint32_t next_held; /* of the child before `next`, that are still to be handed over */
};

struct connection {
    int fd; /* -1: there is none */
    pid_t pid;
    bool is_agent;      /* it has said HELLO */
    bool is_closing;    /* after the answer that waits */
    int64_t not_before; /* the kernel lacked memory to send or receive */
    struct hand_over hand_over;
    struct answer answer;
};

struct sweep {
    bool is_due;
    int64_t not_before;      /* so that sweeps take a small part of the time */
    int64_t retry_at;        /* NEVER: there is nothing to try again */
    int64_t list_not_before; /* of a look at the list of all children */
};

struct keeper {
    struct children children;
    struct connection connection;
    struct sweep sweep;

    int signals;
    int records;
    int listener; /* -1: there is none */
    int listener_folder;
    const char *_Nullable listener_name;
    int64_t listen_not_before;
    int null;

    int directory; /* of children that have none of their own; -1: "/" */
    int ledger;    /* -1: there is none */
    int long_lived_floor;

    bool had_agent;
    bool has_goodbye;   /* the agent needs nothing any more */
    bool is_terminated; /* SIGTERM */
    int64_t keep_ns;
    int64_t idle_since; /* when the agent left or the last child ended, whatever was later */
};

#define NEVER INT64_MAX

int64_t now_ns(void);

/* ---- listen.c ---- */

/* Takes a socket in a folder, under a lock: 0, or an exit status after saying why on standard error. */
int listen_at(struct keeper *_Nonnull keeper, const char *_Nonnull path);
/* Takes a connection that has come. */
void accept_connection(struct keeper *_Nonnull keeper);
/* Removes the socket. */
void stop_listening(struct keeper *_Nonnull keeper);

/* ---- connection.c ---- */

/* Sends what waits, then reads and answers requests, for a while. */
void serve_connection(struct keeper *_Nonnull keeper);
void close_connection(struct keeper *_Nonnull keeper);
/* Tries once to send a message that stands for itself, for a connection that is closed next. */
void send_refusal(int fd, int error, pid_t pid);

/* ---- answer.c: fill in the connection's answer ---- */

void answer_done(struct connection *_Nonnull connection, const struct keeper_head *_Nonnull request, int error);
void answer_welcome(struct keeper *_Nonnull keeper, uint32_t version);
void answer_spawned(struct connection *_Nonnull connection, uint64_t token, pid_t pid, int pidfd);
void answer_not_spawned(struct connection *_Nonnull connection, uint64_t token, enum keeper_stage stage, int error);
void answer_collected(struct connection *_Nonnull connection, enum keeper_kind kind, uint64_t token,
                      const struct record *_Nonnull record);
/* The next message of the hand-over: 0, or -errno if the record of how a child ended can't be read now. */
int answer_next_of_hand_over(struct keeper *_Nonnull keeper);

/* ---- spawn.c ---- */

/* Carries out a SPAWN that has been checked, and answers it; -EBADMSG if its text isn't what it says. */
int spawn_child(struct keeper *_Nonnull keeper, struct request *_Nonnull request);

/* ---- reap.c ---- */

/* Records how a child ended, from its zombie: 0, -EAGAIN if it hasn't, or another -errno. */
int collect_child(struct keeper *_Nonnull keeper, slot which);
/* The same, and reaps it. */
int reap_child(struct keeper *_Nonnull keeper, slot which);
/* Reaps orphans and, when no agent is there, children. */
void sweep(struct keeper *_Nonnull keeper);
/* When to do so next, or NEVER. */
int64_t next_sweep(const struct keeper *_Nonnull keeper);

/* A copy of a descriptor among the long-lived ones, or -errno. */
int long_lived_copy(const struct keeper *_Nonnull keeper, int fd);

#endif
