"""What a scenario stands on: a server of the package, agents that dial it, and their files."""

import os
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import certificates
from agent import TOKEN, Agent
from certificates import Identity
from package import Connection, FdData, Interval, Process, Result, Server, log_to, proto
from waiting import Failed, Limit, eventually, expect

LIMIT = 20

Scenario = Callable[["Bed"], Awaitable[None]]
SCENARIOS: dict[str, Scenario] = {}


def scenario(function: Scenario) -> Scenario:
    """Makes a function one of the scenarios, by its name."""
    SCENARIOS[function.__name__.replace("_", "-")] = function
    return function


class Folder:
    """A folder for one run, removed at its end. When something has failed, its logs are quoted."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="procstar-python-server-"))
        log_to(str(self.path / "server.log"))

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, kind: type | None, error: BaseException | None, trace: Any) -> None:
        if error is not None:
            for log in sorted(self.path.rglob("*.log")):
                if text := log.read_text(errors="replace"):
                    print(f"── {log.name}, its end:\n{text[-3000:]}", file=sys.stderr)
        shutil.rmtree(self.path, ignore_errors=True)


class Bed:
    """A server on a free port of this machine. Kept: each message that came, in order."""

    def __init__(self, program: Path, folder: Path):
        self.program = program
        self.folder = folder
        self.port = 0
        self.identity = certificates.issue(folder, "server")
        self.server = Server()
        self.received: list[tuple[str, Any]] = []
        self._listening: Any = None

    async def serve(self, *, token: str = TOKEN, identity: Identity | None = None) -> None:
        """Begins to listen, with a server that knows nothing, on the same port as before."""
        self.server = Server()
        self._keep_messages()
        self._listening = await self.server.run(
            host="127.0.0.1",
            port=self.port,
            tls_cert=identity or self.identity,
            access_token=token,
        )
        self.port = self._listening.sockets[0].getsockname()[1]

    def _keep_messages(self) -> None:
        deliver = self.server.processes.on_message

        def keep(conn: Connection, msg: Any) -> None:
            self.received.append((conn.conn_id, msg))
            deliver(conn, msg)

        self.server.processes.on_message = keep

    async def stop_serving(self) -> None:
        """Closes the port, and the connections as if the process had ended: without a word."""
        for conn in self.server.connections.values():
            conn.ws.transport.abort()
        self._listening.close()
        await self._listening.wait_closed()

    async def start_agent(self, **wishes: Any) -> Agent:
        """Starts one, which may fail to register."""
        wishes = {"anchor": self.identity.certificate} | wishes
        return await Agent.start(self.program, self.folder, wishes.pop("port", self.port), **wishes)

    async def agent(self, **wishes: Any) -> Agent:
        """Starts one, and waits until it has registered."""
        agent = await self.start_agent(**wishes)
        await self.registered(agent)
        return agent

    async def registered(self, agent: Agent, times: int = 1) -> Connection:
        """Waits until it has registered with this server so often, and is connected."""

        def connected() -> Connection | None:
            if agent.process.returncode is not None:
                raise Failed(f"the agent ended with {agent.process.returncode}")
            conn = self.server.connections.get(agent.conn_id)
            enough = conn and conn.open and conn.info.stats.num_connections >= times
            return conn if enough else None

        return await eventually("registration", connected, within=LIMIT, seen=lambda: agent.log())

    def results(self, proc_id: str) -> list[dict]:
        """All that have come of a process."""
        return [
            msg.res
            for _, msg in self.received
            if isinstance(msg, proto.ProcResult) and msg.proc_id == proc_id
        ]

    async def start(self, proc_id: str, spec: dict, **more: Any) -> tuple[Process, Result]:
        async with Limit(f"the first result of {proc_id}", LIMIT):
            return await self.server.start(proc_id, spec, **more)

    async def start_all(self, specs: dict[str, dict]) -> dict[str, Process]:
        """Starts several in one request, which the package has no function for."""
        (conn,) = self.server.connections.values()
        await conn.send(proto.ProcStartRequest(specs=specs))
        return {proc_id: self.server.processes.create(conn, proc_id) for proc_id in specs}


async def updated(process: Process, what: str = "an update", within: float = LIMIT) -> Any:
    """The next update of a process."""
    async with Limit(f"{what} of {process.proc_id}", within):
        try:
            return await anext(process.updates)
        except StopAsyncIteration:
            raise Failed(f"{process.proc_id} was deleted, instead of {what}") from None


def go_on(process: Process) -> None:
    """Lets a process have updates again: the package's iterator has ended with an error."""
    process.__dict__.pop("updates", None)


async def final(process: Process, within: float = LIMIT) -> Result:
    """Its next result that says that it doesn't run."""
    async with Limit(f"the end of {process.proc_id}", within):
        async for update in process.updates:
            if isinstance(update, Result) and update.state != "running":
                return update
    raise Failed(f"{process.proc_id} was deleted while it was waited for")


async def data(
    process: Process, fd: str = "stdout", start: int = 0, stop: int | None = None
) -> FdData:
    """What the agent answers when asked for output. Results that come in between are skipped."""
    await process.request_fd_data(fd, interval=Interval(start, stop))
    while True:
        update = await updated(process, f"output of {fd}")
        if isinstance(update, FdData):
            first, end = update.interval
            expect(end - first == len(update.data), f"{first} to {end}: {len(update.data)} bytes")
            expect(update.fd == fd, f"{update.fd} instead of {fd}")
            return update


async def run(bed: Bed, proc_id: str, spec: dict) -> Result:
    """Runs a process to its end."""
    process, result = await bed.start(proc_id, spec)
    expect(result.state in ("running", "error"), f"the first result says {result.state}")
    return await final(process)


def capture(mode: str = "memory", encoding: str | None = None, attached: bool = False) -> dict:
    return {"capture": {"mode": mode, "encoding": encoding, "attached": attached}}


def shell(command: str, *words: Any, **fds: dict | str) -> dict:
    """The spec of a shell command, in which `words` are $1, $2 and so on; fds by name."""
    return {
        "argv": ["/bin/sh", "-c", command, "sh", *map(str, words)],
        "fds": [[fd, spec] for fd, spec in fds.items()],
    }


class Gate:
    """Holds processes back that `read` a line from it, until they are let through."""

    def __init__(self, folder: Path, name: str = "gate"):
        self.path = folder / name
        os.mkfifo(self.path)
        # Both ways, so that neither side's open waits for the other one.
        self._fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)

    def let(self, count: int = 1) -> None:
        """A shell reads byte by byte, so each takes one line of those that are empty."""
        os.write(self._fd, b"\n" * count)
