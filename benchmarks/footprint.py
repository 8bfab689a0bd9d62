"""What procstar itself takes: memory, time to start, size on disk."""

import os
import subprocess

import resident
from measure import NULL, Row, alternating, quiet


def memory_per_process(bench):
    many = resident.most_sleepers(500 if bench.is_quick else 10_000)

    def resident_with(sleepers):
        running = resident.Resident(bench, sleepers)
        memory = running.memory()
        running.end()
        return memory

    one, all_of_them = alternating(1, lambda: resident_with(1), lambda: resident_with(many))
    each = (all_of_them - one) / (many - 1)
    return [
        Row(
            f"memory of a running process, of {many:,}",
            f"{each:,.0f} B",
            wanted="<= 3,072 B",
            is_ok=each <= 3072,
        ),
        Row("memory of procstar with one process", f"{one / 2**20:.1f} MiB"),
    ]


def startup(bench):
    spec = bench.write_spec({"true": quiet("/bin/true") | {"fds": [["stdin", NULL]]}})
    rounds = bench.rounds(50)
    alone, ours = alternating(
        rounds,
        lambda: bench.time(["/bin/true"]),
        lambda: bench.time([bench.procstar, "--print", spec]),
    )
    added = (ours - alone) * 1000
    return [
        Row(
            "start to exit with one /bin/true",
            f"{ours * 1000:.1f} ms",
            f"{alone * 1000:.1f} ms",
            f"+{added:.1f} ms",
            "<= +5 ms",
            added <= 5,
        )
    ]


def binary_size(bench):
    stripped = bench.path("stripped")
    subprocess.run(["strip", "-o", stripped, bench.procstar], check=True)
    size = os.path.getsize(stripped) / 2**20
    return [Row("size of the stripped program", f"{size:.1f} MiB", wanted="<= 10 MiB", is_ok=size <= 10)]
