"""What processes of the agent write: how fast it is captured, and fetched."""

import collections
import statistics
import tempfile

import proc
from measure import NULL, BenchError, Row, alternating, rates
from scheduler import Agent

MIB = 1 << 20


def flooding(bench, size, *options, **capture):
    fds = [["stdin", NULL], ["stdout", {"capture": {"attached": False, **capture}}], ["stderr", NULL]]
    return {"argv": [bench.program("flood"), str(size), *options], "fds": fds}


def captures(bench, scheduler):
    """One process that writes as fast as it can, from its start to its final result, with the keeper and without: a
    capture that outlives the agent is moved by splice(2), another one copied."""
    size, small = (64, 8) if bench.is_quick else (512, 64)
    reader = [bench.program("pipe_reader"), tempfile.gettempdir(), bench.program("flood")]
    kinds = {
        f"{size} MiB into memory": (size, [], {"mode": "memory"}),
        f"{size} MiB into a file": (size, [], {"mode": "tempfile"}),
        f"{size} MiB into a file with a limit": (size, [], {"mode": "tempfile", "limit": size * MIB}),
        f"{small} MiB into memory, 100 bytes at a time": (small, ["100"], {"mode": "memory"}),
    }
    taken = {label: collections.defaultdict(list) for label in kinds}
    for _ in range(bench.rounds(5)):
        for way, options in (("kept", []), ("bare", ["--no-keeper"])):
            with Agent(bench, scheduler, *options):
                for label, (mib, writes, capture) in kinds.items():
                    spec = flooding(bench, mib * MIB, *writes, **capture)
                    taken[label][way].append(scheduler.seconds("run", spec=spec))
                    scheduler.order("clear")
        for label, (mib, writes, _) in kinds.items():
            taken[label]["theirs"].append(bench.time([*reader, str(mib * MIB), *writes]))

    rows = []
    for label, (mib, _, capture) in kinds.items():
        kept, bare, theirs = (mib / statistics.median(taken[label][way]) for way in ("kept", "bare", "theirs"))
        rows.append(rates(f"{label}: keeper, none", kept, bare, "MiB/s"))
        if capture["mode"] == "memory":
            rows.append(rates("  none, the C program", bare, theirs, "MiB/s"))
    return rows


def fetch(bench, scheduler):
    """A large output fetched in one piece: how fast, and how much memory that takes."""

    def flood(size):
        scheduler.order("run", spec=flooding(bench, size, mode="tempfile"))

    def ours(size):
        answer = scheduler.order("fetch")
        if answer["length"] != size:
            raise BenchError(f"{answer['length']} bytes of {size} were fetched")
        return answer["seconds"]

    def baseline(size):
        command = [bench.program("tls_stream"), scheduler.certificate, scheduler.key, str(MIB), str(size // MIB)]
        return bench.printed_seconds(command)

    size, large = (64 * MIB, 128 * MIB) if bench.is_quick else (512 * MIB, 1024 * MIB)
    with Agent(bench, scheduler) as running:
        pid = running.process.pid
        idle = proc.steady_memory(pid)
        flood(large)
        proc.reset_peak(pid)
        ours(large)
        added = (proc.peak_memory(pid) - idle) / MIB
        flood(size)
        theirs, our = alternating(bench.rounds(5), lambda: baseline(size), lambda: ours(size))
        scheduler.order("clear")
    rate, bare = size / 1e6 / our, size / 1e6 / theirs
    return [
        Row(
            f"{size // MIB} MiB output fetched from agent",
            f"{rate:,.0f} MB/s",
            f"{bare:,.0f} MB/s",
            f"{rate / bare:.0%}",
            ">= 300 MB/s",
            rate >= 300,
        ),
        Row(
            f"  its peak memory above idle, for {large // MIB:,} MiB",
            f"{added:.1f} MiB",
            wanted="<= 32 MiB",
            is_ok=added <= 32,
        ),
    ]
