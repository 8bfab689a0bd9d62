/* The keeper's state, and its parts. One thread, one instance; nothing here waits for a peer. Every signal is blocked
 * and none has a handler, so no call is interrupted. */
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

#define EXIT_SYSTEM 1
#define EXIT_USAGE 2
#define EXIT_TAKEN 3

/* A message on its way to the agent. */
struct answer {
    union {
        struct keeper_head head;
        struct keeper_welcome welcome;
        struct keeper_child child;
        struct keeper_tagged held;
        struct keeper_spawned spawned;
        struct keeper_collected collected;
        struct keeper_done done;
        uint8_t bytes[sizeof(struct keeper_child) + KEEPER_STAT_LIMIT];
    };
    size_t length; /* 0: none is waiting */
    int fd;        /* lent; -1: none goes with it */
};

/* A message from the agent. Who takes a descriptor puts -1 in its place; the others are closed. */
struct request {
    union {
        struct keeper_head head;
        struct keeper_hello hello;
        struct keeper_spawn spawn;
        struct keeper_tagged tagged;
        uint8_t bytes[KEEPER_MESSAGE_LIMIT];
    };
    size_t length;
    int fds[KEEPER_DESCRIPTOR_LIMIT];
    size_t fd_count;
    bool lacks_descriptors; /* some could not be received */
};

/* Where the hand-over to a new agent is. */
struct hand_over {
    bool is_under_way;
    slot next;
    const struct held *_Nullable next_held; /* of the child before `next` */
};

struct connection {
    int fd; /* -1: there is none */
    pid_t pid;
    bool is_agent;   /* it has said HELLO */
    bool is_closing; /* after the answer that waits */
    struct hand_over hand_over;
    struct answer answer;
};

/* When to look for children that have ended. */
struct sweep {
    int64_t due; /* NEVER: when a signal says that there is one */
    int64_t not_before;
    int64_t list_not_before;
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
    int null;

    int directory; /* of children that have none of their own; -1: "/" */
    int ledger;    /* -1: there is none */
    int long_lived_floor;

    bool had_agent;
    bool has_goodbye;   /* the agent needs nothing any more */
    bool is_terminated; /* SIGTERM */
    int64_t keep_ns;
    int64_t idle_since;  /* when the agent left or the last child ended, whatever was later */
    int64_t short_until; /* the kernel lacked something that a connection needs, and won't tell when it has it */
};

#define NEVER INT64_MAX

int64_t now_ns(void);
int64_t earlier(int64_t a, int64_t b);

/* ---- listen.c ---- */

/* Says on standard error what could not be done, with errno: an exit status. */
int complain(const char *_Nonnull act, const char *_Nonnull object);
/* Takes a socket in a folder, under a lock: 0, or an exit status after saying why. */
int listen_at(struct keeper *_Nonnull keeper, const char *_Nonnull path);
/* Takes a connection that has come. */
void accept_connection(struct keeper *_Nonnull keeper);
/* Removes the socket. */
void stop_listening(struct keeper *_Nonnull keeper);

/* ---- connection.c ---- */

/* Sends what waits, then reads and answers requests, for a while. */
void serve_connection(struct keeper *_Nonnull keeper);
void close_connection(struct keeper *_Nonnull keeper);
/* Lets nothing more come or go. What has come is still to be read. */
void cut_connection(struct connection *_Nonnull connection);
/* Tries once to send a message that stands for itself, for a connection that is closed next. */
void send_refusal(int fd, int error, pid_t pid);
/* After a failure for want of something: no connection is served for a moment. */
void wait_for_the_kernel(struct keeper *_Nonnull keeper);

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

/* A copy of a descriptor among the long-lived ones, put into a list: 0 or -errno. */
int hold_copy(const struct keeper *_Nonnull keeper, struct held *_Nullable *_Nonnull list, uint32_t tag, int fd);

/* ---- reap.c ---- */

/* Records how a child ended, from its zombie: 0, -EAGAIN if it hasn't, or another -errno. */
int collect_child(struct keeper *_Nonnull keeper, slot which);
/* The same, and reaps it. */
int reap_child(struct keeper *_Nonnull keeper, slot which);
/* SIGCHLD: it names one that has ended; there may be others. */
void note_end(struct keeper *_Nonnull keeper, pid_t pid);
/* Reaps orphans and, when no agent is there, children, for a while. */
void sweep(struct keeper *_Nonnull keeper);

#endif
