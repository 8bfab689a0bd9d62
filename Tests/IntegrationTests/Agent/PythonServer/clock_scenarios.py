"""The wall clock jumps; nothing that the agent waits for hangs on it."""

import re
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

from bed import Bed, Gate, final, scenario, shell, updated
from trial import Trial
from waiting import expect, expect_equal


class Clock:
    """The wall clock of programs that are started with `environment`, and of nobody else.

    Usable in a `with` block.
    """

    def __init__(self, folder: Path):
        self._offset = folder / "offset"
        self.move("+0")
        # What the programs share is made by the faketime command, which removes it at its end. Were
        # it made in the agent, early in its start, the Swift runtime wouldn't find the arguments.
        command = "echo $LD_PRELOAD; echo $FAKETIME_SHARED; exec cat"
        self._holder = subprocess.Popen(
            ["faketime", "-m", "-f", "+0", "/bin/sh", "-c", command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        library, shared = (self._holder.stdout.readline().strip() for _ in range(2))
        self.environment = {
            "LD_PRELOAD": library,
            "FAKETIME_SHARED": shared,
            "FAKETIME_TIMESTAMP_FILE": str(self._offset),
            # Looked up each time, so that a jump is there at once.
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def move(self, offset: str) -> None:
        new = self._offset.with_suffix(".new")
        new.write_text(f"{offset}\n")
        new.rename(self._offset)

    def __enter__(self) -> "Clock":
        return self

    def __exit__(self, *_: object) -> None:
        self._holder.communicate()


def is_sanitized(program: Path) -> bool:
    """The sanitizers ask for the time before libfaketime is ready for that, and it never is then."""
    return re.search(rb"__[at]san_init", program.read_bytes()) is not None


@scenario
async def a_moved_clock_is_no_reason_to_lose_the_connection(bed: Bed) -> None:
    if is_sanitized(bed.program):
        return
    trial = Trial(bed.program, bed.folder)
    with Clock(bed.folder) as clock:
        # Short, so that all timers of the connection are due again and again.
        options = {"--agent-read-timeout": "1"}
        await trial.start(environment=clock.environment, options=options)
        for offset in ("+3d", "-400d", "+0", "+100d", "-1h"):
            clock.move(offset)
            await trial.progress(4)
        await trial.finish()
    expect_equal(trial.losses(), [], "connections that were lost")


@scenario
async def a_moved_clock_is_seen_in_instants_and_not_in_durations(bed: Bed) -> None:
    if is_sanitized(bed.program):
        return
    with Clock(bed.folder) as clock:
        await bed.agent(environment=clock.environment)
        gate = Gate(bed.folder)
        process, first = await bed.start("one", shell("read go <gate"))
        clock.move("+3d")
        await process.request_result()
        second = await updated(process)
        jump = instant(second.times.now) - instant(first.times.now)
        expect(abs(jump - timedelta(days=3)) < timedelta(minutes=5), f"the clock moved by {jump}")
        gate.let()
        times = (await final(process)).times
        expect(0 <= times.elapsed < 60, f"{times.elapsed} s elapsed")


def instant(text: str) -> datetime:
    # Nine digits of a second are more than Python takes.
    return datetime.fromisoformat(text[:26]).replace(tzinfo=timezone.utc)
