"""Runs the sections of script/bench and prints one table.

Usage: bench.py --procstar PATH --peer PATH --programs DIR [--quick] [SECTION...]
"""

import argparse
import signal
import sys

import agent
import footprint
import output
import spawning
import websocket
from measure import BenchError, Bench

SECTIONS = {
    "spawn-tiny": spawning.tiny,
    "spawn-true": spawning.true,
    "spawn-beside-sleepers": spawning.beside_sleepers,
    "loop-stall": spawning.loop_stall,
    "memory-per-process": footprint.memory_per_process,
    "memory-capture": output.memory_capture,
    "final-json": output.final_json,
    "compressed-read": output.compressed_read,
    "startup": footprint.startup,
    "binary-size": footprint.binary_size,
    "ws-unmask": websocket.unmask,
    "ws-tls": websocket.tls,
    "ws-echo": websocket.echo,
    "agent": agent.agent,
}

COLUMNS = ("measure", "ours", "baseline", "ratio", "wanted", "")


def table(rows):
    """The rows as text, first column to the left, the others to the right."""
    cells = [COLUMNS] + [row.cells() for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(len(COLUMNS))]
    for line in cells:
        first = line[0].ljust(widths[0])
        rest = (cell.rjust(width) for cell, width in zip(line[1:-1], widths[1:]))
        yield "  ".join([first, *rest, line[-1]]).rstrip()


def main():
    parser = argparse.ArgumentParser(prog="script/bench")
    parser.add_argument("--procstar", required=True)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--programs", required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("sections", nargs="*", metavar="SECTION")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.sections if name not in SECTIONS]
    if unknown:
        parser.error(f"unknown section {unknown[0]}; there are {', '.join(SECTIONS)}")

    # So that what has been started is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    bench = Bench(arguments.procstar, arguments.peer, arguments.programs, arguments.quick)
    rows = []
    failed = False
    for name in arguments.sections or SECTIONS:
        print(f"==> {name}", file=sys.stderr, flush=True)
        try:
            rows += SECTIONS[name](bench)
        except BenchError as error:
            print(f"script/bench: {name}: {error}", file=sys.stderr)
            failed = True
    for line in table(rows):
        print(line)
    return 1 if failed or any(row.is_ok is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
