"""How fast processes are started and seen to their end."""

import json
import statistics
import subprocess

import resident
from measure import Row, alternating, check_ended_well, check_success, instant, quiet, rates

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


def longest_turn(bench, specs):
    """The longest turn of procstar's loop in one run, in milliseconds, as its log tells."""
    command = [bench.procstar, "--output", bench.path("results.json"), "--log-level", "info", "--log-format", "json"]
    command.append(bench.write_spec(specs))
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    check_success(command, done.returncode, done.stderr)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    return next(line["longest_turn"] for line in lines if "longest_turn" in line) * 1000


def loop_stall(bench):
    """How long the loop keeps everybody waiting: the median of some runs, each told by its longest turn."""
    rows = []
    for count in (500,) if bench.is_quick else (COUNT, 20_000):
        specs = {f"true-{i}": quiet("/bin/true") for i in range(count)}
        turn = statistics.median(longest_turn(bench, specs) for _ in range(bench.rounds(3)))
        rows.append(
            Row(f"longest turn of the loop, {count:,} true", f"{turn:.1f} ms", wanted="<= 20 ms", is_ok=turn <= 20)
        )
    return rows
