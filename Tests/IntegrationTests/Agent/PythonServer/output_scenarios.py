"""Output, asked for in every way: each answer is a true piece of what was written."""

import asyncio
import subprocess

from bed import Bed, Gate, capture, data, final, run, scenario, shell, updated
from package import FdData, Interval, Process, Result
from waiting import Limit, expect, expect_equal

CAPTURES = [(mode, encoding) for mode in ("tempfile", "memory") for encoding in (None, "utf-8")]

# What a process may write, with every byte and with text that isn't ASCII.
BYTES = bytes(range(256)) * 40
TEXT = ("Grüße aus Köln, 10 €, 😀\n" * 400).encode()


def content(encoding: str | None) -> bytes:
    return TEXT if encoding else BYTES


@scenario
async def output_is_fetched_whole_and_in_ranges(bed: Bed) -> None:
    await bed.agent()
    for mode, encoding in CAPTURES:
        wanted = content(encoding)
        file = bed.folder / "content"
        file.write_bytes(wanted)
        spec = shell('cat "$1"', file, stdout=capture(mode, encoding))
        process, _ = await bed.start(f"{mode}-{encoding}", spec)
        result = await final(process)
        expect_equal(result.fds.stdout.length, len(wanted), "length")
        size = len(wanted)
        for start, stop in [
            (0, None),
            (0, size),
            (0, 0),
            (100, 4000),
            (size - 1, size),
            (size - 5, None),
            (size, None),
            (4000, size + 1000),
            (-10, None),
            (-10, size - 5),
        ]:
            piece = await data(process, "stdout", start, stop)
            text = f"{mode} {encoding} {start} to {stop}"
            expect_equal(piece.data, wanted[start:stop], text)
            expect_equal(piece.interval.start, start % size if start < 0 else start, text)
            expect_equal(piece.encoding, encoding, text)
        beyond = await data(process, "stdout", size + 7)
        expect_equal((tuple(beyond.interval), beyond.data), ((size + 7, size + 7), b""), "beyond")


@scenario
async def output_is_true_at_every_moment_while_it_is_written(bed: Bed) -> None:
    await bed.agent()
    for mode, encoding in CAPTURES:
        gate = Gate(bed.folder, f"{mode}-{encoding}")
        # 16 pieces; the reader says when the next one may come.
        command = 'i=0; while [ $i -lt 16 ]; do read go <"$1"; i=$((i+1)); seq $((i*500)); done'
        wanted = b"".join(
            b"%d\n" % number for piece in range(1, 17) for number in range(1, piece * 500 + 1)
        )
        spec = shell(command, gate.path, stdout=capture(mode, encoding))
        process, _ = await bed.start(f"{mode}-{encoding}", spec)
        collected = b""
        for _ in range(16):
            gate.let()
            before = len(collected)
            async with Limit("more output"):
                while len(collected) == before:
                    collected += (await data(process, "stdout", before)).data
                    # Behind, before and across what is there already.
                    middle = await data(process, "stdout", before // 2, len(collected))
                    expect_equal(middle.data, collected[before // 2 :], "a range")
        # The result may have come in between, when it was skipped.
        await process.request_result()
        await final(process)
        collected += (await data(process, "stdout", len(collected))).data
        expect_equal(collected, wanted, f"all output, {mode} {encoding}")


@scenario
async def fifty_megabytes_arrive_byte_by_byte(bed: Bed) -> None:
    await bed.agent()
    size = 50_000_000
    # Noise that is the same each time.
    noise = 'head -c "$1" /dev/zero | openssl enc -aes-128-ctr -K 42 -iv 0 2>/dev/null'
    spec = shell(noise, size, stdout=capture("tempfile"), stderr=capture())
    process, _ = await bed.start("noise", spec)
    result = await final(process)
    expect_equal(result.fds.stdout.length, size, "length")
    wanted = subprocess.run(["/bin/sh", "-c", noise, "sh", str(size)], stdout=-1, check=True).stdout
    whole = await data(process)
    expect(whole.data == wanted, "the output, fetched at once, isn't what was written")
    # Eight ranges asked for at once are answered in order.
    step = size // 8
    for start in range(0, size, step):
        await process.request_fd_data("stdout", interval=Interval(start, start + step))
    for start in range(0, size, step):
        piece = await updated(process, f"the range from {start}")
        expect(piece.data == wanted[start : start + step], f"the range from {start} is wrong")


@scenario
async def both_outputs_come_with_the_result_when_they_are_attached(bed: Bed) -> None:
    await bed.agent()
    spec = shell(
        "echo out; echo err >&2; printf '\\377' >&2",
        stdout=capture("tempfile", "utf-8", attached=True),
        stderr=capture("memory", "utf-8", attached=True),
    )
    fds = (await run(bed, "both", spec)).fds
    expect_equal((fds.stdout.text, fds.stderr.text), ("out\n", "err\n\ufffd"), "texts")


class Collector:
    """Runs a process as Apsis does: it polls, and asks for output from where it stands."""

    def __init__(self, process: Process, interval: float = 0.05):
        self.process = process
        self.interval = interval
        self.output = b""
        self.polls = 0

    async def collect(self) -> Result:
        poll = asyncio.create_task(self._poll())
        try:
            async for update in self.process.updates:
                if isinstance(update, FdData):
                    self._take(update)
                elif update.state != "running":
                    break
                elif update.fds.stdout.length > len(self.output):
                    await self._ask()
        finally:
            poll.cancel()
        length = update.fds.stdout.length
        if length > len(self.output):
            await self._ask()
            async for more in self.process.updates:
                if isinstance(more, FdData):
                    self._take(more)
                if len(self.output) == length:
                    break
        # Apsis reads it unconditionally.
        _ = update.status.exit_code
        await self.process.delete()
        return update

    async def _poll(self) -> None:
        while True:
            await self.process.request_result()
            self.polls += 1
            await asyncio.sleep(self.interval)

    async def _ask(self) -> None:
        await self.process.request_fd_data("stdout", interval=Interval(len(self.output), None))

    def _take(self, update: FdData) -> None:
        # Two requests may have been on their way at once.
        start = len(self.output) - update.interval.start
        expect(0 <= start, f"output from {update.interval} behind {len(self.output)}")
        self.output += update.data[start:]


def apsis_spec(command: str) -> dict:
    """What Apsis sends, also to machines without a cgroup manager."""
    return {
        "argv": ["/usr/bin/bash", "-c", command],
        "env": {"inherit": True, "vars": {"APSIS_RUN_ID": "r1", "UNSET": None}},
        "fds": [
            ["stdin", {"null": {"flags": "Default"}}],
            ["stdout", capture("tempfile", None, attached=False)],
            ["stderr", {"dup": {"fd": 1}}],
        ],
        "systemd_properties": {
            "slice": {
                "tasks_accounting": True,
                "memory_accounting": True,
                "memory_max": None,
                "memory_swap_max": 0,
            }
        },
    }


@scenario
async def apsis_collects_all_output_and_the_status(bed: Bed) -> None:
    await bed.agent()
    commands = {
        "quick": ("echo $APSIS_RUN_ID; exit 2", 2, b"r1\n"),
        "silent": ("exit 0", 0, b""),
        "late": ("sleep 0.3; echo err >&2", 0, b"err\n"),
        "steady": ("for i in {1..20}; do echo line $i; sleep 0.03; done", 0, None),
        "large": ("seq 300000; sleep 0.2; seq 300000", 0, None),
    }
    numbers = "".join(f"{number}\n" for number in range(1, 300_001)).encode()
    wanted = {
        "steady": "".join(f"line {number}\n" for number in range(1, 21)).encode(),
        "large": numbers + numbers,
    }

    async def collect(proc_id: str) -> None:
        command, status, output = commands[proc_id]
        process, first = await bed.start(proc_id, apsis_spec(command))
        expect_equal(first.cgroup_accounting, None, "accounting where there is no manager")
        collector = Collector(process)
        result = await collector.collect()
        expect_equal(result.status.exit_code, status, f"exit code of {proc_id}")
        right = wanted.get(proc_id) if output is None else output
        expect_equal(collector.output, right, f"output of {proc_id}")

    await asyncio.gather(*map(collect, commands))
    expect_equal(dict(bed.server.processes), {}, "processes at the end")


@scenario
async def apsis_reads_status_and_lengths_of_a_process_that_could_not_start(bed: Bed) -> None:
    await bed.agent()
    spec = apsis_spec("") | {"argv": ["/no/such/program"]}
    process, first = await bed.start("broken", spec)
    expect_equal(first.fds.stdout.length, 0, "length")
    collector = Collector(process)
    result = await collector.collect()
    expect_equal((result.state, result.status.exit_code), ("error", 63), "the result")
    expect(result.errors, "no errors")
