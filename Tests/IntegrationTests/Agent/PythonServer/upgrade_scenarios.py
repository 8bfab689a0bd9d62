"""Agents that are replaced by a newer version of themselves."""

import asyncio
from statistics import median

from bed import Bed, Gate, capture, final, scenario, shell
from fault_scenarios import trial_under_load
from upgrade import upgrade
from waiting import expect, expect_equal

# From the command to the registration of the new program, in seconds, at most.
PATIENCE = 10


@scenario
async def a_hundred_upgrades_under_load_disturb_no_run(bed: Bed) -> None:
    trial = await trial_under_load(bed)
    for number in range(100):
        await trial.upgrade()
        # Whoever waits for this sees that it goes on.
        print(f"upgrade {number + 1}", flush=True)
    times = trial.upgrades
    jobs = await trial.finish()
    typical, most = (f"{seconds * 1000:.0f} ms" for seconds in (median(times), max(times)))
    print(f"registered after {typical}, {most} at most; {jobs} jobs")
    expect(max(times) < PATIENCE, f"an upgrade has taken {max(times):.2f} s")
    # An upgrade ends the connection, and nothing else has.
    expect_equal(len(trial.agent.lines("registered")), 101, "registrations")


@scenario
async def what_upgrades_take_over_counts_once_among_the_descriptors(bed: Bed) -> None:
    """A process needs up to six here; 2,048 are enough for all, with what is kept in reserve."""
    state = {"--state-dir": str(bed.folder / "state")}
    agent = await bed.agent(options=state, most_files=2048)
    gate = Gate(bed.folder)
    count = 100
    spec = shell("read go <gate", stdout=capture(), stderr=capture("tempfile"))
    specs = [{f"{part}{number}": spec for number in range(count)} for part in ("old", "new")]
    processes = await bed.start_all(specs[0])
    for times in range(2, 5):
        await upgrade(bed.program, agent, bed.folder / "state")
        await bed.registered(agent, times)
    processes |= await bed.start_all(specs[1])
    gate.let(2 * count)
    ends = await asyncio.gather(*map(final, processes.values()))
    errors = {error for result in ends for error in result.errors}
    expect_equal(errors, set(), "errors")
