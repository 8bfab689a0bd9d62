"""Agents that are killed, and what the next one knows."""

import asyncio
import signal

from bed import Bed, Gate, capture, data, final, scenario, shell, updated
from waiting import Limit, expect_equal


async def killed(agent) -> None:
    agent.signal(signal.SIGKILL)
    await agent.process.wait()


@scenario
async def the_runs_of_a_killed_agent_are_all_there_in_the_next(bed: Bed) -> None:
    state = {"--state-dir": str(bed.folder / "state")}
    agent = await bed.agent(options=state)
    gate = Gate(bed.folder)
    count = 100
    # A third of the output before the agent goes, a third while there is none, a third afterwards.
    command = "echo $1 begins; read go <gate; echo $1 goes on; exit $(($1 % 5))"
    specs = {
        f"p{number}": shell(command, number, stdout=capture("memory" if number % 2 else "tempfile"))
        for number in range(count)
    }
    specs["ended"] = shell("echo done; exit 7", stdout=capture())
    specs["failed"] = {"argv": ["/no/such/program"]}
    await bed.start_all(specs)
    await final(bed.server.processes["ended"])
    await killed(agent)
    gate.let(count // 2)
    agent = await bed.agent(options=state)
    await bed.registered(agent, times=2)
    gate.let(count - count // 2)

    async def collect(number: int) -> None:
        process = bed.server.processes[f"p{number}"]
        await process.request_result()
        result = await final(process)
        expect_equal(result.status.exit_code, number % 5, f"exit code of {number}")
        output = (await data(process)).data
        expect_equal(output, f"{number} begins\n{number} goes on\n".encode(), f"output of {number}")
        await process.delete()

    async with Limit("all results"):
        await asyncio.gather(*map(collect, range(count)))
    expect_equal(set(bed.server.processes), {"ended", "failed"}, "processes at the end")


@scenario
async def the_next_agent_has_as_much_room_as_the_one_that_was_killed(bed: Bed) -> None:
    state = {"--state-dir": str(bed.folder / "state")}
    # Of these 512 are left to the keeper and 128 to everything else.
    limited = bed.folder / "limited"
    limited.write_text(f'#!/bin/sh\nulimit -n 1100\nexec "{bed.program}" "$@"\n')
    limited.chmod(0o755)
    bed.program = limited
    agent = await bed.agent(options=state)
    gate = Gate(bed.folder)
    first = await bed.start_all({f"first{number}": shell("read go <gate") for number in range(250)})
    for process in first.values():
        expect_equal((await updated(process)).state, "running", "state")
    await killed(agent)
    agent = await bed.agent(options=state)
    await bed.registered(agent, times=2)
    second = await bed.start_all({f"second{number}": shell("read go <gate") for number in range(100)})
    gate.let(len(first) + len(second))
    for process in second.values():
        expect_equal((await final(process)).errors, [], "errors")
