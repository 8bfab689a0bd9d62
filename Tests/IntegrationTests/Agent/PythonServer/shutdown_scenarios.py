"""The agent's end, as the package's server sees it."""

import signal
from typing import Any

from bed import Bed, capture, data, final, go_on, scenario, shell, updated
from package import AgentMessageError, NoOpenConnectionInGroup, proto
from waiting import Failed, eventually, expect, expect_equal


def states(bed: Bed) -> list[str]:
    return [msg.shutdown_state.name for _, msg in bed.received if isinstance(msg, proto.ShutDown)]


async def expect_states(bed: Bed, *wanted: str) -> None:
    await eventually(
        f"shutdown states {wanted}", lambda: states(bed) == [*wanted], seen=lambda: states(bed)
    )


async def expect_clean_end(bed: Bed, conn: Any) -> None:
    """The package forgets an agent that has said that it is done, and closed with 1000."""
    await eventually("the end of the connection", lambda: not conn.open)
    await eventually("forgetting the agent", lambda: not bed.server.connections)
    expect_equal(conn.ws.close_code, 1000, "close code")


@scenario
async def an_idle_agent_ends_at_once_when_it_is_drained(bed: Bed) -> None:
    agent = await bed.agent()
    (conn,) = bed.server.connections.values()
    agent.signal(signal.SIGUSR1)
    await agent.exited()
    await expect_clean_end(bed, conn)
    expect_equal(states(bed)[-1], "done", "the last state")


@scenario
async def a_drained_agent_serves_until_its_last_process_is_deleted(bed: Bed) -> None:
    agent = await bed.agent()
    (conn,) = bed.server.connections.values()
    process, _ = await bed.start("one", shell("read go; echo end", stdout=capture()))
    lasting, _ = await bed.start("two", {"argv": ["/bin/sleep", "60"], "fds": []})
    agent.signal(signal.SIGUSR1)
    await expect_states(bed, "idling")
    expect_equal(conn.shutdown_state, proto.ShutdownState.idling, "state of the connection")

    # The package itself doesn't choose it any more; who insists is refused.
    try:
        await bed.server.request_start("three", shell("true"))
        raise Failed("the package chose an agent that is idling")
    except NoOpenConnectionInGroup:
        pass
    await conn.send(proto.ProcStartRequest(specs={"three": shell("true")}))
    refused = bed.server.processes.create(conn, "three")
    try:
        raise Failed(f"{await updated(refused)} of a process that was to be refused")
    except AgentMessageError as error:
        expect_equal(error.err, "agent shutting down: idling", "error")
        go_on(refused)

    await final(process)
    expect_equal((await data(process)).data, b"end\n", "output")
    await process.delete()
    await lasting.send_signal(int(signal.SIGTERM))
    await final(lasting)
    expect(agent.process.returncode is None, "it has ended before the last process was deleted")
    await lasting.delete()
    await agent.exited()
    await expect_states(bed, "idling", "done")
    await expect_clean_end(bed, conn)


@scenario
async def a_terminated_agent_delivers_results_and_output_before_it_ends(bed: Bed) -> None:
    agent = await bed.agent()
    (conn,) = bed.server.connections.values()
    trap = "trap 'echo ended; exit 5' TERM; echo begun; while :; do sleep 0.02; done"
    process, _ = await bed.start("one", shell(trap, stdout=capture()))
    while (await data(process)).data != b"begun\n":
        pass
    sleeper, _ = await bed.start("two", {"argv": ["/bin/sleep", "60"], "fds": []})
    agent.signal(signal.SIGTERM)
    await expect_states(bed, "idling")
    expect_equal((await final(process)).status.exit_code, 5, "exit code")
    expect_equal((await data(process)).data, b"begun\nended\n", "output")
    expect_equal((await final(sleeper)).status.signal, "SIGTERM", "signal")
    await process.delete()
    await sleeper.delete()
    # Nothing is left to be deleted, so it doesn't wait any longer.
    await agent.exited(within=4)
    await expect_states(bed, "idling", "done")
    await expect_clean_end(bed, conn)


@scenario
async def a_killed_agents_processes_are_killed_and_told(bed: Bed) -> None:
    agent = await bed.agent()
    (conn,) = bed.server.connections.values()
    process, _ = await bed.start("one", shell("trap '' TERM; sleep 60", stdout=capture()))
    agent.signal(signal.SIGQUIT)
    expect_equal((await final(process)).status.signal, "SIGKILL", "signal")
    await process.delete()
    await agent.exited(within=4)
    expect_equal(states(bed)[-1], "done", "the last state")
    await expect_clean_end(bed, conn)


@scenario
async def a_second_sigterm_kills_at_once(bed: Bed) -> None:
    agent = await bed.agent()
    process, _ = await bed.start("one", shell("trap '' TERM; echo set; sleep 60", stdout=capture()))
    while not (await data(process)).data:
        pass
    agent.signal(signal.SIGTERM)
    await expect_states(bed, "idling")
    agent.signal(signal.SIGTERM)
    expect_equal((await final(process)).status.signal, "SIGKILL", "signal")
    await process.delete()
    await agent.exited(within=4)


@scenario
async def an_agent_without_a_server_ends_when_it_is_told_to(bed: Bed) -> None:
    agent = await bed.agent()
    await bed.start("one", {"argv": ["/bin/sleep", "60"], "fds": []})
    await bed.stop_serving()
    agent.signal(signal.SIGTERM)
    # Nobody can delete the process: 5 s for that, as documented, and no longer.
    await agent.exited(within=8)


@scenario
async def an_agent_that_waits_ends_when_its_work_has_been_deleted(bed: Bed) -> None:
    agent = await bed.agent(options={"--wait-timeout": "30"}, flags=["--wait"])
    (conn,) = bed.server.connections.values()
    process, _ = await bed.start("one", shell("exit 1"))
    await final(process)
    await process.delete()
    await agent.exited()
    await expect_clean_end(bed, conn)


@scenario
async def an_agent_that_waits_in_vain_ends_after_its_timeout(bed: Bed) -> None:
    agent = await bed.agent(options={"--wait-timeout": "0.3"}, flags=["--wait"])
    await agent.exited()
