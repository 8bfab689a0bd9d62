"""Faults under load. After each: every job accounted for, every byte right, nothing run twice."""

import asyncio
import random
import shutil
import signal
import subprocess
from asyncio.subprocess import DEVNULL

from bed import Bed, capture, data, final, scenario, shell
from jobs import NOISE
from package import WebSocketNotOpen
from relay import Behaviour, Relay
from restart_scenarios import expect_unknown, known_processes
from trial import Trial
from waiting import Limit, eventually, expect, expect_equal


async def trial_under_load(bed: Bed, seed: int = 1, **wishes) -> Trial:
    trial = Trial(bed.program, bed.folder, seed=seed)
    await trial.start(**wishes)
    return trial


@scenario
async def servers_that_are_killed_under_load_lose_nothing(bed: Bed) -> None:
    trial = await trial_under_load(bed)
    source = random.Random(4)
    for _ in range(4):
        # A random moment of the load, not a time in which something has to be done.
        await asyncio.sleep(source.uniform(0, 0.5))
        await trial.kill_load()
        await asyncio.sleep(source.uniform(0, 0.3))
        await trial.start_load()
        await trial.progress(source.randint(0, 5))
    await trial.finish()
    # A server may have been killed before the agent was back.
    expect(trial.losses(), "the agent has lost no connection")


@scenario
async def a_stopped_server_is_given_up_and_nothing_is_lost(bed: Bed) -> None:
    trial = await trial_under_load(bed, options={"--agent-read-timeout": "2"})
    trial.signal_load(signal.SIGSTOP)
    await eventually("the loss", trial.losses, seen=trial.agent.log)
    trial.signal_load(signal.SIGCONT)
    await trial.progress()
    await trial.finish()


@scenario
async def a_quiet_server_is_not_given_up(bed: Bed) -> None:
    """Longer than the read timeout there is nothing to say, and the pings are answered."""
    agent = await bed.agent(options={"--agent-read-timeout": "1"})
    process, _ = await bed.start("one", shell("sleep 3"))
    await final(process)
    expect_equal(agent.lines("connection lost"), [], "connections that were lost")


@scenario
async def a_port_that_is_closed_for_a_while_loses_nothing(bed: Bed) -> None:
    trial = await trial_under_load(bed, options={"--log-level": "debug"})
    trial.relay.close()
    refused = await trial.agent.logged("Connection refused")
    attempts = len(trial.agent.lines("dialling"))
    await eventually("attempts", lambda: len(trial.agent.lines("dialling")) >= attempts + 5)
    expect_equal(trial.agent.lines("Connection refused"), [refused], "lines that say so")
    await trial.relay.open()
    await trial.progress()
    await trial.finish()


@scenario
async def a_slow_way_is_no_fault(bed: Bed) -> None:
    trial = await trial_under_load(bed)
    trial.relay.behaviour = Behaviour(delay=0.1)
    await trial.progress()
    trial.relay.behaviour = Behaviour()
    await trial.finish()
    expect_equal(trial.losses(), [], "connections that were lost")


@scenario
async def a_stream_in_tiny_pieces_is_no_fault(bed: Bed) -> None:
    trial = await trial_under_load(bed)
    trial.relay.behaviour = Behaviour(piece=7)
    await trial.progress(1)
    trial.relay.behaviour = Behaviour(piece=1200)
    await trial.progress()
    trial.relay.behaviour = Behaviour()
    await trial.finish()
    expect_equal(trial.losses(), [], "connections that were lost")


@scenario
async def streams_that_are_truncated_lose_nothing(bed: Bed) -> None:
    trial = await trial_under_load(bed)
    source = random.Random(8)
    for _ in range(8):
        behaviour = Behaviour(breaks_after=source.randrange(100, 200_000))
        trial.relay.behaviour = behaviour
        await eventually("the break", lambda: behaviour.breaks_after < 0)
        trial.relay.behaviour = Behaviour()
        await trial.progress(1)
    await trial.finish()
    expect(len(trial.losses()) >= 5, f"the agent has lost {len(trial.losses())} connections")


@scenario
async def a_way_that_stalls_is_given_up_and_nothing_is_lost(bed: Bed) -> None:
    trial = await trial_under_load(bed, options={"--agent-read-timeout": "2"})
    trial.relay.behaviour = Behaviour(stalls=True)
    await eventually("the loss", trial.losses, seen=trial.agent.log)
    trial.relay.behaviour = Behaviour()
    await trial.progress()
    await trial.finish()


@scenario
async def output_cut_inside_a_frame_arrives_whole_afterwards(bed: Bed) -> None:
    relay = await Relay.start(bed.port)
    agent = await bed.agent(port=relay.port)
    size = 5_000_000
    process, _ = await bed.start("noise", shell(NOISE, size, 7, stdout=capture("tempfile")))
    await final(process)
    source = random.Random(9)
    for times in range(2, 6):
        cut = source.randrange(10_000, size)
        relay.behaviour = behaviour = Behaviour(breaks_after=cut)
        await process.request_fd_data("stdout")
        await eventually("the cut", lambda: behaviour.breaks_after < 0)
        relay.behaviour = Behaviour()
        await bed.registered(agent, times)
        # The package's own question of what has become of it.
        await final(process)
    whole = await data(process)
    wanted = subprocess.run(
        ["/bin/sh", "-c", NOISE, "sh", str(size), "7"], stdout=subprocess.PIPE, check=True
    ).stdout
    expect(whole.data == wanted, "the output isn't what was written")


@scenario
async def a_start_request_cut_inside_a_frame_starts_nothing(bed: Bed) -> None:
    relay = await Relay.start(bed.port)
    agent = await bed.agent(port=relay.port)
    conn = bed.server.connections["agent-1"]
    # About a megabyte that doesn't shrink when it is compressed.
    ballast = random.Random(2)
    specs = {
        f"p{number}": shell("echo >>$1", f"p{number}", ballast.randbytes(5000).hex())
        for number in range(100)
    }
    relay.behaviour = behaviour = Behaviour(breaks_after=300_000)
    try:
        processes = await bed.start_all(specs)
    except WebSocketNotOpen:
        # It was cut while it was sent.
        processes = {}
    await eventually("the cut", lambda: behaviour.breaks_after < 0)
    relay.behaviour = Behaviour()
    await bed.registered(agent, times=2)
    expect_equal(await known_processes(bed, conn), set(), "processes that the agent knows")
    expect(not list(bed.folder.glob("p[0-9]*")), "something of a request has run that was cut")
    for process in processes.values():
        await expect_unknown(process)
    for process in (await bed.start_all(specs)).values():
        expect_equal((await final(process)).status.exit_code, 0, "exit code")


@scenario
async def a_busy_machine_is_no_reason_to_lose_the_connection(bed: Bed) -> None:
    trial = await trial_under_load(bed, options={"--agent-read-timeout": "6"})
    scratch = bed.folder / "stress"
    scratch.mkdir()
    words = "--cpu 2 --vm 1 --vm-bytes 200M --hdd 1 --hdd-bytes 64M --timeout 6s --quiet"
    stress = await asyncio.create_subprocess_exec(
        "stress-ng", *words.split(), "--temp-path", scratch, stdout=DEVNULL
    )
    await trial.progress(10)
    async with Limit("the end of the stress", 20):
        expect_equal(await stress.wait(), 0, "status of stress-ng")
    shutil.rmtree(scratch)
    await trial.finish()
    expect_equal(trial.losses(), [], "connections that were lost")
