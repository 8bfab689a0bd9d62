"""How fast processes are started and seen to their end."""

import resident
from measure import alternating, check_ended_well, instant, quiet, rates

COUNT = 5000


def window(results, names):
    """The seconds from before the first start to the last exit."""
    times = [results[name]["times"] for name in names]
    return max(instant(t["stop"]) for t in times) - min(instant(t["start"]) for t in times)


def spawn(bench, name, program, wanted):
    count = 500 if bench.is_quick else COUNT
    specs = {f"{name}-{i}": quiet(program) for i in range(count)}
    whole = []

    def ours():
        seconds, results = bench.run(specs)
        whole.append(seconds)
        check_ended_well(results)
        return window(results, results)

    def baseline():
        return bench.printed_seconds([bench.program("spawner"), str(count), program])

    theirs, our = alternating(bench.rounds(5), baseline, ours)
    command = sorted(whole)[len(whole) // 2]
    return [
        rates(f"spawn {count:,} {name}", count / our, count / theirs, "/s", wanted),
        rates("  with reading spec, writing results", count / command, count / theirs, "/s"),
    ]


def tiny(bench):
    return spawn(bench, "tiny", bench.program("tiny"), 0.6)


def true(bench):
    return spawn(bench, "true", "/bin/true", 0.9)


def beside_sleepers(bench):
    count = 500 if bench.is_quick else COUNT
    sleepers = resident.most_sleepers(500 if bench.is_quick else 10_000, others=count)
    program = bench.program("tiny")
    specs = {f"tiny-{i}": quiet(program) for i in range(count)}

    def beside(sleepers):
        results = resident.Resident(bench, sleepers, specs).end()
        check_ended_well(results, specs)
        return window(results, specs)

    # One sleeper, so that procstar runs on until it is told to end.
    alone, crowded = alternating(bench.rounds(3), lambda: beside(1), lambda: beside(sleepers))
    return [rates(f"spawn {count:,} tiny beside {sleepers:,} sleepers", count / crowded, count / alone, "/s", 0.9)]
