/* What an agent and its keeper say to each other: docs/keeper.md.
 *
 * One message is one packet of a Unix SOCK_SEQPACKET socket, with descriptors
 * beside it (SCM_RIGHTS, unix(7)). Both ends are on one machine, so numbers
 * are native, and `struct rusage` is the kernel's. Every message begins with a
 * keeper_head. Reserved fields are zero.
 *
 * The agent asks, the keeper answers each request once, in order; it says
 * nothing unasked. */
#ifndef CKEEPER_H
#define CKEEPER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

/* The version of what is below. Two ends that are one apart speak the lower one; others don't speak. */
#ifndef KEEPER_VERSION
#define KEEPER_VERSION 1
#endif

#define KEEPER_MAGIC 0x7065656bU /* "keep" */

/* The longest message. What doesn't fit goes into a memfd. */
#define KEEPER_MESSAGE_LIMIT 65536
/* Descriptors beside one message: SCM_MAX_FD of the kernel. */
#define KEEPER_DESCRIPTOR_LIMIT 253
/* Copies in one plan. */
#define KEEPER_PAIR_LIMIT 1024
/* Strings of one plan in a memfd: above all that the kernel takes (at most 6 MiB, execve(2)). */
#define KEEPER_TEXT_LIMIT (8U << 20)
/* Longer than any line of /proc/PID/stat of a process that has ended: 52 numbers, the longest of 20 digits. */
#define KEEPER_STAT_LIMIT 856

/* In place of an index of a descriptor. */
#define KEEPER_NONE 0xffffU

enum keeper_kind {
    /* Of the agent. */
    KEEPER_HELLO = 1,
    KEEPER_SPAWN,
    KEEPER_COLLECT,
    KEEPER_REAP,
    KEEPER_FORGET,
    KEEPER_HOLD,
    KEEPER_DROP,
    KEEPER_LEDGER,
    KEEPER_GOODBYE,
    /* Of the keeper. */
    KEEPER_WELCOME = 65,
    KEEPER_REFUSED,
    KEEPER_CHILD,
    KEEPER_HELD,
    KEEPER_END,
    KEEPER_SPAWNED,
    KEEPER_COLLECTED,
    KEEPER_REAPED,
    KEEPER_DONE,
};

struct keeper_head {
    uint32_t kind;
    uint32_t length; /* of the whole message */
    uint64_t token;  /* the agent's name for the process; 0 where it's about none */
};

/* ---- what the agent says ---- */

/* With one descriptor, the working directory of those children that have none of their own, or with none: "/".
 * Whatever the version, a HELLO begins like this. */
struct keeper_hello {
    struct keeper_head head;
    uint32_t magic;
    uint32_t version;
    uint32_t umask; /* of the children */
    uint32_t reserved;
};

/* Starts a process. Behind it stand `pair_count` keeper_pairs, `hold_count` keeper_hold_tags, and the text: the
 * executable, the arguments, the environment, each string with its NUL; or the text is in a memfd. */
struct keeper_spawn {
    struct keeper_head head;
    uint64_t file_limit; /* the child's soft limit of open files */
    uint32_t argument_count;
    uint32_t variable_count;
    uint32_t text_length;
    uint16_t text_index;      /* of a memfd, with F_SEAL_SHRINK and F_SEAL_WRITE; KEEPER_NONE: the text is here */
    uint16_t directory_index; /* KEEPER_NONE: that of HELLO */
    uint16_t descriptor_count;
    uint16_t pair_count;
    uint16_t hold_count;
    uint16_t reserved;
};

/* Descriptor `index` of the message becomes number `target` of the child. */
struct keeper_pair {
    uint32_t target;
    uint16_t index;
    uint16_t reserved;
};

/* Descriptor `index` of the message is to be held, as with HOLD. */
struct keeper_hold_tag {
    uint32_t tag;
    uint16_t index;
    uint16_t reserved;
};

/* HOLD, with one descriptor, and DROP; also what the keeper says in HELD, with one descriptor. */
struct keeper_tagged {
    struct keeper_head head;
    uint32_t tag;
    uint32_t reserved;
};

/* COLLECT, REAP, FORGET, GOODBYE, and LEDGER with one descriptor, are a head alone. */

/* ---- what the keeper says: at most one descriptor with each message ---- */

/* With the ledger, if there is one. Then for each process a CHILD, and a HELD for each descriptor that is held for it;
 * then END. */
struct keeper_welcome {
    struct keeper_head head;
    uint32_t version; /* that is spoken from here on */
    int32_t pid;
    uint32_t children;
    uint32_t reserved;
};

/* The keeper then closes the connection. */
struct keeper_refused {
    struct keeper_head head;
    int32_t error;    /* EBUSY: another agent is connected; EACCES: another user; EPROTONOSUPPORT: the version */
    int32_t pid;      /* of the agent that is connected, with EBUSY */
    uint32_t version; /* the keeper's */
    uint32_t reserved;
};

enum keeper_state {
    KEEPER_RUNNING = 1, /* or a zombie that nobody has looked at: the pidfd tells */
    KEEPER_ZOMBIE,      /* collected, and not reaped yet */
    KEEPER_ENDED,       /* reaped */
};

/* How a process ended. */
struct keeper_outcome {
    int64_t realtime_ns; /* CLOCK_REALTIME when the keeper first saw that it had ended */
    int64_t monotonic_ns;
    int32_t status; /* as of wait4(2) */
    uint32_t stat_length;
    struct rusage usage;
};

/* With the pidfd, if it isn't reaped. Behind it stands the text of /proc/PID/stat. */
struct keeper_child {
    struct keeper_head head;
    int32_t pid;
    uint32_t state;
    struct keeper_outcome outcome; /* zero, and no text, if it is running */
};

/* How far a process came that could not be started. */
enum keeper_stage {
    KEEPER_STAGE_NONE,    /* it runs */
    KEEPER_STAGE_REQUEST, /* the keeper could not take the request up */
    KEEPER_STAGE_CLONE,   /* from here on those of clinux_spawn_stage */
    KEEPER_STAGE_SETUP,
    KEEPER_STAGE_EXEC,
};

/* With the pidfd, if it runs. */
struct keeper_spawned {
    struct keeper_head head;
    int32_t pid;
    int32_t error; /* errno; 0: it runs */
    uint32_t stage;
    uint32_t reserved;
};

/* COLLECTED and REAPED. Behind it stands the text of /proc/PID/stat, as it was when first asked for; none if it
 * could not be read. */
struct keeper_collected {
    struct keeper_head head;
    struct keeper_outcome outcome;
};

/* The answer to FORGET, HOLD, DROP, LEDGER, GOODBYE, to a COLLECT or REAP that failed, and to a message that isn't
 * one (EBADMSG), after which the connection is closed. */
struct keeper_done {
    struct keeper_head head;
    uint32_t request; /* its kind */
    int32_t error;    /* errno; 0: done */
};

/* ---- the reader of messages ---- */

/* Whether a message from an agent is well formed, with so many descriptors beside it: its lengths, counts and
 * indices. 0, or -EBADMSG. `bytes` is aligned for a uint64_t. */
int keeper_check_request(const void *_Nonnull bytes, size_t length, size_t descriptors);

/* The same for a message from a keeper. */
int keeper_check_answer(const void *_Nonnull bytes, size_t length, size_t descriptors);

/* What stands behind a keeper_spawn that has been checked. */
struct keeper_spawn_parts {
    const struct keeper_pair *_Nonnull pairs;
    const struct keeper_hold_tag *_Nonnull holds;
    const char *_Nonnull text; /* meaningless when it is in a memfd */
};
struct keeper_spawn_parts keeper_spawn_parts(const struct keeper_spawn *_Nonnull spawn);

/* Finds the strings of a text: the executable, `arguments` of them and NULL, `variables` of them and NULL; `strings`
 * has room for arguments + variables + 3. 0, or -EBADMSG if the text isn't exactly those. */
int keeper_split_text(const char *_Nonnull text, size_t length, uint32_t arguments, uint32_t variables,
                      char *_Nullable *_Nonnull strings);

#endif
