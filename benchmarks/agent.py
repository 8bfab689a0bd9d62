"""The agent at the end of a connection over TLS: what a scheduler has to wait for, with the keeper and without it."""

import collections
import statistics

import resident
from agent_life import life
from agent_memory import memory
from agent_output import captures, fetch
from measure import Row, quiet
from scheduler import Agent, Scheduler

TRUE = quiet("/bin/true")


def agent(bench):
    with Scheduler(bench) as scheduler:
        return [
            *starts(bench, scheduler),
            *captures(bench, scheduler),
            *fetch(bench, scheduler),
            *memory(bench, scheduler),
            *life(bench, scheduler),
        ]


class Rounds:
    """Seconds of the agent with its keeper, of the one without, and of the C program, round by round."""

    def __init__(self):
        self.kept = []
        self.bare = []
        self.theirs = []


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


def latency(measure, ours, theirs, most):
    """A row of two times, from the seconds of each round, of which ours may be `most` milliseconds longer."""
    added = statistics.median(a - b for a, b in zip(ours, theirs)) * 1000
    ours, theirs = (statistics.median(seconds) * 1000 for seconds in (ours, theirs))
    return Row(measure, f"{ours:.2f} ms", f"{theirs:.2f} ms", f"{added:+.2f} ms", f"<= +{most:g} ms", added <= most)


def starts(bench, scheduler):
    """/bin/true, one at a time and many at once, alone and beside sleepers; the agent with the keeper, the one without
    and the C program in turns."""
    single, many = (20, 200) if bench.is_quick else (200, 2000)
    sleepers = resident.most_sleepers(200 if bench.is_quick else 5000, others=many)
    sleeper = quiet(bench.program("tiny"), "sleep")
    spawner = bench.program("spawner")
    labels = {"each": f"{many:,} true by agent, a request each", "together": f"{many:,} true by agent, in one request"}
    alone, beside = (collections.defaultdict(Rounds) for _ in range(2))

    def by_c(rounds):
        latencies = map(float, bench.printed([spawner, "--one-by-one", str(single), "/bin/true"]))
        rounds["one"].theirs.append(statistics.median(latencies))
        for act in labels:
            rounds[act].theirs.append(bench.printed_seconds([spawner, "--watched", str(many), "/bin/true"]))

    def by_agent(rounds, way):
        latencies = scheduler.seconds("one-by-one", count=single, spec=TRUE)
        getattr(rounds["one"], way).append(statistics.median(latencies))
        for act in labels:
            getattr(rounds[act], way).append(scheduler.seconds(act, count=many, spec=TRUE))

    for _ in range(bench.rounds(7)):
        by_c(alone)
        with Agent(bench, scheduler, "--no-keeper"):
            by_agent(alone, "bare")
        with Agent(bench, scheduler):
            by_agent(alone, "kept")
            scheduler.order("start", count=sleepers, spec=sleeper)
            by_c(beside)
            by_agent(beside, "kept")
            scheduler.order("clear")

    one = alone["one"]
    rows = [
        latency("one true by agent, request to final result: keeper, none", one.kept, one.bare, 0.3),
        latency("  none, the C program", one.bare, one.theirs, 1),
    ]
    for act, label in labels.items():
        rows.append(compared(f"{label}: keeper, none", many, alone[act].kept, alone[act].bare, 0.85))
        rows.append(compared("  none, the C program", many, alone[act].bare, alone[act].theirs, 0.75))
    rows.append(slower(f"one true by agent beside {sleepers:,} sleepers", one.kept, beside["one"].kept))
    for act, label in labels.items():
        rows.append(compared(f"{label}, beside them", many, beside[act].kept, alone[act].kept, 0.9))
    rows.append(compared("  the C program, beside them", many, beside["each"].theirs, alone["each"].theirs))
    return rows


def slower(measure, before, now):
    relation = ratio(now, before)
    before, now = (statistics.median(seconds) * 1000 for seconds in (before, now))
    return Row(measure, f"{now:.2f} ms", f"{before:.2f} ms", f"{relation:.0%}", "<= 110%", relation <= 1.1)
