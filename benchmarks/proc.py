"""What the system tells of processes, and has them do."""

import ctypes
import os
import time


def children(pid, name=None):
    """The pids of a process's children (of that name), ended ones among them until they are reaped."""
    found = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            with open(f"/proc/{entry.name}/stat", "rb") as file:
                head, _, tail = file.read().rpartition(b")")
        except OSError:
            continue
        if int(tail.split()[1]) == pid and (name is None or head.partition(b"(")[2].decode() == name):
            found.append(int(entry.name))
    return found


def steady_memory(*pids):
    """Bytes resident in processes, once they have stopped changing."""
    last, steady = -1, 0
    limit = time.monotonic() + 30
    while steady < 5 and time.monotonic() < limit:
        time.sleep(0.2)
        now = sum(resident(pid) for pid in pids)
        steady = steady + 1 if now == last else 0
        last = now
    return last


def resident(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def in_memfds(*pids):
    """Bytes in files in memory that processes have open: they are resident in nobody, and use memory all the same."""
    files = {}
    for pid in pids:
        for entry in os.scandir(f"/proc/{pid}/fd"):
            try:
                if os.readlink(entry.path).startswith("/memfd:"):
                    status = os.stat(entry.path)
                    files[status.st_dev, status.st_ino] = status.st_blocks * 512
            except FileNotFoundError:
                continue
    return sum(files.values())


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
