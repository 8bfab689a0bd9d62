"""An agent, and the scheduler of the Swift test tool that it dials."""

import json
import os
import select
import signal
import subprocess
import time

import proc
from measure import BenchError
from websocket import Server, certificate

TOKEN = "bench"


class Scheduler(Server):
    """A scheduler on loopback with TLS, which gives agents orders and takes the time."""

    def __init__(self, bench):
        self.certificate, self.key = certificate(bench)
        super().__init__(bench.peer, "scheduler", "--cert", self.certificate, "--key", self.key, stdin=subprocess.PIPE)

    def answer(self):
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"problem": "it ended without an answer"}
        if "problem" in answer:
            raise BenchError(f"the scheduler says: {answer['problem']}")
        return answer

    def order(self, act, **details):
        """Has the agent do something, as Tests/WebSocketPeer/Measurement.swift says; the numbers."""
        self.process.stdin.write(json.dumps({"do": act, **details}) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def seconds(self, act, **details):
        return self.order(act, **details)["seconds"]


class Agent:
    """procstar as an agent of a scheduler, until the end of the `with`."""

    def __init__(self, bench, scheduler, *options):
        self.scheduler = scheduler
        self.log = bench.path("agent.log")
        self.command = [bench.procstar, "--agent", "--agent-host", "127.0.0.1", "--agent-port", str(scheduler.port)]
        self.command += ["--ws-compression", "off", "--compress-above", "off", *options]
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("PROCSTAR_")}
        self.environment |= {"PROCSTAR_AGENT_CERT": scheduler.certificate, "PROCSTAR_AGENT_TOKEN": TOKEN}
        # What it leaves behind, should it crash, becomes ours to end.
        proc.adopt_orphans(True)
        # Seconds from its start to its registration.
        self.start_seconds = self.start()

    def start(self):
        started = time.monotonic()
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, env=self.environment
            )
        try:
            self.wait_for_registration()
        except BaseException:
            self.__exit__()
            raise
        return time.monotonic() - started

    def wait_for_registration(self):
        """How long there was no connection, in seconds."""
        limit = time.monotonic() + 20
        while not select.select([self.scheduler.process.stdout], [], [], 0.1)[0]:
            if self.process.poll() is not None or time.monotonic() > limit:
                with open(self.log, encoding="utf-8", errors="replace") as log:
                    said = log.read().strip()
                raise BenchError(f"the agent (status {self.process.returncode}) did not register: {said}")
        return self.scheduler.answer()["away"]

    def kill_and_start(self):
        """kill -9, and another one at once: the seconds until that has registered."""
        started = time.monotonic()
        self.process.kill()
        self.process.wait()
        self.start()
        return time.monotonic() - started

    def upgrade(self):
        """Has it replace itself: the seconds from the signal to the registration, and those without a connection."""
        started = time.monotonic()
        self.process.send_signal(signal.SIGUSR2)
        away = self.wait_for_registration()
        return time.monotonic() - started, away

    @property
    def pids(self):
        """Its own, and its keeper's if it has started one."""
        return [self.process.pid, *proc.children(self.process.pid, name="procstar-keeper")]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Ends the agent, and whatever a failure has left running."""
        self.process.send_signal(signal.SIGQUIT)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        # A keeper ends by itself, unless its agent has left it something. Its children follow it.
        while left := set(proc.children(os.getpid())) - {self.scheduler.process.pid}:
            for pid in left:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        proc.adopt_orphans(False)
