"""Runs that write half of their output, wait at a gate, and write the other half."""

import asyncio
import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bed import Bed, Gate, capture, data, final, shell
from package import Process, Result
from waiting import Limit, expect, expect_equal

# Each leaves a line in a file of its own: a second one shows. dash writes with one write(2) a word.
COMMAND = 'echo >>runs/$1; printf %s "$2"; read go <"$4"; printf %s "$3"; exit $(($1 % 7))'


@dataclass(frozen=True)
class Run:
    number: int
    gate: Path

    @property
    def id(self) -> str:
        return f"run-{self.number}"

    @property
    def halves(self) -> tuple[str, str]:
        source = random.Random(self.number)
        first, second = (source.choice([0, 10, 100, 3000]) for _ in range(2))
        return (f"{self.number} begins;" + "a" * first, f"{self.number} ends;" + "b" * second)

    @property
    def spec(self) -> dict:
        mode = "memory" if self.number % 2 else "tempfile"
        return shell(COMMAND, self.number, *self.halves, self.gate, stdout=capture(mode))


class Runs:
    """Some of them with a gate of their own, started in one request."""

    def __init__(self, bed: Bed, numbers: Iterable[int]):
        self.bed = bed
        self.gate = Gate(bed.folder, f"gate-{numbers[0]}")
        self.runs = [Run(number, self.gate.path) for number in numbers]
        (bed.folder / "runs").mkdir(exist_ok=True)

    def __len__(self) -> int:
        return len(self.runs)

    @property
    def processes(self) -> list[Process]:
        return [self.bed.server.processes[run.id] for run in self.runs]

    async def start(self) -> None:
        await self.bed.start_all({run.id: run.spec for run in self.runs})

    def let(self, count: int | None = None) -> None:
        self.gate.let(len(self) if count is None else count)

    def results(self, *, final: bool = False) -> int:
        """How many have sent a result, or a final one."""
        states = {
            (msg.proc_id, msg.res["state"] != "running")
            for _, msg in self.bed.received
            if hasattr(msg, "res")
        }
        names = {name for name, has_ended in states if has_ended or not final}
        return sum(run.id in names for run in self.runs)

    async def finish(self, *, may_be_signalled: bool = False) -> int:
        """All end as they should, or by SIGTERM where they may, and are deleted; how many did."""
        async with Limit("the end of all runs", 40):
            ends = await asyncio.gather(
                *(self._finish(run, may_be_signalled) for run in self.runs)
            )
        return sum(ends)

    async def _finish(self, run: Run, may_be_signalled: bool) -> bool:
        process = self.bed.server.processes[run.id]
        result = await final(process, within=40)
        output = (await data(process)).data.decode()
        was_signalled = result.status.signum == 15
        if may_be_signalled and was_signalled:
            whole = "".join(run.halves)
            expect(whole.startswith(output), f"{run.id}, signalled, wrote {output!r}")
        else:
            self._expect_whole(run, result, output)
        seen = self.bed.folder / "runs" / str(run.number)
        times = len(seen.read_text()) if seen.exists() else 0
        expect(times == 1 or (was_signalled and times == 0), f"{run.id} has run {times} times")
        await process.delete()
        return was_signalled

    def _expect_whole(self, run: Run, result: Result, output: str) -> None:
        status = result.status
        seen = (result.state, status.exit_code, status.signum)
        expect_equal(seen, ("terminated", run.number % 7, None), f"state and status of {run.id}")
        expect_equal(output, "".join(run.halves), f"output of {run.id}")
        expect_equal(result.fds.stdout.length, len(output), f"length in the result of {run.id}")
