"""A procstar that runs on with sleeping processes, to be looked at."""

import contextlib
import json
import os
import resource
import signal
import subprocess
import time

import proc
from measure import BenchError, quiet

MARKER = "zz-all-are-started"
# Descriptors that procstar may need beside one for each process.
SPARE_DESCRIPTORS = 1000


def most_sleepers(wanted, others=0, descriptors=1):
    """How many processes can sleep beside `others` more, each with so many descriptors in procstar."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    processes = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    with open("/proc/sys/kernel/pid_max", encoding="ascii") as file:
        limits = [wanted, int(file.read()) - 2 * SPARE_DESCRIPTORS - others]
    if hard != resource.RLIM_INFINITY:
        limits.append((hard - SPARE_DESCRIPTORS - others) // descriptors)
    if processes != resource.RLIM_INFINITY:
        limits.append(processes - SPARE_DESCRIPTORS - others)
    return min(limits)


class Resident:
    """procstar with `sleepers` sleeping processes and what else `specs` has; ended, with results, by `end`."""

    def __init__(self, bench, sleepers, specs=None):
        tiny = bench.program("tiny")
        self.results = bench.path("resident-results.json")
        self.sleepers = sleepers
        marker = bench.path("marker")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(marker)
        # The order of the document is the order of the starts, so the marker says that all the others are started.
        marking = quiet("/bin/echo", "started")
        marking["fds"] = [["stdout", {"file": {"path": marker, "flags": "Write"}}]]
        everything = {f"sleeper-{i}": quiet(tiny, "sleep") for i in range(sleepers)}
        everything |= (specs or {}) | {MARKER: marking}
        self.process = subprocess.Popen(
            [bench.procstar, "--output", self.results, bench.write_spec(everything)],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self.wait(lambda: os.path.exists(marker) and os.path.getsize(marker) > 0, "all processes to be started")
        self.wait(lambda: len(proc.children(self.process.pid)) == sleepers, f"only {sleepers} sleepers to be left")

    def wait(self, condition, what):
        """Waits for a fact, looking rarely enough not to disturb what is measured."""
        limit = time.monotonic() + 120
        while not condition():
            if self.process.poll() is not None:
                message = self.process.stderr.read().decode(errors="replace").strip()
                raise BenchError(f"procstar ended with {self.process.returncode}: {message}")
            if time.monotonic() > limit:
                # Not SIGKILL, which would leave all that it has started behind.
                self.process.send_signal(signal.SIGQUIT)
                self.process.wait()
                raise BenchError(f"waited 120 s for {what}")
            time.sleep(0.2)

    def memory(self):
        """Bytes resident, once they have stopped changing."""
        return proc.steady_memory(self.process.pid)

    def end(self):
        """Ends the sleepers; the results of all."""
        self.process.send_signal(signal.SIGTERM)
        _, stderr = self.process.communicate(timeout=120)
        if self.process.returncode != 0:
            raise BenchError(f"procstar ended with {self.process.returncode}: {stderr.decode(errors='replace')}")
        with open(self.results, encoding="utf-8") as file:
            return json.load(file)
