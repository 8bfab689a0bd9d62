"""A scheduler that keeps an agent busy, and checks each job: load.py FOLDER PORT SEED WIDTH

Run by the scenarios and the soak, which kill it, stop it and start it again. FOLDER has the
server's certificate, and the journal from which a new one learns what its predecessor has begun.
Up to WIDTH jobs are on their way at any moment. Prints "port N". At SIGTERM it begins nothing new,
sees the rest through, prints "done COUNT", and ends with status 0 when standard input does. A job
that isn't as it should be ends it with status 1, and the reason on standard error.
"""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from agent import TOKEN
from certificates import Identity
from jobs import Job, Kind
from package import (
    AgentMessageError,
    FdData,
    Interval,
    NoOpenConnectionInGroup,
    NotConnectedError,
    Process,
    ProcessUnknownError,
    Result,
    Server,
    WebSocketNotOpen,
    log_to,
)
from waiting import Failed, expect, expect_equal
from websockets.exceptions import ConnectionClosed

# What the package raises when a request couldn't be sent.
NOT_SENT = (NoOpenConnectionInGroup, NotConnectedError, WebSocketNotOpen, ConnectionClosed)

POLL = 0.2


class Journal:
    """What has been begun and finished, a line each: outlives the process, which is killed."""

    def __init__(self, path: Path):
        self.begun: set[int] = set()
        self.checked: set[int] = set()
        self.deleted: set[int] = set()
        # Those of which nobody knows how they ended. Whether that may be, the driver knows.
        self.lost: set[int] = set()
        if path.exists():
            for line in path.read_text().splitlines():
                word, number = line.split()
                getattr(self, word).add(int(number))
        self._path = path

    def note(self, word: str, number: int) -> None:
        getattr(self, word).add(number)
        with self._path.open("a") as file:
            file.write(f"{word} {number}\n")


class Load:
    def __init__(self, server: Server, journal: Journal, seed: int):
        self.server = server
        self.journal = journal
        self.seed = seed
        self.finishing = asyncio.Event()

    async def run(self, width: int) -> None:
        """Begins with what was left the last time. Ends when `finishing` is set and all is done."""
        left = iter(sorted(self.journal.begun - self.journal.deleted))
        following = iter(range(max(self.journal.begun, default=-1) + 1, sys.maxsize))

        async def worker() -> None:
            for number in left:
                await self._see_through(Job(self.seed, number))
            for number in following:
                if self.finishing.is_set():
                    return
                self.journal.note("begun", number)
                await self._see_through(Job(self.seed, number))

        async with asyncio.TaskGroup() as group:
            for _ in range(width):
                group.create_task(worker())

    async def _see_through(self, job: Job) -> None:
        """From the start to the deletion, whatever becomes of the connection meanwhile."""
        output = bytearray()
        try:
            while job.number not in self.journal.deleted:
                await self._try(job, output)
        except Exception as error:
            raise Failed(f"{job.id} ({job.kind}): {type(error).__name__}: {error}") from error

    async def _try(self, job: Job, output: bytearray) -> None:
        """One attempt. Returns when something has to be done anew, too; `output` is kept."""
        await self._connected()
        try:
            process = self.server.processes.get(job.id)
            if job.number in self.journal.checked:
                if process:
                    await self._delete(process)
                self.journal.note("deleted", job.number)
                return
            process = process or await self._start(job)
            await self._check(job, process, output)
            self.journal.note("checked", job.number)
        except NOT_SENT:
            # The connection has gone. If the request has arrived, the process will be known.
            await asyncio.sleep(0.02)
        except ProcessUnknownError:
            # A start that was never read, or a deletion of which the answer was lost.
            output.clear()

    async def _connected(self) -> None:
        while not any(conn.open for conn in self.server.connections.values()):
            await asyncio.sleep(0.02)

    async def _start(self, job: Job) -> Process:
        try:
            return await self.server.request_start(job.id, job.spec())
        except AssertionError:
            # The package's own race: the first result has come while the request was being sent.
            return self.server.processes[job.id]

    async def _check(self, job: Job, process: Process, output: bytearray) -> None:
        poll = asyncio.create_task(self._poll(process))
        try:
            result = await self._follow(job, process, output)
        finally:
            poll.cancel()
        if is_lost(result):
            self.journal.note("lost", job.number)
            return
        status = result.status
        seen = (result.state, status.exit_code, status.signum)
        expect_equal(seen, job.outcome(), "state, exit code and signal")
        expect_equal(result.fds.stdout.length, len(output), "length in the result")
        expect(bytes(output) == job.output(), f"{len(output)} bytes of output are not right")

    async def _poll(self, process: Process) -> None:
        while True:
            with suppress(ConnectionClosed):
                await process.request_result()
            await asyncio.sleep(POLL)

    async def _follow(self, job: Job, process: Process, output: bytearray) -> Result:
        """Until it has ended and all of its output is here."""
        async for update in updates(process):
            if isinstance(update, FdData):
                self._take(update, output)
                continue
            if is_lost(update):
                return update
            length = update.fds.stdout.length
            if length > len(output):
                await process.request_fd_data("stdout", interval=Interval(len(output), None))
            elif update.state != "running":
                return update
            elif job.kind == Kind.KILLED and length:
                await process.send_signal(int(signal.SIGTERM))
        raise Failed("it was deleted by nobody")

    def _take(self, update: FdData, output: bytearray) -> None:
        start, stop = update.interval
        expect_equal(stop - start, len(update.data), "length of a piece of output")
        # Asked for twice, where the first answer took its time: both must say the same.
        known = len(output) - start
        expect(known >= 0, f"output from {start}, when {len(output)} bytes were here")
        same = bytes(output[start : start + len(update.data)]) == update.data[:known]
        expect(same, f"output from {start} to {stop} was different the last time")
        output += update.data[known:]

    async def _delete(self, process: Process) -> None:
        """Asks once on each connection: the package doesn't bear the answer to a second time."""
        stats = self.server.connections[process.conn_id].info.stats
        asked = stats.num_connections
        await process.request_delete()
        async for _ in updates(process):
            # What came is a result, which the package has asked for after a reconnection.
            if stats.num_connections != asked:
                asked = stats.num_connections
                await process.request_delete()


def is_lost(result: Result) -> bool:
    return result.state == "error" and result.cause.type == "lost"


async def updates(process: Process) -> AsyncIterator[Result | FdData]:
    """Those of the package, beyond errors of signals that came too late, which end its iterator."""
    while True:
        try:
            async for update in process.updates:
                yield update
            return
        except AgentMessageError as error:
            expect_equal(error.err, "no process", "an error of the agent")
            process.__dict__.pop("updates")


async def main(folder: Path, port: int, seed: int, width: int) -> None:
    journal = Journal(folder / "journal")
    server = Server()
    listening = await server.run(
        host="127.0.0.1",
        port=port,
        tls_cert=Identity(folder / "server.pem", folder / "server.key"),
        access_token=TOKEN,
    )
    load = Load(server, journal, seed)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, load.finishing.set)
    print("port", listening.sockets[0].getsockname()[1], flush=True)
    await load.run(width)
    expect_equal(list(server.processes), [], "processes that are left")
    print("done", len(journal.deleted), flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    folder, *numbers = sys.argv[1:]
    log_to(str(Path(folder) / "load.log"))
    try:
        asyncio.run(main(Path(folder), *map(int, numbers)))
    except* Failed as failures:
        for failure in failures.exceptions:
            print(f"load: {failure}", file=sys.stderr)
        sys.exit(1)
