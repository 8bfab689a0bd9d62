"""Makes sure that a driver leaves no process behind, however it ends."""

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None, use_errno=True)


def adopt_orphans() -> None:
    """Makes this process the parent of all that its children leave behind."""
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_with_parent() -> None:
    """Called in a child, before exec: a driver that is killed takes it along."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def children_of(pid: int) -> list[int]:
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                found += [int(word) for word in file.read().split()]
    except FileNotFoundError:
        pass
    return found


def kept_by(agent: int) -> list[int]:
    """The processes of an agent: the children of its only child, the keeper."""
    return [child for keeper in children_of(agent) for child in children_of(keeper)]


def end_all() -> None:
    """Kills and reaps all children, and what they leave behind, until there are none."""
    while children := children_of(os.getpid()):
        # Our own and not reaped yet, so none of these numbers can be a stranger's.
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        for pid in children:
            try:
                os.waitpid(pid, 0)
            except ChildProcessError:
                pass
