"""The Python package procstar, as it is on PyPI, for the rest to import from here."""

import logging

from procstar.lib.py import Interval

# A default of a dataclass must have a hash since Python 3.11, and this one of the package has none.
Interval.__hash__ = lambda self: hash(tuple(self))

from procstar import proto  # noqa: E402
from procstar.agent.conn import Connection  # noqa: E402
from procstar.agent.exc import (  # noqa: E402
    NoOpenConnectionInGroup,
    NotConnectedError,
    ProcessUnknownError,
    WebSocketNotOpen,
)
from procstar.agent.proc import AgentMessageError, FdData, Process, Result  # noqa: E402
from procstar.agent.server import Server  # noqa: E402

__all__ = [
    "AgentMessageError",
    "Connection",
    "FdData",
    "Interval",
    "NoOpenConnectionInGroup",
    "NotConnectedError",
    "Process",
    "ProcessUnknownError",
    "Result",
    "Server",
    "WebSocketNotOpen",
    "log_to",
    "proto",
]


def log_to(path: str) -> None:
    """Sends what the package logs to a file: it is only looked at when something has failed."""
    logging.basicConfig(filename=path, level=logging.INFO, format="%(asctime)s %(message)s")
    # It logs each frame.
    logging.getLogger("websockets").setLevel(logging.WARNING)
