"""An agent under load, with a relay and a scheduler that can be harmed, and a reckoning."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Any

import certificates
from agent import Agent
from children import end_with_parent, kept_by
from jobs import Job, Kind
from load import Journal
from relay import Relay
from waiting import Failed, Limit, eventually, expect, expect_equal

LOAD = Path(__file__).parent / "load.py"


class Trial:
    """The load is a scheduler in a process of its own; the agent reaches it through the relay."""

    def __init__(self, program: Path, folder: Path, *, seed: int = 1, width: int = 12):
        self.folder = folder / "trial"
        self.seed = seed
        self.agent: Agent
        self.relay: Relay
        self._program = program
        self._width = width
        self._port = 0
        self._load: Process | None = None
        self._losses: list[str] | None = None
        self._journal = self.folder / "journal"
        # So far of the journal.
        self._read = 0
        self._deleted = 0

    async def start(self, **wishes: Any) -> None:
        """Returns when the agent has registered and the first jobs are through."""
        (self.folder / "marks").mkdir(parents=True)
        identity = certificates.issue(self.folder, "server")
        await self.start_load()
        self.relay = await Relay.start(self._port)
        wishes = {"anchor": identity.certificate} | wishes
        self.agent = await Agent.start(self._program, self.folder, self.relay.port, **wishes)
        await self.progress()

    async def start_load(self) -> None:
        """Starts the scheduler, on the port of its predecessor, whose work it takes up."""
        words = [self.folder, self._port, self.seed, self._width]
        with (self.folder / "load.errors").open("wb") as errors:
            self._load = await asyncio.create_subprocess_exec(
                sys.executable,
                LOAD,
                *map(str, words),
                stdin=PIPE,
                stdout=PIPE,
                stderr=errors,
                preexec_fn=end_with_parent,
            )
        self._losses = None
        async with Limit("the scheduler's start"):
            line = await self._load.stdout.readline()
        expect(line.startswith(b"port "), f"the scheduler: {self.errors()}")
        self._port = int(line.split()[1])

    async def kill_load(self) -> None:
        self.signal_load(signal.SIGKILL)
        await self._load.wait()

    def signal_load(self, signum: signal.Signals) -> None:
        if self._load.returncode is None:
            self._load.send_signal(signum)

    def done(self) -> int:
        """How many jobs have been seen through."""
        if self._journal.exists():
            with self._journal.open() as file:
                file.seek(self._read)
                text = file.read()
            self._read += len(text)
            self._deleted += text.count("deleted")
        return self._deleted

    async def progress(self, jobs: int = 3, within: float = 20) -> None:
        """Waits until so many more have been seen through."""
        goal = self.done() + jobs
        await eventually(
            f"{goal} jobs",
            lambda: self._running() and self.done() >= goal,
            within=within,
            seen=self.done,
        )

    def _running(self) -> bool:
        if self.agent.process.returncode is not None:
            raise Failed(f"the agent ended with {self.agent.process.returncode}")
        if self._load.returncode not in (None, -signal.SIGKILL):
            raise Failed(f"the scheduler ended with {self._load.returncode}: {self.errors()}")
        return True

    def errors(self) -> str:
        return (self.folder / "load.errors").read_text()

    async def quiet(self, within: float = 30) -> None:
        """Lets all jobs come to their ends. The connection stays."""
        self.signal_load(signal.SIGTERM)
        async with Limit("the end of all jobs", within):
            line = await self._load.stdout.readline()
        expect(line.startswith(b"done "), f"the scheduler: {self.errors()}")
        expect_equal(kept_by(self.agent.pid), [], "processes of the agent's keeper")
        # The end of the scheduler is no loss.
        self._losses = self.losses()

    async def end_load(self) -> None:
        """Of a quiet one."""
        self._load.stdin.close()
        async with Limit("the scheduler's end"):
            expect_equal(await self._load.wait(), 0, f"status of the scheduler ({self.errors()})")

    def reckon(self) -> int:
        """All jobs were seen through, and each has run as often as it should; how many."""
        journal = Journal(self._journal)
        open_ends = journal.begun - (journal.checked & journal.deleted)
        expect_equal(open_ends, set(), "jobs that were not seen through")
        for number in journal.begun:
            job = Job(self.seed, number)
            wanted = 0 if job.kind == Kind.BROKEN else 1
            expect_equal(job.runs(self.folder), wanted, f"times that {job.id} has run")
        return len(journal.begun)

    async def finish(self) -> int:
        await self.quiet()
        await self.end_load()
        return self.reckon()

    def losses(self) -> list[str]:
        """The lines of the agent's log that tell of lost connections, until it was quiet."""
        if self._losses is not None:
            return self._losses
        return self.agent.lines("connection lost")
