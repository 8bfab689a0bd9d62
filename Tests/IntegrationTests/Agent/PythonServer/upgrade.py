"""`procstar upgrade`, and how long it takes."""

import asyncio
import time
from asyncio.subprocess import PIPE
from datetime import datetime
from pathlib import Path

from agent import Agent
from waiting import Failed, Limit, eventually, expect_equal


class Refused(Failed):
    """The agent goes on as it was."""


async def upgrade(program: Path, agent: Agent, state: Path) -> float:
    """Has an agent go on as `program`; the seconds from the command to the new registration."""
    former = len(agent.lines(" upgraded "))
    begun = time.time()
    command = await asyncio.create_subprocess_exec(
        program, "upgrade", "--state-dir", state, stdout=PIPE, stderr=PIPE
    )
    async with Limit("the end of procstar upgrade", 40):
        said, complaints = await command.communicate()
    if command.returncode != 0:
        raise Refused(f"procstar upgrade: {complaints.decode()}")
    expect_equal(said.startswith(b"the agent with pid %d is" % agent.pid), True, f"{said}")

    def registered() -> str | None:
        """The first line that says so after the new program's own."""
        upgrades = 0
        for line in agent.lines(" upgraded | registered"):
            upgrades += " upgraded " in line
            if upgrades > former and " registered" in line:
                return line
        return None

    line = await eventually("registration", registered, seen=lambda: agent.log()[-2000:])
    return datetime.fromisoformat(line.split()[0]).timestamp() - begun
