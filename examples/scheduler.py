"""A scheduler on one page, on the Python package procstar (https://pypi.org/project/procstar).

It listens for agents, gives the first one that comes some processes, and prints what becomes of
them. What it needs to know is in the environment, under the names that the package has for it:

    PROCSTAR_AGENT_CERT, PROCSTAR_AGENT_KEY   its certificate for TLS, and the key
    PROCSTAR_AGENT_TOKEN                      what an agent has to know to be let in
    PROCSTAR_AGENT_HOST, PROCSTAR_AGENT_PORT  where it listens (all addresses, port 59789)

Stop it in the middle, even with kill -9, and start it again: the processes run on without it, and
the agent has kept all that they wrote.
"""

import asyncio

from procstar.lib.py import Interval

# On Python 3.11 and newer the package can't be imported without this.
Interval.__hash__ = lambda interval: hash(tuple(interval))

from procstar import proto  # noqa: E402
from procstar.agent.proc import FdData, Process, Result  # noqa: E402
from procstar.agent.server import Server  # noqa: E402

# The agent keeps what is written to such a descriptor until we have fetched it.
CAPTURE = {"capture": {"mode": "memory", "encoding": "utf-8", "attached": False}}
PIPE = {"pipe-read": {"proc_id": "numbers", "fd": "stdout"}}

# Each process by an id of our choice. There is no shell unless we ask for one.
COUNT = "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo line $i of 12; sleep 0.4; done"
SPECS = {
    "lines": {"argv": ["/bin/sh", "-c", COUNT], "fds": [["stdout", CAPTURE]]},
    "fails": {
        "argv": ["/bin/ls", "/no/such/file"],
        "fds": [["stdout", CAPTURE], ["stderr", {"dup": {"fd": 1}}]],
    },
    "numbers": {"argv": ["/usr/bin/seq", "1000"], "fds": [["stdout", "pipe-write"]]},
    "counter": {"argv": ["/usr/bin/wc", "-l"], "fds": [["stdin", PIPE], ["stdout", CAPTURE]]},
}


def say(text: str) -> None:
    # With its newline in one piece, whoever else writes to the terminal.
    print(f"scheduler: {text}\n", end="", flush=True)


async def poll(process: Process) -> None:
    """This server has to ask for news: it is told by itself only of the start and of the end."""
    while True:
        await process.request_result()
        await asyncio.sleep(0.5)


async def follow(process: Process) -> None:
    """Prints the output of a process while it arrives, and then what became of it."""
    polling = asyncio.create_task(poll(process))
    seen = 0
    async for update in process.updates:
        match update:
            case FdData(interval=interval, data=data):
                # Asked for twice, the same bytes may come twice.
                for line in data[seen - interval.start :].decode().splitlines():
                    say(f"{process.proc_id} wrote: {line}")
                seen = max(seen, interval.stop)
            case Result(state=state, fds=fds, status=status):
                stdout = getattr(fds, "stdout", None)
                if stdout and stdout.length > seen:
                    await process.request_fd_data("stdout", interval=Interval(seen, None))
                elif state != "running":
                    break
    polling.cancel()
    how = f"exit code {status.exit_code}" if status.signal is None else f"ended by {status.signal}"
    say(f"{process.proc_id} has ended: {state}, {how}")
    # Until we say so, the agent keeps it, with all of its output.
    await process.delete()


async def main() -> None:
    server = Server()
    listening = await server.run()
    host, port, *_ = listening.sockets[0].getsockname()
    say(f"listening on {host} port {port}")

    with server.connections.subscription() as changes:
        _, agent = await anext(changes)
        say(f"agent {agent.conn_id} is here, with {', '.join(server.processes) or 'no processes'}")
        if not server.processes:
            # All in one request, which is what a pipe between two of them needs.
            await agent.send(proto.ProcStartRequest(specs=SPECS))
            for proc_id in SPECS:
                server.processes.create(agent, proc_id)
        await asyncio.gather(*map(follow, list(server.processes.values())))
        say("everything has ended and is deleted")

        async for conn_id, connection in changes:
            if connection is None:
                return say(f"agent {conn_id} has said goodbye")


asyncio.run(main())
