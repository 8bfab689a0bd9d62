"""The WebSocket library: unmasking alone, large messages over TLS, small ones there and back."""

import contextlib
import os
import re
import subprocess

from measure import BenchError, Row, alternating, rates

MIB = 1 << 20
PYTHON = ".venv/bin/python"
PYTHON_SERVER = "Tests/ProcAgentTests/WebSocket/Peers/echo_server.py"
PYTHON_CLIENT = "benchmarks/baseline/websockets_flood.py"


def unmask(bench):
    """Unmasking in place, against copying as many bytes."""
    rows = []
    for size in (64 << 10, 64 * MIB):
        # The program takes turns itself.
        ours, copying = map(float, bench.printed([bench.program("unmask"), str(size)]))
        rows.append(
            Row(
                f"unmasking {size >> 10:,} KiB",
                f"{ours:.1f} GB/s",
                f"{copying:.1f} GB/s",
                f"{ours / copying:.0%}",
                ">= 5 GB/s or >= 60%",
                ours >= 5 or ours / copying >= 0.6,
            )
        )
    return rows


class Server:
    """A server on loopback, until the end of the `with`."""

    def __init__(self, *command, stdin=subprocess.DEVNULL):
        self.process = subprocess.Popen(
            command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.port = int(self.line(r"(?:listening on .*:|port )(\d+)$")[1])

    def line(self, pattern):
        """The next line, which must match."""
        line = self.process.stdout.readline().strip()
        match = re.match(pattern, line)
        if not match:
            self.__exit__()
            raise BenchError(f"{' '.join(self.process.args[:2])} … said {line!r}")
        return match

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def flood(bench, url, size, count, *options):
    """The seconds that our client took to send so many messages, and to get back what comes back, and to close."""
    text = " ".join(bench.printed([bench.peer, "flood", url, "--size", str(size), "--count", str(count), *options]))
    match = re.fullmatch(rf"{count} messages of {size} bytes in ([0-9.e-]+) s: .* closed with code 1000", text)
    if not match:
        raise BenchError(f"flood {url} said {text!r}")
    return float(match[1])


def certificate(bench):
    """A key pair for 127.0.0.1: the files of the certificate and of the key."""
    paths = bench.path("certificate.pem"), bench.path("key.pem")
    if os.path.exists(paths[0]):
        return paths
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, "-out", paths[0], "-keyout", paths[1]], check=True, capture_output=True)
    return paths


def tls(bench):
    """Messages of 1 MiB over TLS, from one of ours to one of ours, against bare SSL_write and SSL_read."""
    count = 200 if bench.is_quick else 1000
    anchor, key = certificate(bench)

    def ours():
        with Server(bench.peer, "serve", "--sink", "--cert", anchor, "--key", key) as server:
            flood(bench, f"wss://127.0.0.1:{server.port}/", MIB, count, "--ca", anchor, "--one-way", "yes")
            messages, size, seconds = server.line(r"(\d+) messages, (\d+) bytes in ([0-9.e-]+) s").groups()
        if (int(messages), int(size)) != (count, count * MIB):
            raise BenchError(f"{messages} messages of {count} came, {size} bytes")
        return float(seconds)

    def baseline():
        return bench.printed_seconds([bench.program("tls_stream"), anchor, key, str(MIB), str(count)])

    theirs, our = alternating(bench.rounds(7), baseline, ours)
    size = count * MIB / 1e6
    return [rates("1 MiB messages over TLS", size / our, size / theirs, "MB/s", 0.8)]


@contextlib.contextmanager
def one_processor():
    """Holds this process, and what it starts meanwhile, to one of its processors."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def echo(bench):
    """Messages of 64 bytes that come back, without compression: each end of ours against Python's in its place.

    All on one processor: with one message in flight two processors take turns, and what is measured is mostly how long
    the idle one takes to wake up, which is the same for all.
    """
    size = 64
    rows = []
    with contextlib.ExitStack() as stack:
        stack.enter_context(one_processor())
        ours = stack.enter_context(Server(bench.peer, "serve", "--no-deflate"))
        theirs = stack.enter_context(Server(PYTHON, PYTHON_SERVER, "--plain"))
        for in_flight, count in ((1, 20_000), (100, 100_000)):
            count = 2000 if bench.is_quick else count

            def our_client(server):
                url = f"ws://127.0.0.1:{server.port}/"
                return count / flood(bench, url, size, count, "--no-deflate", "--in-flight", str(in_flight))

            def their_client(server):
                command = [PYTHON, PYTHON_CLIENT, f"ws://127.0.0.1:{server.port}/"]
                return count / bench.printed_seconds([*command, str(size), str(count), str(in_flight)])

            both, server, client = alternating(
                bench.rounds(5), lambda: our_client(ours), lambda: our_client(theirs), lambda: their_client(ours)
            )
            label = f"{size}-byte echoes, {in_flight} in flight"
            rows.append(rates(f"{label}: our server, Python's", both, server, "/s", 2))
            rows.append(rates(f"{label}: our client, Python's", both, client, "/s", 2))
    return rows
