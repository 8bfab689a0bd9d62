"""How fast output is captured, put into results, and read back."""

import subprocess
import tempfile

from measure import NULL, BenchError, Row, alternating, check_ended_well, check_success, rates

MIB = 1 << 20


def flooding(bench, size, **capture):
    """A process that writes `size` bytes into a capture."""
    return {
        "flood": {
            "argv": [bench.program("flood"), str(size)],
            "fds": [["stdin", NULL], ["stdout", {"capture": capture}], ["stderr", NULL]],
        }
    }


def memory_capture(bench):
    """One process that writes as fast as it can, against a C program that reads the same pipe and keeps the bytes the
    same way: 16 MiB in memory, what is beyond in an unlinked file."""
    size = (64 if bench.is_quick else 2048) * MIB
    specs = flooding(bench, size, mode="memory", encoding="utf-8", attached=False)

    def ours():
        seconds, results = bench.run(specs, "--compress-above", "off")
        check_ended_well(results)
        length = results["flood"]["fds"]["stdout"]["length"]
        if length != size:
            raise BenchError(f"{length} bytes of {size} were captured")
        return seconds

    def baseline():
        return bench.time(
            [bench.program("pipe_reader"), tempfile.gettempdir(), bench.program("flood"), str(size)]
        )

    theirs, our = alternating(bench.rounds(5), baseline, ours)
    return [rates(f"memory capture of {size // MIB:,} MiB", size / MIB / our, size / MIB / theirs, "MiB/s", 0.9)]


def final_json(bench):
    """What it costs to put 64 MiB of text into the results: the same run, with the output attached and without."""
    size = 64 * MIB

    def run(attached):
        specs = flooding(bench, size, mode="tempfile", encoding="utf-8", attached=attached)
        spec = bench.write_spec(specs)
        return bench.time([bench.procstar, "--print", "--compress-above", "off", spec])

    detached, attached = alternating(bench.rounds(9), lambda: run(False), lambda: run(True))
    # Below a millisecond the clock would decide.
    rate = size / 1e6 / max(attached - detached, 0.001)
    return [Row("final JSON of 64 MiB text", f"{rate:,.0f} MB/s", wanted=">= 400 MB/s", is_ok=rate >= 400)]


def compressed_read(bench):
    """Reading back a capture that has been compressed, against inflating the same text with zlib alone."""
    size = (64 if bench.is_quick else 256) * MIB
    flood = [bench.program("flood"), str(size)]

    def fed(program):
        writer = subprocess.Popen(flood, stdout=subprocess.PIPE)
        reader = subprocess.run([program], stdin=writer.stdout, capture_output=True)
        writer.stdout.close()
        check_success([program], writer.wait() or reader.returncode, reader.stderr)
        return float(reader.stdout)

    theirs, our = alternating(
        bench.rounds(5), lambda: fed(bench.program("inflate")), lambda: fed(bench.program("compressed-read"))
    )
    return [rates(f"reading {size // MIB} MiB compressed", size / 1e6 / our, size / 1e6 / theirs, "MB/s", 0.6)]
