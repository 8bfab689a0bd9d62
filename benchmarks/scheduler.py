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

    def __init__(self, bench, scheduler):
        self.scheduler = scheduler
        self.log = bench.path("agent.log")
        command = [bench.procstar, "--agent", "--agent-host", "127.0.0.1", "--agent-port", str(scheduler.port)]
        command += ["--ws-compression", "off", "--compress-above", "off"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PROCSTAR_")}
        environment |= {"PROCSTAR_AGENT_CERT": scheduler.certificate, "PROCSTAR_AGENT_TOKEN": TOKEN}
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, env=environment
            )
        # What it leaves behind, should it crash, becomes ours to end.
        proc.adopt_orphans(True)
        try:
            self.wait_for_registration()
        except BaseException:
            self.__exit__()
            raise

    def wait_for_registration(self):
        limit = time.monotonic() + 20
        while not select.select([self.scheduler.process.stdout], [], [], 0.1)[0]:
            if self.process.poll() is not None or time.monotonic() > limit:
                with open(self.log, encoding="utf-8", errors="replace") as log:
                    said = log.read().strip()
                raise BenchError(f"the agent (status {self.process.returncode}) did not register: {said}")
        self.scheduler.answer()

    @property
    def pid(self):
        return self.process.pid

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
        for pid in proc.children(os.getpid()):
            if pid != self.scheduler.process.pid:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        proc.adopt_orphans(False)
