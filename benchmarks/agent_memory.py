"""What each running process takes of the memory of the agent and of the keeper together."""

import proc
import resident
from measure import NULL, Row, quiet
from scheduler import Agent

WANTED = 5120


def memory(bench, scheduler):
    """Resident memory, and that of files in memory: of the ledger, of the keeper's records and of captures."""
    sleeping = quiet(bench.program("tiny"), "sleep")
    wanted = 500 if bench.is_quick else 10_000
    rows = []
    for label, descriptors, stdout in (
        ("", 1, NULL),
        # Beside its pidfd the pipe or the file that its output comes through, and what that is kept in.
        (" with a capture in a file", 3, {"capture": {"mode": "tempfile"}}),
        (" with a capture in memory", 4, {"capture": {"mode": "memory"}}),
    ):
        count = resident.most_sleepers(wanted, descriptors=descriptors)
        spec = sleeping | {"fds": [["stdin", NULL], ["stdout", stdout], ["stderr", NULL]]}
        kept, in_files = each(bench, scheduler, count, spec)
        bare, _ = each(bench, scheduler, count, spec, "--no-keeper")
        measure = f"memory of a process{label}, of {count:,}: keeper, none"
        rows.append(Row(measure, f"{kept:,.0f} B", f"{bare:,.0f} B", "", f"<= {WANTED:,} B", kept <= WANTED))
        rows.append(Row("  of that in files in memory", f"{in_files:,.0f} B"))
    return rows


def each(bench, scheduler, count, spec, *options):
    """Bytes for each of `count` processes, and how many of them lie in files in memory."""
    with Agent(bench, scheduler, *options) as running:
        pids = running.pids
        idle = proc.steady_memory(*pids), proc.in_memfds(*pids)
        scheduler.order("start", count=count, spec=spec)
        now = proc.steady_memory(*pids), proc.in_memfds(*pids)
        scheduler.order("clear")
    anonymous, in_files = ((b - a) / count for a, b in zip(idle, now))
    return anonymous + in_files, in_files
