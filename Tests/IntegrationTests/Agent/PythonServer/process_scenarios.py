"""Registration, starting, signals, deletion: what any scheduler does on a good day."""

import os
import pwd
import signal
import socket
from pathlib import Path

from bed import Bed, capture, final, go_on, run, scenario, shell, updated
from children import children_of
from package import AgentMessageError, Process, ProcessUnknownError, proto
from waiting import Failed, eventually, expect, expect_equal

SLEEP = {"argv": ["/bin/sleep", "60"], "fds": []}


@scenario
async def an_agent_registers_in_its_group_and_tells_who_it_is(bed: Bed) -> None:
    options = {"--restrict-exe": "/bin/sh"}
    agent = await bed.agent(group="builders", conn_id="the-id", options=options)
    conn = bed.server.connections["the-id"]
    expect_equal(bed.server.connections.groups, {"builders": {"the-id"}}, "groups")
    expect_equal(
        conn.info.conn.to_jso(),
        {"conn_id": "the-id", "group_id": "builders", "restricted_exe": "/bin/sh"},
        "conn",
    )
    user = pwd.getpwuid(os.getuid())
    wanted = {
        "pid": agent.pid,
        "ppid": os.getpid(),
        "uid": os.getuid(),
        "euid": os.geteuid(),
        "username": user.pw_name,
        "gid": os.getgid(),
        "egid": os.getegid(),
        "hostname": socket.gethostname(),
    }
    seen = conn.info.proc.to_jso()
    expect_equal({key: seen[key] for key in wanted}, wanted, "proc")
    expect_equal(conn.shutdown_state, proto.ShutdownState.active, "shutdown state")


@scenario
async def a_process_gives_two_results(bed: Bed) -> None:
    await bed.agent()
    spec = shell("echo hello; exit 3", stdout=capture(attached=True))
    process, first = await bed.start("one", spec)
    expect_equal(first.state, "running", "first state")
    expect(first.pid > 0, f"pid {first.pid}")
    last = await final(process)
    expect_equal((last.state, last.status.exit_code), ("terminated", 3), "the final result")
    expect_equal(last.fds.stdout.data, "aGVsbG8K", "output in base64")
    # What is asked for now comes behind whatever was sent by itself.
    await process.request_result()
    await updated(process, "the result that was asked for")
    expect_equal(
        [res["state"] for res in bed.results("one")],
        ["running", "terminated", "terminated"],
        "all results",
    )


@scenario
async def a_process_that_cannot_start_gives_two_results(bed: Bed) -> None:
    await bed.agent()
    spec = {"argv": ["/no/such/program"], "fds": [["stdout", capture("tempfile")]]}
    process, first = await bed.start("broken", spec)
    last = await final(process)
    for result in (first, last):
        expect_equal(result.state, "error", "state")
        expect_equal(result.pid, None, "pid")
        # Apsis reads both, whatever the state.
        expect_equal(result.status.exit_code, 63, "exit code")
        expect_equal(result.fds.stdout.length, 0, "length of the output")
        text = "execve failed: /no/such/program: No such file or directory"
        expect_equal(result.errors, [text], "errors")


@scenario
async def a_file_that_cannot_be_opened_is_an_error_of_its_process_alone(bed: Bed) -> None:
    await bed.agent()
    bad = {"file": {"path": "/no/such/folder/file", "flags": "Default", "mode": 0o666}}
    processes = await bed.start_all(
        {"bad": shell("true", stdout=bad), "good": shell("echo good", stdout=capture())}
    )
    result = await final(processes["bad"])
    text = "failed to set up fd 1: No such file or directory"
    expect(any(text in error for error in result.errors), f"errors {result.errors}")
    expect_equal((await final(processes["good"])).status.exit_code, 0, "exit code of the other one")


@scenario
async def two_hundred_processes_start_at_once(bed: Bed) -> None:
    await bed.agent()
    specs = {
        f"p{number}": shell("echo $1; exit $2", number, number % 7, stdout=capture(attached=True))
        for number in range(200)
    }
    specs["p100"] = {"argv": ["/no/such/program"], "fds": []}
    processes = await bed.start_all(specs)
    for number, process in enumerate(processes.values()):
        result = await final(process)
        wanted = ("error", 63) if number == 100 else ("terminated", number % 7)
        expect_equal((result.state, result.status.exit_code), wanted, process.proc_id)
    for proc_id in specs:
        expect_equal(len(bed.results(proc_id)), 2, f"number of results of {proc_id}")


@scenario
async def pipes_connect_processes_of_one_request(bed: Bed) -> None:
    await bed.agent()
    source = {"argv": ["/usr/bin/seq", "100000"], "fds": [["stdout", "pipe-write"]]}
    end = {"pipe-read": {"proc_id": "source", "fd": "stdout"}}
    counting = shell("wc -l", stdin=end, stdout=capture(attached=True, encoding="utf-8"))
    processes = await bed.start_all({"source": source, "count": counting})
    expect_equal((await final(processes["source"])).status.exit_code, 0, "exit code of the source")
    expect_equal((await final(processes["count"])).fds.stdout.text, "100000\n", "output")


@scenario
async def signals_arrive_and_are_seen_in_the_result(bed: Bed) -> None:
    await bed.agent()
    for signum in (signal.SIGTERM, signal.SIGKILL, signal.SIGUSR1):
        process, _ = await bed.start(signum.name, SLEEP)
        await process.send_signal(int(signum))
        status = (await final(process)).status
        expect_equal(
            (status.signum, status.signal, status.exit_code), (signum, signum.name, None), "status"
        )


@scenario
async def a_signal_that_a_process_catches_does_not_end_it(bed: Bed) -> None:
    await bed.agent()
    trap = "trap 'exit 9' USR2; echo > ready; while :; do sleep 0.02; done"
    process, _ = await bed.start("trap", shell(trap))
    # The shell runs where the agent does.
    await eventually("the trap", (bed.folder / "ready").exists)
    await process.send_signal(int(signal.SIGUSR2))
    expect_equal((await final(process)).status.exit_code, 9, "exit code")


@scenario
async def a_signal_to_a_process_that_has_ended_is_an_error(bed: Bed) -> None:
    await bed.agent()
    process, _ = await bed.start("short", shell("true"))
    await final(process)
    await process.send_signal(int(signal.SIGTERM))
    await expect_refusal(process, "no process")


async def expect_refusal(process: Process, text: str) -> None:
    """The package gives the error to the process that the request was about."""
    try:
        update = await updated(process, "a refusal")
    except AgentMessageError as error:
        expect_equal(error.err, text, "error")
        go_on(process)
    else:
        raise Failed(f"{update} instead of the error {text!r}")


@scenario
async def a_process_is_deleted_once_it_has_ended(bed: Bed) -> None:
    await bed.agent()
    process, _ = await bed.start("one", SLEEP)
    await process.request_delete()
    await expect_refusal(process, "process running: one")
    await process.send_signal(int(signal.SIGKILL))
    await final(process)
    await process.delete()
    expect_equal(dict(bed.server.processes), {}, "processes of the server")
    # The id is free again.
    expect_equal((await run(bed, "one", shell("exit 4"))).status.exit_code, 4, "exit code")


@scenario
async def an_unknown_process_is_told_as_unknown(bed: Bed) -> None:
    await bed.agent()
    (conn,) = bed.server.connections.values()
    for request in ("request_result", "request_delete", "request_fd_data", "send_signal"):
        words = {"request_fd_data": ["stdout"], "send_signal": [15]}.get(request, [])
        process = bed.server.processes.create(conn, "nobody")
        await getattr(process, request)(*words)
        try:
            update = await updated(process)
        except ProcessUnknownError:
            continue
        raise Failed(f"{request}: {update} instead of an error")


@scenario
async def a_duplicate_id_refuses_the_whole_request(bed: Bed) -> None:
    await bed.agent()
    (conn,) = bed.server.connections.values()
    taken, first = await bed.start("taken", SLEEP)
    touching = shell("touch started")
    await conn.send(proto.ProcStartRequest(specs={"taken": touching, "new": touching}))
    new = bed.server.processes.create(conn, "new")
    await expect_refusal(new, "duplicate proc id: taken")
    await expect_refusal(taken, "duplicate proc id: taken")
    await taken.request_result()
    result = await updated(taken)
    expect_equal((result.state, result.pid), ("running", first.pid), "the one that has the id")
    await new.request_result()
    try:
        raise Failed(f"{await updated(new)} of a process that was refused")
    except ProcessUnknownError:
        pass
    expect(not (bed.folder / "started").exists(), "a process of the request has run")


@scenario
async def an_unknown_key_in_a_spec_is_refused_by_name(bed: Bed) -> None:
    await bed.agent()
    (conn,) = bed.server.connections.values()
    await conn.send(proto.ProcStartRequest(specs={"odd": SLEEP | {"prioritee": 3}}))
    process = bed.server.processes.create(conn, "odd")
    try:
        raise Failed(f"{await updated(process)} of a process that was to be refused")
    except AgentMessageError as error:
        expect("prioritee" in error.err, f"error {error.err!r}")
    expect(conn.open, "the connection was closed")


@scenario
async def two_agents_of_a_group_have_their_own_processes(bed: Bed) -> None:
    agents = {name: await bed.agent(conn_id=name, group="pair") for name in ("left", "right")}
    expect_equal(bed.server.connections.groups, {"pair": {"left", "right"}}, "groups")
    seen: dict[str, str] = {}
    for number in range(40):
        process, result = await bed.start(f"p{number}", SLEEP, group_id="pair")
        seen[process.proc_id] = process.conn_id
        parent = Path(f"/proc/{result.pid}/stat").read_text().rsplit(")", 1)[1].split()[1]
        expect_equal([int(parent)], children_of(agents[process.conn_id].pid), "the parent's pid")
    expect_equal(set(seen.values()), {"left", "right"}, "agents that were chosen")
    for name in agents:
        await bed.server.connections[name].send(proto.ProcidListRequest())

    def lists() -> dict[str, set[str]]:
        return {
            conn: set(msg.proc_ids)
            for conn, msg in bed.received
            if isinstance(msg, proto.ProcidList)
        }

    await eventually("both lists", lambda: len(lists()) == 2)
    for name in agents:
        wanted = {proc_id for proc_id, conn_id in seen.items() if conn_id == name}
        expect_equal(lists()[name], wanted, f"processes of {name}")


@scenario
async def children_do_not_see_the_agents_secrets(bed: Bed) -> None:
    agent = await bed.agent(token="a token of the tests")
    spec = shell("env", stdout=capture(attached=True, encoding="utf-8"))
    text = (await run(bed, "env", spec)).fds.stdout.text
    expect("PROCSTAR_AGENT_TOKEN" not in text and "PROCSTAR_AGENT_CERT" not in text, text)
    for file in ("environ", "cmdline"):
        seen = Path(f"/proc/{agent.pid}/{file}").read_bytes()
        expect(b"a token of the tests" not in seen, f"the token is in the agent's {file}")
    expect("a token of the tests" not in agent.log(), "the token is in the log")
