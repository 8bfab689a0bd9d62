"""Agents that are killed, and what the next one knows."""

import asyncio
import random
import signal

from agent import Agent
from bed import Bed, final, scenario, shell
from fault_scenarios import trial_under_load
from package import proto
from restart_scenarios import known_processes
from runs import Runs
from waiting import eventually, expect, expect_equal


async def kill(agent: Agent) -> None:
    agent.signal(signal.SIGKILL)
    await agent.process.wait()


@scenario
async def the_runs_of_a_killed_agent_are_all_there_in_the_next(bed: Bed) -> None:
    state = {"--state-dir": str(bed.folder / "state")}
    agent = await bed.agent(options=state)
    (conn,) = bed.server.connections.values()
    runs = Runs(bed, range(1000))
    await runs.start()
    ended, _ = await bed.start("ended", shell("exit 7"))
    failed, _ = await bed.start("failed", {"argv": ["/no/such/program"]})
    await final(ended)
    await final(failed)
    await eventually("a result of each", lambda: runs.results() == len(runs), seen=runs.results)
    await kill(agent)
    # Half of them end while there is no agent.
    runs.let(len(runs) // 2)
    agent = await bed.agent(options=state)
    await bed.registered(agent, times=2)
    expect_equal([*bed.server.connections.values()], [conn], "connections, as the server sees them")
    runs.let(len(runs) - len(runs) // 2)
    await runs.finish()
    # The package has asked for them when the agent was back.
    expect_equal((await final(ended)).status.exit_code, 7, "exit code")
    expect_equal((await final(failed)).state, "error", "state of what could not be started")
    expect_equal(await known_processes(bed, conn), {"ended", "failed"}, "processes at the end")


@scenario
async def an_agent_that_is_killed_at_random_moments_loses_nothing(bed: Bed) -> None:
    """Found by its connection id. The seed chooses the order, and after how many messages."""
    source = random.Random(7)
    moments = [while_starting, while_they_write, while_they_end, while_asked, while_shutting_down]
    source.shuffle(moments)
    agent = await bed.agent()
    (conn,) = bed.server.connections.values()
    for round, moment in enumerate(moments):
        runs = Runs(bed, range(200 * round, 200 * round + 200))
        await moment(bed, agent, runs, source.randrange(len(runs)))
        await kill(agent)
        agent = await bed.agent()
        await bed.registered(agent, times=round + 2)
        if not await known_processes(bed, conn):
            # Killed before it had read the request.
            await runs.start()
        runs.let()
        await runs.finish(may_be_signalled=moment is while_shutting_down)
        expect_equal(await known_processes(bed, conn), set(), "processes that are left")


async def while_starting(bed: Bed, agent: Agent, runs: Runs, count: int) -> None:
    await runs.start()
    await eventually("first results", lambda: runs.results() >= count, seen=runs.results)


async def all_started(runs: Runs) -> None:
    await while_starting(runs.bed, None, runs, len(runs))


async def while_they_write(bed: Bed, agent: Agent, runs: Runs, count: int) -> None:
    await all_started(runs)
    runs.let(count)
    await asyncio.sleep(0.03 * count / len(runs))


async def while_they_end(bed: Bed, agent: Agent, runs: Runs, count: int) -> None:
    await all_started(runs)
    runs.let()
    results = lambda: runs.results(final=True)  # noqa: E731
    await eventually("final results", lambda: results() >= count, seen=results)


async def while_asked(bed: Bed, agent: Agent, runs: Runs, count: int) -> None:
    await all_started(runs)
    bed.received.clear()
    for process in runs.processes:
        await process.request_fd_data("stdout")
    await eventually("output", lambda: answers(bed) >= count, seen=lambda: answers(bed))


def answers(bed: Bed) -> int:
    return sum(isinstance(msg, proto.ProcFdData) for _, msg in bed.received)


async def while_shutting_down(bed: Bed, agent: Agent, runs: Runs, count: int) -> None:
    await all_started(runs)
    agent.signal(signal.SIGTERM)
    results = lambda: runs.results(final=True)  # noqa: E731
    await eventually("final results", lambda: results() >= count, seen=results)


@scenario
async def agents_that_are_killed_under_load_lose_nothing(bed: Bed) -> None:
    trial = await trial_under_load(bed)
    source = random.Random(3)
    for _ in range(6):
        # A random moment of the load, not a time in which something has to be done.
        await asyncio.sleep(source.uniform(0, 0.5))
        await trial.kill_agent()
        await asyncio.sleep(source.uniform(0, 0.2))
        await trial.start_agent()
        await trial.progress(source.randint(0, 5))
    await trial.finish()
    # Seldom there were none at that moment.
    times = len(trial.agent.lines("took over"))
    expect(times >= 3, f"processes were taken over {times} times")
