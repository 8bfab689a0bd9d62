"""What `websocket-peer flood` does, on the Python package websockets: websockets_flood.py URL SIZE COUNT IN_FLIGHT

Sends COUNT binary messages to an echo server, each when the one IN_FLIGHT before has come back, and prints the
seconds that it took.
"""

import asyncio
import random
import sys
import time

import websockets.speedups  # noqa: F401  the extension in C, without which the comparison would be unfair
from websockets.asyncio.client import connect

url = sys.argv[1]
size, count, in_flight = map(int, sys.argv[2:])


async def main():
    message = random.randbytes(size)
    async with connect(url, compression=None, max_size=None, ping_interval=None, proxy=None) as connection:
        start = time.monotonic()
        for _ in range(min(in_flight, count)):
            await connection.send(message)
        for received in range(count):
            assert len(await connection.recv()) == size
            if received + in_flight < count:
                await connection.send(message)
        print(time.monotonic() - start)


asyncio.run(main())
