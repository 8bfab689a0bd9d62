"""Jobs whose output, status and traces follow from a seed and a number."""

import random
import subprocess
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path


class Kind(StrEnum):
    LINES = "lines"
    """Writes lines, in bursts, and exits."""
    NOISE = "noise"
    """Writes incompressible bytes at once."""
    KILLED = "killed"
    """Writes a line and sleeps until it gets a signal."""
    BROKEN = "broken"
    """Its program doesn't exist."""


# So many of ten are of each kind.
SHARES = [Kind.LINES] * 6 + [Kind.NOISE] * 2 + [Kind.KILLED, Kind.BROKEN]

NOISE = 'head -c "$1" /dev/zero | openssl enc -aes-128-ctr -K "$2" -iv 0 2>/dev/null'

# Each run leaves a line in a file of its job's: a second one shows, as does one that nobody knows.
MARK = 'echo >>"marks/$0"; '


@dataclass(frozen=True)
class Job:
    seed: int
    number: int

    @property
    def id(self) -> str:
        return f"job-{self.number}"

    def _random(self) -> random.Random:
        return random.Random(f"{self.seed} {self.number}")

    @cached_property
    def kind(self) -> Kind:
        return self._random().choice(SHARES)

    @cached_property
    def exit_code(self) -> int:
        return self.number % 7

    @cached_property
    def bursts(self) -> list[tuple[int, float]]:
        """Lines of each, and the seconds to sleep before it."""
        source = self._random()
        return [
            (source.randint(0, 3000), source.choice([0, 0.05, 0.2]))
            for _ in range(source.randint(1, 3))
        ]

    @cached_property
    def size(self) -> int:
        """Bytes of noise."""
        return self._random().choice([0, 1, 4096, 65_537, 1_000_003])

    @property
    def command(self) -> str:
        match self.kind:
            case Kind.LINES:
                writing = "; ".join(
                    f"sleep {wait}; seq -f '{self.number} %.0f' {lines}"
                    for lines, wait in self.bursts
                )
                return f"{writing}; exit {self.exit_code}"
            case Kind.NOISE:
                return f"set -- {self.size} {self.number}; {NOISE}; exit {self.exit_code}"
            case Kind.KILLED:
                return "echo ready; exec sleep 300"
            case Kind.BROKEN:
                return ""

    def spec(self) -> dict:
        source = self._random()
        capture = {
            "mode": source.choice(["memory", "tempfile"]),
            "encoding": source.choice([None, "utf-8"]) if self.kind != Kind.NOISE else None,
            "attached": False,
        }
        shell = "/bin/sh" if self.kind != Kind.BROKEN else "/no/such/shell"
        return {
            "argv": [shell, "-c", MARK + self.command, self.id],
            "fds": [["stdin", {"null": {}}], ["stdout", {"capture": capture}]],
        }

    def output(self) -> bytes:
        match self.kind:
            case Kind.LINES:
                lines = (
                    f"{self.number} {line}\n"
                    for count, _ in self.bursts
                    for line in range(1, count + 1)
                )
                return "".join(lines).encode()
            case Kind.NOISE:
                words = ["/bin/sh", "-c", NOISE, "sh", str(self.size), str(self.number)]
                return subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout
            case Kind.KILLED:
                return b"ready\n"
            case Kind.BROKEN:
                return b""

    def outcome(self) -> tuple[str, int | None, int | None]:
        """State, exit code and signal of the final result."""
        match self.kind:
            case Kind.LINES | Kind.NOISE:
                return ("terminated", self.exit_code, None)
            case Kind.KILLED:
                return ("terminated", None, 15)
            case Kind.BROKEN:
                return ("error", 63, None)

    def runs(self, folder: Path) -> int:
        """How often it has begun to run."""
        mark = folder / "marks" / self.id
        return len(mark.read_bytes()) if mark.exists() else 0
