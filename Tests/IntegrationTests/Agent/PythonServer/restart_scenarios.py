"""A server that goes away and comes back: what ran meanwhile is all there."""

import asyncio
import signal

from bed import Bed, Gate, capture, data, final, scenario, shell, updated
from package import Connection, Process, ProcessUnknownError, Result, proto
from relay import Behaviour, Relay
from waiting import Failed, Limit, eventually, expect, expect_equal


@scenario
async def a_restarted_server_gets_all_of_a_thousand_processes(bed: Bed) -> None:
    agent = await bed.agent()
    gate = Gate(bed.folder)
    count = 1000
    # Half of the output before the server goes, half while it is away.
    command = "echo $1 begins; read go <gate; echo $1 ends; exit $(($1 % 5))"
    specs = {
        f"p{number}": shell(command, number, stdout=capture("memory" if number % 2 else "tempfile"))
        for number in range(count)
    }
    for proc_id, spec in specs.items():
        await bed.server.request_start(proc_id, spec)
    await eventually(
        "a first result of each",
        lambda: sum(isinstance(msg, proto.ProcResult) for _, msg in bed.received) == count,
        seen=lambda: len(bed.received),
    )

    await bed.stop_serving()
    bed.received.clear()
    gate.let(count)
    await bed.serve()
    conn = await bed.registered(agent)
    # What the agent said when it registered; no list was asked for.
    expect_equal(set(bed.server.processes), set(specs), "processes known at registration")
    expect_equal(conn.conn_id, "agent-1", "connection")

    async def collect(number: int) -> None:
        process = bed.server.processes[f"p{number}"]
        await process.request_result()
        result = await final(process)
        expect_equal(result.status.exit_code, number % 5, f"exit code of {number}")
        output = (await data(process)).data
        expect_equal(output, f"{number} begins\n{number} ends\n".encode(), f"output of {number}")
        await process.delete()

    async with Limit("all results"):
        await asyncio.gather(*map(collect, range(count)))
    expect_equal(await known_processes(bed, conn), set(), "processes at the end")


@scenario
async def a_reconnected_server_goes_on_where_it_was(bed: Bed) -> None:
    """The connection alone breaks: the package asks for each result by itself."""
    agent = await bed.agent()
    gate = Gate(bed.folder)
    spec = shell("echo 1; read go <gate; echo 2; exit 3", stdout=capture())
    process, _ = await bed.start("one", spec)
    while (await data(process)).data != b"1\n":
        pass
    conn = bed.server.connections["agent-1"]
    conn.ws.transport.abort()
    gate.let()
    await bed.registered(agent, times=2)
    result = await final(process)
    expect_equal(result.status.exit_code, 3, "exit code")
    expect_equal((await data(process, "stdout", 2)).data, b"2\n", "output from where it was")
    expect_equal(agent.lines("panic|fatal"), [], "the log")


@scenario
async def results_from_without_a_connection_are_not_sent_unasked(bed: Bed) -> None:
    agent = await bed.agent()
    gate = Gate(bed.folder)
    await bed.start("one", shell("read go <gate; touch ended"))
    await bed.stop_serving()
    bed.received.clear()
    gate.let()
    await eventually("the end of the process", (bed.folder / "ended").exists)
    await bed.serve()
    await bed.registered(agent)
    # This server has never heard of the process, so it asks for nothing by itself. Had a result
    # been sent unasked, it would be here before this answer.
    conn = bed.server.connections["agent-1"]
    await conn.send(proto.ProcidListRequest())
    await eventually("an answer", lambda: bed.received)
    expect(isinstance(bed.received[0][1], proto.ProcidList), f"{bed.received[0][1]} came first")
    process = bed.server.processes["one"]
    await process.request_result()
    result = await updated(process)
    expect(isinstance(result, Result) and result.state != "running", f"{result}")


@scenario
async def a_start_request_that_was_never_read_has_not_happened(bed: Bed) -> None:
    relay = await Relay.start(bed.port)
    agent = await bed.agent(port=relay.port)
    # The server writes it into a connection of which nothing reaches the agent any more.
    relay.behaviour = Behaviour(stalls=True)
    process = await bed.server.request_start("lost", shell("echo >>runs"))
    relay.cut()
    relay.behaviour = Behaviour()
    conn = await bed.registered(agent, times=2)
    await expect_unknown(process)
    expect_equal(await known_processes(bed, conn), set(), "processes that the agent knows")
    expect(not (bed.folder / "runs").exists(), "it has run, and the agent doesn't know it")
    process, _ = await bed.start("lost", shell("echo >>runs"))
    await final(process)
    expect_equal((bed.folder / "runs").read_text(), "\n", "a line for each time it ran")


@scenario
async def a_start_request_on_a_dying_connection_happens_wholly_or_not_at_all(bed: Bed) -> None:
    agent = await bed.agent()
    conn = bed.server.connections["agent-1"]
    # Request and end of the connection are there together when the agent looks again.
    agent.signal(signal.SIGSTOP)
    names = [f"p{number}" for number in range(50)]
    specs = {name: shell("echo >>$1", name) for name in names}
    processes = await bed.start_all(specs)
    conn.ws.transport.abort()
    agent.signal(signal.SIGCONT)
    await bed.registered(agent, times=2)
    known = await known_processes(bed, conn)
    expect(known in (set(), set(specs)), f"{len(known)} of the 50 are known")
    for name, process in processes.items():
        if known:
            expect_equal((await final(process)).status.exit_code, 0, "exit code")
        else:
            await expect_unknown(process)
    runs = sum((bed.folder / name).exists() for name in names)
    expect_equal(runs, len(known), "processes that have run")


async def expect_unknown(process: Process) -> None:
    try:
        update = await updated(process)
    except ProcessUnknownError:
        return
    raise Failed(f"{update} of a process that the agent doesn't know")


async def known_processes(bed: Bed, conn: Connection) -> set[str]:
    bed.received.clear()
    await conn.send(proto.ProcidListRequest())
    lists = await eventually(
        "a list", lambda: [msg for _, msg in bed.received if isinstance(msg, proto.ProcidList)]
    )
    return set(lists[0].proc_ids)
