"""Random faults under continuous load: soak.py SECONDS SEED AGENT FOLDER

What script/soak runs. FOLDER is emptied first; what is in it afterwards shows what has happened.
"""

import asyncio
import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

from children import adopt_orphans, end_all
from package import log_to
from relay import Behaviour
from trial import Trial
from waiting import Failed, Limit, eventually, expect

READ_TIMEOUT = 2
# What memory may remain with the agent, in bytes, when it has nothing to do any more.
GROWTH = 16 << 20

Fault = Callable[[Trial, random.Random], Awaitable[None]]


async def kill_the_scheduler(trial: Trial, source: random.Random) -> None:
    await trial.kill_load()
    await asyncio.sleep(source.uniform(0, 1))
    await trial.start_load()


async def stop_the_scheduler(trial: Trial, source: random.Random) -> None:
    trial.signal_load(signal.SIGSTOP)
    await asyncio.sleep(source.uniform(0, 2 * READ_TIMEOUT))
    trial.signal_load(signal.SIGCONT)


async def stop_the_agent(trial: Trial, source: random.Random) -> None:
    trial.agent.signal(signal.SIGSTOP)
    await asyncio.sleep(source.uniform(0, 2 * READ_TIMEOUT))
    trial.agent.signal(signal.SIGCONT)


async def cut_the_connection(trial: Trial, source: random.Random) -> None:
    trial.relay.cut()


async def close_the_port(trial: Trial, source: random.Random) -> None:
    trial.relay.close()
    await asyncio.sleep(source.uniform(0, 1.5))
    await trial.relay.open()


async def truncate_the_stream(trial: Trial, source: random.Random) -> None:
    behaviour = Behaviour(breaks_after=source.randrange(1 << source.randrange(4, 20)))
    trial.relay.behaviour = behaviour
    await eventually("the break", lambda: behaviour.breaks_after < 0, within=60)
    trial.relay.behaviour = Behaviour()


async def misbehave(trial: Trial, source: random.Random, behaviour: Behaviour, most: float) -> None:
    trial.relay.behaviour = behaviour
    await asyncio.sleep(source.uniform(0, most))
    trial.relay.behaviour = Behaviour()


async def stall_the_stream(trial: Trial, source: random.Random) -> None:
    await misbehave(trial, source, Behaviour(stalls=True), 2 * READ_TIMEOUT)


async def split_the_stream(trial: Trial, source: random.Random) -> None:
    await misbehave(trial, source, Behaviour(piece=source.randint(1, 2000)), 3)


async def delay_the_stream(trial: Trial, source: random.Random) -> None:
    await misbehave(trial, source, Behaviour(delay=source.uniform(0, 0.5)), 3)


async def kill_the_agent(trial: Trial, source: random.Random) -> None:
    await trial.kill_agent()
    await asyncio.sleep(source.choice([0, source.uniform(0, 2)]))
    await trial.start_agent()


async def upgrade_the_agent(trial: Trial, source: random.Random) -> None:
    await trial.upgrade()


async def kill_the_keeper(trial: Trial, source: random.Random) -> None:
    await trial.kill_keeper()


FAULTS: list[Fault] = [
    kill_the_scheduler,
    stop_the_scheduler,
    stop_the_agent,
    cut_the_connection,
    close_the_port,
    truncate_the_stream,
    stall_the_stream,
    split_the_stream,
    delay_the_stream,
    kill_the_agent,
    upgrade_the_agent,
    kill_the_agent,
    upgrade_the_agent,
    kill_the_keeper,
]


class Soak:
    def __init__(self, seconds: float, seed: int, program: Path, folder: Path):
        self.seconds = seconds
        self.source = random.Random(seed)
        self.trial = Trial(program, folder, seed=seed, width=16)
        self.history: list[str] = []
        self._start = time.monotonic()

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._start

    async def run(self) -> None:
        trial = self.trial
        await trial.start(options={"--agent-read-timeout": str(READ_TIMEOUT)})
        await trial.progress(50)
        await trial.quiet()
        descriptors, memory = trial.agent.descriptors(), trial.agent.memory()
        await trial.end_load()
        await trial.start_load()

        while self.elapsed < self.seconds:
            fault = self.source.choice(FAULTS)
            self.history.append(f"{self.elapsed:6.1f} s  {fault.__name__.replace('_', ' ')}")
            self._show(f"{self.elapsed:4.0f} s, {len(self.history)} faults, {trial.done()} jobs")
            async with Limit(fault.__name__, 90):
                await fault(trial, self.source)
            # Sometimes the next one comes before anything has recovered.
            await trial.progress(self.source.choice([0, 1, 20]), within=60)
        self._show("")

        await trial.quiet(within=60)
        after = trial.agent.descriptors
        await eventually(
            f"as many descriptors as before, {descriptors}",
            lambda: after() == descriptors,
            seen=after,
        )
        growth = trial.agent.memory() - memory
        expect(growth < GROWTH, f"the agent has kept {growth >> 20} MiB more than before")
        losses = len(trial.losses())
        peak = trial.agent.memory("VmHWM")
        await trial.end_load()
        jobs = trial.reckon()
        lost = trial.lost()
        trial.agent.signal(signal.SIGTERM)
        await trial.agent.exited()
        before, now = memory >> 20, (memory + growth) >> 20
        print(
            f"{self.elapsed:.0f} s, {len(self.history)} faults, {losses} connections lost: "
            f"all {jobs} jobs ran once, with the right status and output, but for {lost} "
            f"that a killed keeper has taken along; {self._upgrades()}; "
            f"{len(descriptors)} descriptors before and after; "
            f"memory {before} MiB before, {now} after, {peak >> 20} at most"
        )

    def _upgrades(self) -> str:
        if not (times := self.trial.upgrades):
            return "no upgrades"
        return f"{len(times)} upgrades, {median(times):.2f} s each, {max(times):.2f} at most"

    def _show(self, text: str) -> None:
        """On a terminal, one line that is written again and again."""
        if sys.stderr.isatty():
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def main() -> int:
    seconds, seed, program, folder = float(sys.argv[1]), int(sys.argv[2]), *map(Path, sys.argv[3:])
    print(f"seed {seed}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    log_to(str(folder / "driver.log"))
    adopt_orphans()
    soak = Soak(seconds, seed, program.absolute(), folder.absolute())
    try:
        asyncio.run(soak.run())
        return 0
    except Failed as failure:
        reason = str(failure)
    except KeyboardInterrupt:
        reason = "interrupted"
    except BaseException:
        reason = traceback.format_exc()
    finally:
        end_all()
    print(f"\nafter {soak.elapsed:.1f} s: {reason}", file=sys.stderr)
    print("the last faults:", *soak.history[-10:], sep="\n", file=sys.stderr)
    print(f"logs and journal: {folder}", file=sys.stderr)
    print(f"again: script/soak --seed {seed} --seconds {seconds:g}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # At once: what is left of the event loop would complain that it was closed.
    os._exit(status)
