/* An agent for tests, in C: speaks to a real keeper about real processes. One case is one run of the program; what it
 * has started is killed when it ends, whichever way. */
#ifndef KEEPER_DRIVER_H
#define KEEPER_DRIVER_H

#include "CKeeper.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* How long anything may take before the case has failed. */
#define PATIENCE_MS 20000

#define REQUIRE(condition) ((condition) ? (void)0 : fail_case(__FILE__, __LINE__, #condition, NULL, 0, 0))
/* Two numbers, which are shown when they differ. */
#define REQUIRE_EQUAL(a, b) require_equal(__FILE__, __LINE__, #a " == " #b, (int64_t)(a), (int64_t)(b))

_Noreturn void fail_case(const char *_Nonnull file, int line, const char *_Nonnull what, const char *_Nullable seen,
                         int64_t a, int64_t b);
void require_equal(const char *_Nonnull file, int line, const char *_Nonnull what, int64_t a, int64_t b);

/* ---- the keeper ---- */

struct keeper_run {
    pid_t pid;
    char folder[64];
    char socket[80];
    int stderr_reader;
};

extern const char *_Nonnull keeper_path;
extern const char *_Nonnull driver_path;
extern char scratch[64]; /* a folder of this case */

/* Starts one that listens in a folder of its own. More options may follow, the last one NULL. */
struct keeper_run start_keeper(const char *_Nullable option, ...);
/* Starts one with a connection, which is returned; without a socket. */
int start_keeper_on_connection(struct keeper_run *_Nonnull run);
/* Waits for its end: the exit status, or -signal. */
int keeper_exit(struct keeper_run *_Nonnull run);
/* Stops it, so that what it is sent waits until SIGCONT. */
void halt(pid_t keeper);
int open_descriptors(pid_t pid);
/* A value of /proc/PID/smaps_rollup, in bytes. */
long resident_bytes(pid_t pid);

/* ---- a connection ---- */

int connect_to(const struct keeper_run *_Nonnull run);
void send_bytes(int fd, const void *_Nonnull bytes, size_t length, const int *_Nullable fds, size_t count);
/* False when the socket takes no more now. */
bool try_send_bytes(int fd, const void *_Nonnull bytes, size_t length, const int *_Nullable fds, size_t count);
void send_head(int fd, enum keeper_kind kind, uint64_t token);
void send_hello(int fd, uint32_t version, int directory);
void send_tagged(int fd, enum keeper_kind kind, uint64_t token, uint32_t tag, int held);

struct answered {
    _Alignas(uint64_t) uint8_t bytes[KEEPER_MESSAGE_LIMIT];
    size_t length;
    int fds[KEEPER_DESCRIPTOR_LIMIT];
    size_t fd_count;
};

/* The next answer, of that kind. Its descriptors are ours. */
struct answered *_Nonnull expect(int fd, enum keeper_kind kind);
/* The next answer of whatever kind; NULL when the connection has ended. */
struct answered *_Nullable receive(int fd);
void expect_done(int fd, enum keeper_kind request, int error);
void expect_end(int fd);

#define AS(type, answer) ((const struct type *)(const void *)(answer)->bytes)

/* HELLO, and a hand-over of nothing. */
int connect_first(const struct keeper_run *_Nonnull run);

/* What a hand-over tells of one child. */
struct inherited {
    uint64_t token;
    pid_t pid;
    uint32_t state;
    struct keeper_outcome outcome;
    char stat[KEEPER_STAT_LIMIT + 1];
    int pidfd;
    size_t held_count;
    int held[1024];
    uint32_t tags[1024];
};

/* Takes a hand-over in; one that can't be found has token 0. */
struct hand_over {
    size_t count;
    size_t capacity;
    struct inherited *_Nullable children;
    int ledger;
};
struct hand_over take_over(int fd);
const struct inherited *_Nonnull inherited(const struct hand_over *_Nonnull all, uint64_t token);
void close_hand_over(struct hand_over *_Nonnull all);

/* ---- plans ---- */

struct plan {
    _Alignas(uint64_t) uint8_t bytes[KEEPER_MESSAGE_LIMIT];
    size_t length;
    int fds[KEEPER_DESCRIPTOR_LIMIT];
    size_t fd_count;
    uint32_t pairs[KEEPER_PAIR_LIMIT][2]; /* target, index */
    size_t pair_count;
    uint32_t holds[KEEPER_DESCRIPTOR_LIMIT][2]; /* tag, index */
    size_t hold_count;
    const char *_Nullable executable; /* NULL: argv[0] */
    char *_Nullable const *_Nonnull argv;
    char *_Nullable const *_Nullable environment;
    uint64_t file_limit; /* 0: 1024 */
    int directory;       /* 0: none */
    bool in_memfd;
    unsigned seals; /* of the memfd */
};

void map_fd(struct plan *_Nonnull plan, int fd, uint32_t target);
void hold_fd(struct plan *_Nonnull plan, int fd, uint32_t tag);
/* Puts the message together. */
void finish_plan(struct plan *_Nonnull plan, uint64_t token);
void send_plan(int fd, struct plan *_Nonnull plan, uint64_t token);
/* Sends it, and expects it to run: its pid and pidfd. */
pid_t spawn_plan(int fd, struct plan *_Nonnull plan, uint64_t token, int *_Nullable pidfd);
pid_t spawn_argv(int fd, uint64_t token, int *_Nullable pidfd, char *_Nullable const *_Nonnull argv);
#define SPAWN(fd, token, pidfd, ...) spawn_argv(fd, token, pidfd, (char *[]){__VA_ARGS__, NULL})

/* Waits until a pidfd says that its process has ended. */
void wait_for_end(int pidfd);
/* COLLECT or REAP: the answer, which must be that. */
struct keeper_outcome collect(int fd, enum keeper_kind kind, uint64_t token, char *_Nullable stat);
void forget(int fd, uint64_t token);

/* ---- processes and files ---- */

/* The state letter in /proc/PID/stat, 0 if there is no such process. */
char process_state(pid_t pid);
bool is_alive(pid_t pid);
/* Waits until a condition holds. */
#define EVENTUALLY(condition)                                                                                          \
    for (int64_t until_ = now_ms() + PATIENCE_MS; !(condition); pause_briefly())                                       \
    REQUIRE(now_ms() < until_ && (#condition))
int64_t now_ms(void);
void pause_briefly(void);
void make_pipe(int ends[_Nonnull 2]);
/* Reads to the end of file, at most until patience ends. */
size_t read_all(int fd, char *_Nonnull into, size_t size);
int temporary_file(void);
pid_t start_helper(void (*_Nonnull body)(void *_Nullable), void *_Nullable argument);
int wait_status(pid_t pid);

/* What a child of this program says of itself: cases_spawn.c. */
int report_of_child(int argc, char *_Nullable *_Nonnull argv);

struct test_case {
    const char *_Nonnull name;
    void (*_Nonnull run)(void);
};
extern const struct test_case spawn_cases[];
extern const struct test_case reap_cases[];
extern const struct test_case hand_over_cases[];
extern const struct test_case gone_cases[];
extern const struct test_case connection_cases[];
extern const struct test_case end_cases[];
extern const struct test_case fault_cases[];
extern const struct test_case measurements[];

#endif
