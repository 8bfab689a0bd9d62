"""Running procstar and what it is compared with, and taking the time."""

import dataclasses
import datetime
import json
import os
import statistics
import subprocess
import tempfile
import time


class BenchError(Exception):
    """A measurement that can't be made, and why."""


@dataclasses.dataclass
class Row:
    """One line of the table. `is_ok` is None where nothing is wanted."""

    measure: str
    ours: str
    baseline: str = ""
    ratio: str = ""
    wanted: str = ""
    is_ok: bool | None = None

    def cells(self):
        verdict = {None: "", True: "ok", False: "BELOW"}[self.is_ok]
        return (self.measure, self.ours, self.baseline, self.ratio, self.wanted, verdict)


def rates(measure, ours, baseline, unit, wanted=None):
    """A row of two rates, of which ours is to be at least `wanted` times the baseline."""
    ratio = ours / baseline
    return Row(
        measure,
        f"{ours:,.0f} {unit}",
        f"{baseline:,.0f} {unit}",
        f"{ratio:.0%}",
        "" if wanted is None else f">= {wanted:.0%}",
        None if wanted is None else ratio >= wanted,
    )


def alternating(rounds, *measures):
    """The median of each measure, taken in turns (ABAB), so that a slow spell of the machine hits all alike."""
    taken = [[] for _ in measures]
    for _ in range(rounds):
        for values, measure in zip(taken, measures):
            values.append(measure())
    return [statistics.median(values) for values in taken]


def instant(text):
    """Seconds since 1970 of an RFC 3339 time with nine digits and +00:00."""
    whole, fraction = text.removesuffix("+00:00").split(".")
    moment = datetime.datetime.fromisoformat(whole + "+00:00")
    return moment.timestamp() + float("0." + fraction)


class Bench:
    """What all sections use: the programs, and a folder for specs and results."""

    def __init__(self, procstar, peer, programs, is_quick):
        self.procstar = procstar
        self.peer = peer
        self.programs = programs
        self.is_quick = is_quick
        self.folder = tempfile.TemporaryDirectory(prefix="procstar-bench-")

    def program(self, name):
        path = os.path.join(self.programs, name)
        if not os.path.exists(path):
            raise BenchError(f"{path} has not been built")
        return path

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def rounds(self, full):
        return 2 if self.is_quick else full

    def write_spec(self, specs):
        path = self.path("spec.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"specs": specs}, file)
        return path

    def run(self, specs, *options):
        """Runs specs to their end: the seconds that the whole command took, and the results."""
        results = self.path("results.json")
        command = [self.procstar, "--output", results, *options, self.write_spec(specs)]
        seconds = self.time(command)
        with open(results, encoding="utf-8") as file:
            return seconds, json.load(file)

    def time(self, command, **streams):
        """The seconds that a command took, which must succeed."""
        started = time.monotonic()
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=streams.get("stdout", subprocess.DEVNULL), stderr=subprocess.PIPE
        )
        seconds = time.monotonic() - started
        check_success(command, done.returncode, done.stderr)
        return seconds

    def printed(self, command):
        """The words that a program printed, which must succeed."""
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        check_success(command, done.returncode, done.stderr or done.stdout)
        return done.stdout.split()

    def printed_seconds(self, command):
        """What a baseline program says that it took."""
        (seconds,) = self.printed(command)
        return float(seconds)


def check_success(command, status, output):
    if status != 0:
        text = output if isinstance(output, str) else output.decode(errors="replace")
        raise BenchError(f"{' '.join(command[:3])} … ended with {status}: {text.strip()}")


def check_ended_well(results, names=None):
    """Every process (of those named) has ended by itself with status 0."""
    for name in names or results:
        result = results[name]
        if result["state"] != "terminated" or result["status"]["status"] != 0:
            raise BenchError(f"{name}: {result['state']} {result['errors']} {result['status']}")


NULL = {"null": {"flags": "Default"}}
ALL_NULL = [["stdin", NULL], ["stdout", NULL], ["stderr", NULL]]


def quiet(*argv):
    """The spec of a process with all three descriptors on /dev/null."""
    return {"argv": list(argv), "fds": ALL_NULL}
