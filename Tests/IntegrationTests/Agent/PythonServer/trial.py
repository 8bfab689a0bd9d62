"""An agent under load, with a relay and a scheduler that can be harmed, and a reckoning."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Any

import certificates
from agent import Agent
from children import children_of, end_with_parent, keeper_of
from jobs import Job, Kind
from load import Journal
from relay import Relay
from upgrade import upgrade
from waiting import Failed, Limit, eventually, expect, expect_equal

LOAD = Path(__file__).parent / "load.py"


class Trial:
    """The load is a scheduler in a process of its own; the agent reaches it through the relay."""

    def __init__(self, program: Path, folder: Path, *, seed: int = 1, width: int = 12):
        self.folder = folder / "trial"
        self.seed = seed
        self.agent: Agent
        self.upgrades: list[float] = []
        """Seconds until the new program had registered."""
        self.relay: Relay
        self._program = program
        self._width = width
        self._port = 0
        self._load: Process | None = None
        self._losses: list[str] | None = None
        self._wishes: dict[str, Any] = {}
        self._journal = self.folder / "journal"
        # So far of the journal.
        self._read = 0
        self._deleted = 0
        # Of the agents before.
        self._registrations = 0
        # Jobs that a killed keeper has taken along, or may have.
        self._forlorn: set[int] = set()

    async def start(self, **wishes: Any) -> None:
        """Returns when the agent has registered and the first jobs are through."""
        (self.folder / "marks").mkdir(parents=True)
        identity = certificates.issue(self.folder, "server")
        await self.start_load()
        self.relay = await Relay.start(self._port)
        options = {"--state-dir": str(self.state)} | wishes.pop("options", {})
        self._wishes = {"anchor": identity.certificate, "options": options} | wishes
        await self.start_agent()
        await self.progress()

    @property
    def state(self) -> Path:
        """The agent's state folder."""
        return self.folder / "state"

    async def start_agent(self) -> None:
        """Starts it, in place of its predecessor, whose work it takes up."""
        port = self.relay.port
        self.agent = await Agent.start(self._program, self.folder, port, **self._wishes)

    async def kill_agent(self) -> None:
        self.agent.signal(signal.SIGKILL)
        await self.agent.process.wait()
        self._registrations = len(self.agent.lines(" registered"))

    async def upgrade(self) -> None:
        """Has the agent go on as the program that it is."""
        await self._registered()
        self.upgrades.append(await upgrade(self._program, self.agent, self.state))

    async def kill_keeper(self) -> None:
        """Only the agent that has started it inherits its processes.

        Returns when another one is there, and all jobs of the former are over: what the agent knows
        of them has no keeper any more.
        """
        await self._registered()
        keeper = keeper_of(self.state)
        heir = keeper in children_of(self.agent.pid)
        os.kill(keeper, signal.SIGSTOP)
        self.agent.signal(signal.SIGSTOP)
        await eventually("the stop of the agent", lambda: self.agent.state() == "T")
        started, ended = self._logged("started a process"), self._logged("a process has ended")
        over = Journal(self._journal).checked
        os.kill(keeper, signal.SIGKILL)
        self.agent.signal(signal.SIGCONT)
        await eventually("another keeper", lambda: keeper_of(self.state) not in (0, keeper))
        # What was on its way to the keeper is lost in any case.
        begun = Journal(self._journal).begun
        self._forlorn |= ((begun - started) | (set() if heir else started - ended)) - over
        left = lambda: begun - Journal(self._journal).deleted  # noqa: E731
        await eventually("the end of all its jobs", lambda: not left(), within=60, seen=left)

    async def _registered(self) -> None:
        """Waits until this agent has registered."""
        registrations = lambda: len(self.agent.lines(" registered"))  # noqa: E731
        await eventually("registration", lambda: registrations() > self._registrations)

    def _logged(self, text: str) -> set[int]:
        """The jobs of which the agent says so."""
        lines = self.agent.lines(f"{text} ")
        return {int(re.search(r"proc_id=job-(\d+)", line)[1]) for line in lines}

    def lost(self) -> int:
        """How many jobs were."""
        return len(Journal(self._journal).lost)

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
        expect_equal(children_of(keeper_of(self.state)), [], "processes of the agent's keeper")
        captures = lambda: [file for file in self.agent.descriptors() if "procstar:fd" in file]  # noqa: E731
        await eventually("the end of all captures", lambda: not captures(), seen=captures)
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
        expect_equal(journal.lost - self._forlorn, set(), "jobs that were lost without a reason")
        for number in journal.begun:
            job = Job(self.seed, number)
            wanted = {0 if job.kind == Kind.BROKEN else 1}
            # It was killed before it could begin, or had never been started.
            wanted |= {0} if number in journal.lost else set()
            expect(job.runs(self.folder) in wanted, f"{job.id} has run {job.runs(self.folder)} times")
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
