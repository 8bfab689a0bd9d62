"""The agent at the end of a connection over TLS: what a scheduler has to wait for, and what it takes to hold much."""

import statistics

import proc
import resident
from measure import NULL, BenchError, Row, alternating, quiet
from scheduler import Agent, Scheduler

MIB = 1 << 20
TRUE = quiet("/bin/true")


def agent(bench):
    with Scheduler(bench) as scheduler:
        return [
            *starts(bench, scheduler),
            *output(bench, scheduler),
            *memory(bench, scheduler),
        ]


class Rounds:
    """Seconds that the agent took, and the C program just before it, round by round."""

    def __init__(self):
        self.ours = []
        self.theirs = []

    def add(self, theirs, ours):
        self.theirs.append(theirs)
        self.ours.append(ours)


def ratio(dividends, divisors):
    """The median of the rounds' own ratios: a slow spell of the machine mostly hits both in a round."""
    return statistics.median(a / b for a, b in zip(dividends, divisors))


def compared(measure, count, ours, theirs, wanted=None):
    """A row of two rates, from the seconds of each round."""
    relation = ratio(theirs, ours)
    return Row(
        measure,
        f"{count / statistics.median(ours):,.0f} /s",
        f"{count / statistics.median(theirs):,.0f} /s",
        f"{relation:.0%}",
        "" if wanted is None else f">= {wanted:.0%}",
        None if wanted is None else relation >= wanted,
    )


def starts(bench, scheduler):
    """/bin/true, one at a time and many at once, alone and beside sleepers; all in turns with the C program."""
    single, many = (20, 200) if bench.is_quick else (200, 2000)
    sleepers = resident.most_sleepers(200 if bench.is_quick else 5000, others=many)
    sleeper = quiet(bench.program("tiny"), "sleep")
    spawner = bench.program("spawner")
    labels = {"each": f"{many:,} true by agent, a request each", "together": f"{many:,} true by agent, in one request"}
    alone, beside = ({name: Rounds() for name in ("one-by-one", *labels)} for _ in range(2))

    def measure(rounds):
        latencies = map(float, bench.printed([spawner, "--one-by-one", str(single), "/bin/true"]))
        ours = scheduler.seconds("one-by-one", count=single, spec=TRUE)
        rounds["one-by-one"].add(statistics.median(latencies), statistics.median(ours))
        for act in labels:
            theirs = bench.printed_seconds([spawner, "--watched", str(many), "/bin/true"])
            rounds[act].add(theirs, scheduler.seconds(act, count=many, spec=TRUE))

    with Agent(bench, scheduler):
        for _ in range(bench.rounds(5)):
            measure(alone)
            scheduler.order("start", count=sleepers, spec=sleeper)
            measure(beside)
            scheduler.order("clear")

    rows = [latency_row(alone["one-by-one"])]
    for act, label in labels.items():
        rows.append(compared(label, many, alone[act].ours, alone[act].theirs, 0.75))
    before, now = (surrounding["one-by-one"].ours for surrounding in (alone, beside))
    rows.append(slower_row(f"one true by agent beside {sleepers:,} sleepers", before, now))
    for act, label in labels.items():
        rows.append(compared(f"{label}, beside them", many, beside[act].ours, alone[act].ours, 0.9))
    rows.append(compared("  the C program, beside them", many, beside["each"].theirs, alone["each"].theirs))
    return rows


def latency_row(rounds):
    ours, theirs = (statistics.median(seconds) * 1000 for seconds in (rounds.ours, rounds.theirs))
    return Row(
        "one true by agent, request to final result",
        f"{ours:.2f} ms",
        f"{theirs:.2f} ms",
        f"{ours - theirs:+.2f} ms",
        "<= +1 ms",
        ours - theirs <= 1,
    )


def slower_row(measure, before, now):
    slower = ratio(now, before)
    before, now = (statistics.median(seconds) * 1000 for seconds in (before, now))
    return Row(measure, f"{now:.2f} ms", f"{before:.2f} ms", f"{slower:.0%}", "<= 110%", slower <= 1.1)


def output(bench, scheduler):
    """A large output fetched in one piece: how fast, and how much memory that takes."""

    def flood(size):
        fds = [["stdin", NULL], ["stdout", {"capture": {"mode": "tempfile", "attached": False}}], ["stderr", NULL]]
        scheduler.order("run", spec={"argv": [bench.program("flood"), str(size)], "fds": fds})

    def fetch(size):
        answer = scheduler.order("fetch")
        if answer["length"] != size:
            raise BenchError(f"{answer['length']} bytes of {size} were fetched")
        return answer["seconds"]

    def baseline(size):
        command = [bench.program("tls_stream"), scheduler.certificate, scheduler.key, str(MIB), str(size // MIB)]
        return bench.printed_seconds(command)

    size, large = (64 * MIB, 128 * MIB) if bench.is_quick else (512 * MIB, 1024 * MIB)
    with Agent(bench, scheduler) as running:
        idle = proc.steady_memory(running.pid)
        flood(large)
        proc.reset_peak(running.pid)
        fetch(large)
        added = (proc.peak_memory(running.pid) - idle) / MIB
        flood(size)
        theirs, our = alternating(bench.rounds(5), lambda: baseline(size), lambda: fetch(size))
        scheduler.order("clear")
    ours, bare = size / 1e6 / our, size / 1e6 / theirs
    return [
        Row(
            f"{size // MIB} MiB output fetched from agent",
            f"{ours:,.0f} MB/s",
            f"{bare:,.0f} MB/s",
            f"{ours / bare:.0%}",
            ">= 300 MB/s",
            ours >= 300,
        ),
        Row(
            f"  its peak memory above idle, for {large // MIB:,} MiB",
            f"{added:.1f} MiB",
            wanted="<= 32 MiB",
            is_ok=added <= 32,
        ),
    ]


def memory(bench, scheduler):
    """What each running process takes of the agent's memory, without captures and with one in a file."""
    capture = quiet(bench.program("tiny"), "sleep")
    capture["fds"] = [["stdin", NULL], ["stdout", {"capture": {"mode": "tempfile"}}], ["stderr", NULL]]
    wanted = 500 if bench.is_quick else 10_000
    rows = []
    for label, descriptors, spec in (
        ("", 1, quiet(bench.program("tiny"), "sleep")),
        # Beside its pidfd, one to read from and, when it is over, one to compress into.
        (" with a capture", 3, capture),
    ):
        count = resident.most_sleepers(wanted, descriptors=descriptors)
        with Agent(bench, scheduler) as running:
            idle = proc.steady_memory(running.pid)
            scheduler.order("start", count=count, spec=spec)
            each = (proc.steady_memory(running.pid) - idle) / count
            scheduler.order("clear")
        measure = f"agent's memory of a process{label}, of {count:,}"
        rows.append(Row(measure, f"{each:,.0f} B", wanted="<= 4,096 B", is_ok=each <= 4096))
    return rows
