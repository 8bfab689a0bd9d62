/* procstar-keeper: starts processes for an agent and keeps them when the agent goes. See docs/keeper.md. */
#define _GNU_SOURCE

#include "calls.h"
#include "clinux.h"
#include "keeper.h"

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define SECOND INT64_C(1000000000)
#define DEFAULT_KEEP 60
#define LONGEST_KEEP (UINT32_C(1) << 30)

static struct keeper keeper;

static const char *const help = "Usage: procstar-keeper [--listen PATH] [--fd N] [--keep SECONDS]\n"
                                "\n"
                                "Starts processes for a procstar agent, and keeps them and their outcome when the\n"
                                "agent ends, for the next one. Agents start it themselves.\n"
                                "\n"
                                "  --listen PATH    where agents find it: a socket in a folder of mode 0700\n"
                                "  --fd N           an agent's connection, inherited: a SOCK_SEQPACKET socket\n"
                                "  --keep SECONDS   how long to wait for an agent when nothing runs (60)\n"
                                "  --version, --help\n";

/* ---- options ---- */

struct options {
    const char *listen;
    int fd;
};

static bool parse_number(const char *text, unsigned long limit, unsigned long *number)
{
    char *end = NULL;
    errno = 0;
    *number = strtoul(text, &end, 10);
    return isdigit((unsigned char)*text) && *end == 0 && errno == 0 && *number <= limit;
}

static int misuse(const char *option, const char *value, const char *expected)
{
    (void)fprintf(stderr, "procstar-keeper: %s %s: %s\n", option, value, expected);
    return EXIT_USAGE;
}

/* -1 to go on, or an exit status. */
static int parse_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"listen", required_argument, NULL, 'l'}, {"fd", required_argument, NULL, 'f'},
        {"keep", required_argument, NULL, 'k'},   {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    unsigned long number = 0;
    for (int option = 0; (option = getopt_long(argc, argv, "", known, NULL)) >= 0;) { // NOLINT(concurrency-mt-unsafe)
        switch (option) {
            case 'l':
                options->listen = optarg;
                break;
            case 'f':
                if (!parse_number(optarg, INT32_MAX, &number))
                    return misuse("--fd", optarg, "not the number of a descriptor");
                options->fd = (int)number;
                break;
            case 'k':
                if (!parse_number(optarg, LONGEST_KEEP, &number))
                    return misuse("--keep", optarg, "not a number of seconds");
                keeper.keep_ns = (int64_t)number * SECOND;
                break;
            case 'v':
                (void)printf("procstar-keeper, protocol %d\n", KEEPER_VERSION);
                return 0;
            case 'h':
                (void)fputs(help, stdout);
                return 0;
            default:
                return EXIT_USAGE;
        }
    }
    if (optind < argc)
        return misuse("unexpected argument", argv[optind], "see --help");
    if (!options->listen && options->fd < 0)
        return misuse("neither --listen", "nor --fd", "no agent could ever come; see --help");
    return -1;
}

/* ---- the start ---- */

/* Moves the given connection among the keeper's own numbers, and closes whatever else was inherited. Standard error is
 * kept until all is well. */
static int take_descriptors(int given)
{
    int type = 0;
    socklen_t length = sizeof type;
    if (given >= 0) {
        if (getsockopt(given, SOL_SOCKET, SO_TYPE, &type, &length) < 0 || type != SOCK_SEQPACKET) {
            (void)fprintf(stderr, "procstar-keeper: --fd %d: not a SOCK_SEQPACKET socket\n", given);
            return EXIT_USAGE;
        }
        /* 3, so that all above can be closed at once. */
        if (given != 3 && dup3(given, 3, O_CLOEXEC) < 0)
            return complain("take", "--fd");
        (void)fcntl(3, F_SETFD, FD_CLOEXEC);
        keeper.connection.fd = 3;
        struct ucred peer = {.pid = 0};
        length = sizeof peer;
        (void)getsockopt(3, SOL_SOCKET, SO_PEERCRED, &peer, &length);
        keeper.connection.pid = peer.pid;
    }
    if (close_range(given >= 0 ? 4 : 3, ~0U, 0) < 0)
        return complain("close", "what was inherited");
    keeper.null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (keeper.null < 0 || dup3(keeper.null, 0, O_CLOEXEC) < 0 || dup3(keeper.null, 1, O_CLOEXEC) < 0)
        return complain("open", "/dev/null");
    (void)fcntl(2, F_SETFD, FD_CLOEXEC);
    return 0;
}

/* Every signal that can be blocked is, for ever; children get an empty mask, and nothing is ignored that they would
 * inherit. SIGCHLD and SIGTERM are read from a descriptor. A terminal's signals, or those for a group, don't end it. */
static int take_signals(void)
{
    sigset_t all;
    sigset_t read;
    sigfillset(&all);
    sigemptyset(&read);
    sigaddset(&read, SIGCHLD);
    sigaddset(&read, SIGTERM);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    for (int signum = 1; signum <= SIGRTMAX; signum++)
        (void)signal(signum, SIG_DFL); // NOLINT(cert-err33-c)
    keeper.signals = signalfd(-1, &read, SFD_CLOEXEC | SFD_NONBLOCK);
    return keeper.signals < 0 ? complain("make", "signalfd") : 0;
}

static int take_place(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return complain("read", "RLIMIT_NOFILE");
    limit.rlim_cur = limit.rlim_max;
    /* A hard limit above fs.nr_open is refused; then it stays as it is. */
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        (void)getrlimit(RLIMIT_NOFILE, &limit);
    const bool is_small = limit.rlim_cur < 2 * (rlim_t)LONG_LIVED_FLOOR;
    keeper.long_lived_floor = is_small ? (int)(limit.rlim_cur / 2) : LONG_LIVED_FLOOR;
    (void)prctl(PR_SET_NAME, "procstar-keeper");
    /* Fails if it leads one already. */
    (void)setsid();
    if (clinux_become_subreaper() < 0)
        return complain("set", "PR_SET_CHILD_SUBREAPER");
    return 0;
}

/* The last step, after which there is nobody to complain to. */
static int settle(void)
{
    keeper.records = records_open();
    if (keeper.records < 0) {
        errno = -keeper.records;
        return complain("make", "a memfd");
    }
    if (chdir("/") < 0)
        return complain("enter", "/");
    if (dup3(keeper.null, 2, O_CLOEXEC) < 0)
        return complain("close", "standard error");
    keeper.idle_since = now_ns();
    return 0;
}

static int begin(const struct options *options)
{
    int status = take_descriptors(options->fd);
    if (status == 0)
        status = take_signals();
    if (status == 0)
        status = take_place();
    if (status == 0 && options->listen) {
        /* Nobody else is to connect, even if the folder should be opened up later. */
        (void)umask(077);
        status = listen_at(&keeper, options->listen);
    }
    return status == 0 ? settle() : status;
}

/* ---- the loop ---- */

int64_t now_ns(void)
{
    return clinux_clock_ns(CLOCK_MONOTONIC);
}

int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void read_signals(void)
{
    struct signalfd_siginfo info;
    while (read(keeper.signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            note_end(&keeper, (pid_t)info.ssi_pid);
        else
            keeper.is_terminated = true;
    }
}

/* When there will be nothing left to stay for, as things are now. */
static int64_t end_time(void)
{
    const struct connection *connection = &keeper.connection;
    if (connection->answer.length > 0 || keeper.children.unreaped > 0)
        return NEVER;
    if (connection->is_agent)
        return keeper.has_goodbye && keeper.children.count == 0 ? 0 : NEVER;
    const bool nobody_can_come = keeper.listener < 0 && connection->fd < 0;
    if (nobody_can_come || keeper.has_goodbye || keeper.is_terminated)
        return 0;
    if (keeper.had_agent && keeper.children.count == 0 && connection->fd < 0)
        return 0;
    return keeper.idle_since + keeper.keep_ns;
}

static int milliseconds_until(int64_t when, int64_t now)
{
    if (when == NEVER)
        return -1;
    const int64_t ms = when <= now ? 0 : (when - now + 999999) / 1000000;
    return ms > INT32_MAX ? INT32_MAX : (int)ms;
}

/* Waits until something is to be done, at the latest until a time, and does it. */
static void turn(int64_t now, int64_t wake)
{
    const struct connection *connection = &keeper.connection;
    const bool sends = connection->answer.length > 0 || connection->hand_over.is_under_way;
    const bool is_short = keeper.short_until > now;
    if (is_short)
        wake = earlier(wake, keeper.short_until);
    struct pollfd fds[] = {
        {.fd = keeper.signals, .events = POLLIN},
        {.fd = is_short ? -1 : connection->fd, .events = sends ? POLLOUT : POLLIN},
        {.fd = is_short ? -1 : keeper.listener, .events = POLLIN},
    };
    if (CALL(poll, fds, 3, milliseconds_until(wake, now)) < 0) {
        /* For want of memory; there will be some. */
        const struct timespec moment = {.tv_nsec = 10000000};
        (void)nanosleep(&moment, NULL);
        return;
    }
    if (fds[0].revents)
        read_signals();
    if (fds[1].revents)
        serve_connection(&keeper);
    if (fds[2].revents)
        accept_connection(&keeper);
}

int main(int argc, char **argv)
{
    struct options options = {.listen = NULL, .fd = -1};
    /* Not with its definition, which would put all of it into the file. */
    keeper.connection.fd = keeper.listener = keeper.directory = keeper.ledger = -1;
    keeper.sweep.due = NEVER;
    keeper.keep_ns = DEFAULT_KEEP * SECOND;
    int status = parse_options(argc, argv, &options);
    if (status >= 0)
        return status;
    keeper_faults_begin();
    status = begin(&options);
    if (status != 0)
        return status;
    for (;;) {
        const int64_t now = now_ns();
        if (keeper.sweep.due <= now)
            sweep(&keeper);
        const int64_t end = end_time();
        if (end <= now && keeper.connection.fd < 0)
            break;
        /* What was sent before is still done. */
        if (end <= now)
            cut_connection(&keeper.connection);
        turn(now, earlier(end, keeper.sweep.due));
    }
    stop_listening(&keeper);
    return 0;
}
