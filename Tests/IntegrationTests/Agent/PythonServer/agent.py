"""The agent under test, as a process."""

import asyncio
import os
import re
import resource
import signal
from asyncio.subprocess import DEVNULL, Process
from pathlib import Path

from children import end_with_parent
from waiting import Failed, Limit, eventually, shortened

TOKEN = "a token of the tests"

# Quick to come back, so that no scenario waits for more than it is about.
QUICK = {
    "--connect-interval-start": "0.05",
    "--connect-interval-mult": "1.5",
    "--connect-interval-max": "0.3",
}


class Agent:
    """A running `procstar --agent`. Its log is in a file, which failures quote."""

    def __init__(self, process: Process, log: Path, conn_id: str):
        self.process = process
        self.pid = process.pid
        self.conn_id = conn_id
        self._log = log

    @classmethod
    async def start(
        cls,
        program: Path,
        folder: Path,
        port: int,
        *,
        anchor: Path,
        host: str = "127.0.0.1",
        conn_id: str = "agent-1",
        group: str = "default",
        token: str = TOKEN,
        options: dict[str, str] | None = None,
        flags: list[str] | None = None,
        environment: dict[str, str] | None = None,
        most_files: int | None = None,
    ) -> "Agent":
        """Starts one that dials `port` of this machine and trusts the certificates in `anchor`."""
        named = {
            "--agent-host": host,
            "--agent-port": str(port),
            "--conn-id": conn_id,
            "--group-id": group,
            "--log-level": "info",
        }
        words = [word for option in (named | QUICK | (options or {})).items() for word in option]
        log = folder / f"{conn_id}.log"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("PROCSTAR_")}
        own = {
            "PROCSTAR_AGENT_CERT": str(anchor),
            "PROCSTAR_AGENT_TOKEN": token,
            "XDG_RUNTIME_DIR": str(folder),
        }

        def prepare() -> None:
            end_with_parent()
            if most_files:
                resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))

        with log.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                program,
                "--agent",
                *words,
                *(flags or []),
                cwd=folder,
                env=inherited | own | (environment or {}),
                stdin=DEVNULL,
                stderr=errors,
                preexec_fn=prepare,
            )
        return cls(process, log, conn_id)

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def lines(self, pattern: str) -> list[str]:
        """The lines of the log that have something that fits in them."""
        return [line for line in self.log().splitlines() if re.search(pattern, line)]

    async def logged(self, pattern: str, within: float = 20) -> str:
        """Waits for such a line."""
        found = await eventually(
            f"a line with {pattern!r} in the agent's log",
            lambda: self.lines(pattern),
            within=within,
            seen=lambda: self.log()[-2000:],
        )
        return found[0]

    def signal(self, signum: signal.Signals) -> None:
        # Not reaped before `process` knows, so the number is nobody else's.
        if self.process.returncode is None:
            os.kill(self.pid, signum)

    async def exited(self, status: int = 0, within: float = 20) -> None:
        """Waits for its end."""
        async with Limit("the agent's end", within):
            seen = await self.process.wait()
        if seen != status:
            raise Failed(f"the agent ended with {seen}, not {status}: {shortened(self.log())}")

    def descriptors(self) -> list[str]:
        """What it has open, as the kernel names it, sorted."""
        folder = Path(f"/proc/{self.pid}/fd")
        found = []
        for entry in folder.iterdir():
            try:
                found.append(re.sub(r"\d+", "N", os.readlink(entry)))
            except FileNotFoundError:
                pass
        return sorted(found)

    def state(self) -> str:
        """Its letter in `/proc`: T, stopped."""
        return Path(f"/proc/{self.pid}/stat").read_text().rsplit(") ", 1)[1][0]

    def memory(self, field: str = "VmRSS") -> int:
        """In bytes: VmRSS, what it has now; VmHWM, what it has ever had."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"{field}:\s+(\d+) kB", status)[1]) << 10
