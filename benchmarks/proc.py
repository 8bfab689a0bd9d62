"""What the system tells of processes, and has them do."""

import ctypes
import os
import time


def children(pid):
    """The pids of a process's children, ended ones among them until they are reaped."""
    found = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            with open(f"/proc/{entry.name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(entry.name))
    return found


def steady_memory(pid):
    """Bytes resident in a process, once they have stopped changing."""
    last, steady = -1, 0
    limit = time.monotonic() + 30
    while steady < 5 and time.monotonic() < limit:
        time.sleep(0.2)
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            now = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        steady = steady + 1 if now == last else 0
        last = now
    return last


def reset_peak(pid):
    """From now on the peak is that of now."""
    with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def peak_memory(pid):
    """The most bytes that were resident, since the beginning or since the peak was reset."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        fields = dict(line.split(":", 1) for line in file)
    return int(fields["VmHWM"].removesuffix("kB\n")) << 10


def adopt_orphans(on):
    """Whether descendants of this process that lose their parent become its children (PR_SET_CHILD_SUBREAPER)."""
    if ctypes.CDLL(None, use_errno=True).prctl(36, ctypes.c_ulong(on), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl PR_SET_CHILD_SUBREAPER")
