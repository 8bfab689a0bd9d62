"""An agent's start, its end by kill -9 and its upgrade, each until its scheduler has it again."""

import statistics

import resident
from measure import Row, quiet
from scheduler import Agent


def life(bench, scheduler):
    return [*start(bench, scheduler), *succession(bench, scheduler)]


def start(bench, scheduler):
    kept, bare = [], []
    for _ in range(bench.rounds(15)):
        for times, options in ((kept, []), (bare, ["--no-keeper"])):
            with Agent(bench, scheduler, *options) as running:
                times.append(running.start_seconds)
    kept, bare = (statistics.median(times) * 1000 for times in (kept, bare))
    measure = "agent's start to its registration: keeper, none"
    return [Row(measure, f"{kept:.1f} ms", f"{bare:.1f} ms", f"{kept - bare:+.1f} ms")]


def succession(bench, scheduler):
    """The next agent takes over what runs: the one before was killed, or has put it in its own place."""
    rows = []
    for wanted in (50, 200) if bench.is_quick else (1000, 10_000):
        count = resident.most_sleepers(wanted)
        with Agent(bench, scheduler, "--state-dir", bench.path(f"state-{wanted}")) as running:
            scheduler.order("start", count=count, spec=quiet(bench.program("tiny"), "sleep"))
            rounds = range(bench.rounds(7))
            killed = statistics.median(running.kill_and_start() for _ in rounds)
            upgrades = [running.upgrade() for _ in rounds]
            scheduler.order("clear")
        whole, away = map(statistics.median, zip(*upgrades))
        # The wish is for the smaller number.
        wish = {"wanted": "<= 200 ms", "is_ok": away <= 0.2} if not rows else {}
        rows += [
            Row(f"kill -9 with {count:,} processes, to the next agent's registration", f"{killed * 1000:.0f} ms"),
            Row(f"upgrade with {count:,} processes, without a connection", f"{away * 1000:.0f} ms", **wish),
            Row("  from SIGUSR2 to the registration", f"{whole * 1000:.0f} ms"),
        ]
    return rows
