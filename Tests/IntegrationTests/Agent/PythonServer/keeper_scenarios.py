"""Keepers that are killed: which runs are lost, and how that is told."""

import asyncio
import os
import signal

from agent import Agent
from bed import Bed, capture, data, final, run, scenario, shell
from children import keeper_of
from restart_scenarios import known_processes
from runs import Runs
from survival_scenarios import kill
from upgrade import Refused, upgrade
from waiting import Failed, Limit, eventually, expect, expect_equal


def state_of(bed: Bed) -> dict[str, str]:
    return {"--state-dir": str(bed.folder / "state")}


async def kill_the_keeper(bed: Bed, agent: Agent) -> None:
    """Returns when there is another one."""
    keeper = keeper_of(bed.folder / "state")
    os.kill(keeper, signal.SIGKILL)
    await agent.logged("the processes of a keeper that is gone")
    state = bed.folder / "state"
    await eventually("another keeper", lambda: keeper_of(state) not in (0, keeper))


async def started(runs: Runs) -> None:
    await runs.start()
    await eventually("a result of each", lambda: runs.results() == len(runs), seen=runs.results)


async def expect_at_work(bed: Bed) -> None:
    result = await run(bed, "afterwards", shell("exit 4"))
    expect_equal(result.status.exit_code, 4, "exit code of what was started afterwards")
    await bed.server.processes["afterwards"].delete()


@scenario
async def the_agent_that_started_a_killed_keeper_inherits_its_runs(bed: Bed) -> None:
    agent = await bed.agent(options=state_of(bed))
    runs = Runs(bed, range(200))
    await started(runs)
    # It stays the keeper's parent.
    await upgrade(bed.program, agent, bed.folder / "state")
    await kill_the_keeper(bed, agent)
    await bed.registered(agent, times=2)
    await expect_at_work(bed)
    # Another program in its place would know neither how they end nor what they have written.
    try:
        await upgrade(bed.program, agent, bed.folder / "state")
        raise Failed("it has been upgraded")
    except Refused as refusal:
        expect("processes without a keeper would be lost" in str(refusal), refusal)
    runs.let()
    await runs.finish()
    await upgrade(bed.program, agent, bed.folder / "state")
    await bed.registered(agent, times=3)
    await expect_at_work(bed)


@scenario
async def another_agent_states_the_runs_of_a_killed_keeper_as_lost(bed: Bed) -> None:
    agent = await bed.agent(options=state_of(bed))
    runs = Runs(bed, range(200))
    await started(runs)
    await kill(agent)
    agent = await bed.agent(options=state_of(bed))
    conn = await bed.registered(agent, times=2)
    await kill_the_keeper(bed, agent)
    await expect_at_work(bed)
    runs.let()

    async def expect_lost(process, halves: tuple[str, str]) -> None:
        result = await final(process)
        expect_equal((result.state, result.cause.type), ("error", "lost"), "state and cause")
        expect("the keeper that it was a child of was killed" in result.errors[0], result.errors)
        # It has written until its end, and the agent has read it.
        expect_equal((await data(process)).data.decode(), "".join(halves), "output")
        await process.delete()

    async with Limit("the end of all runs"):
        await asyncio.gather(*(expect_lost(*pair) for pair in zip(runs.processes, halves(runs))))
    expect_equal(await known_processes(bed, conn), set(), "processes at the end")


@scenario
async def what_a_killed_keeper_was_to_start_is_lost(bed: Bed) -> None:
    agent = await bed.agent(options=state_of(bed))
    (conn,) = bed.server.connections.values()
    os.kill(keeper_of(bed.folder / "state"), signal.SIGSTOP)
    runs = Runs(bed, range(20))
    await runs.start()
    expect_equal(len(await known_processes(bed, conn)), 20, "processes that are known")
    await kill_the_keeper(bed, agent)
    for process in runs.processes:
        result = await final(process)
        expect_equal((result.state, result.cause.type), ("error", "lost"), "state and cause")
        expect("killed when it was to start it" in result.errors[0], result.errors)
        await process.delete()
    await expect_at_work(bed)


def halves(runs: Runs) -> list[tuple[str, str]]:
    return [run.halves for run in runs.runs]


@scenario
async def an_agent_after_a_killed_agent_and_keeper_tells_what_is_lost(bed: Bed) -> None:
    agent = await bed.agent(options=state_of(bed))
    ended, _ = await bed.start("ended", shell("echo done; exit 7", stdout=capture()))
    await final(ended)
    runs = Runs(bed, range(200))
    await started(runs)
    # What stands on disk lags a tenth of a second; when it has these, it has the end that was before.
    await eventually("the ledger's copy", lambda: b"run-199" in ledger(bed))
    keeper = keeper_of(bed.folder / "state")
    await kill(agent)
    os.kill(keeper, signal.SIGKILL)
    agent = await bed.agent(options=state_of(bed))
    conn = await bed.registered(agent, times=2)
    for process in runs.processes:
        result = await final(process)
        expect_equal((result.state, result.cause.type), ("error", "lost"), "state and cause")
        expect("both the agent and the keeper were killed" in result.errors[0], result.errors)
        await process.delete()
    # How it ended was on record; what it wrote is gone.
    result = await final(ended)
    expect_equal((result.state, result.status.exit_code), ("terminated", 7), "state and exit code")
    expect_equal(result.fds.stdout.type, "error", "output")
    await ended.delete()
    await expect_at_work(bed)
    expect_equal(await known_processes(bed, conn), set(), "processes at the end")


def ledger(bed: Bed) -> bytes:
    return (bed.folder / "state" / "ledger").read_bytes()
