"""A relay between agent and server, that can be told to misbehave."""

import asyncio
from asyncio import StreamReader, StreamWriter
from dataclasses import dataclass


@dataclass
class Behaviour:
    """What becomes of the bytes, in both directions; it applies from the next ones on."""

    delay: float = 0
    """Seconds that each piece waits."""
    piece: int = 1 << 16
    """Bytes at most that are passed on at once, each in a segment of its own."""
    stalls: bool = False
    """Nothing is passed on."""
    breaks_after: int | None = None
    """Of what comes from either side, only so many bytes are passed on before all ends abruptly."""


class Relay:
    """Listens on a port of its own, and passes on what comes to the port of the server."""

    def __init__(self, target: int):
        self.target = target
        self.port = 0
        self.behaviour = Behaviour()
        self.passed = 0
        """Bytes, in both directions, ever."""
        self._writers: set[StreamWriter] = set()
        self._server: asyncio.Server | None = None

    @classmethod
    async def start(cls, target: int) -> "Relay":
        relay = cls(target)
        await relay.open()
        return relay

    @property
    def connections(self) -> int:
        return len(self._writers) // 2

    async def open(self) -> None:
        """Begins to listen, on the same port each time."""
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Refuses connections from now on, and cuts those that are there."""
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """Ends all connections in the middle of whatever they are at."""
        for writer in self._writers:
            writer.transport.abort()

    async def _relay(self, from_agent: StreamReader, to_agent: StreamWriter) -> None:
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            to_agent.transport.abort()
            return
        pair = {to_agent, to_server}
        self._writers |= pair
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(from_agent, to_server))
                group.create_task(self._pass(from_server, to_agent))
        except* (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers -= pair
            for writer in pair:
                writer.transport.abort()

    async def _pass(self, source: StreamReader, sink: StreamWriter) -> None:
        """Ends, by an error, when either side does: nobody here closes one direction alone."""
        while True:
            block = await source.read(self.behaviour.piece)
            if not block:
                raise ConnectionResetError
            # What is held here when the connection is cut is lost, as it would be on the way.
            while self.behaviour.stalls:
                await asyncio.sleep(0.01)
                if sink.is_closing():
                    raise ConnectionResetError
            if self.behaviour.delay:
                await asyncio.sleep(self.behaviour.delay)
            if (rest := self.behaviour.breaks_after) is not None:
                self.behaviour.breaks_after = rest - len(block)
                if rest < len(block):
                    sink.write(block[: max(rest, 0)])
                    await sink.drain()
                    raise ConnectionResetError
            sink.write(block)
            await sink.drain()
            self.passed += len(block)
