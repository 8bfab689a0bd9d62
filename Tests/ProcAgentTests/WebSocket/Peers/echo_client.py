"""A client on the Python package websockets, for an echo server: echo_client.py [--plain] URL [CERTIFICATE]

Sends texts and binary messages of all sizes, whole and in fragments, with pings between, and checks what comes back.
Prints `ok`, with `deflate` if that was agreed on. --plain: doesn't offer permessage-deflate.
"""

import asyncio
import random
import ssl
import sys

from websockets.asyncio.client import connect

words = sys.argv[1:]
plain = "--plain" in words
url, *anchors = [word for word in words if word != "--plain"]


async def main():
    context = ssl.create_default_context(cafile=anchors[0]) if anchors else None
    source = random.Random(1)
    compression = None if plain else "deflate"
    async with connect(url, ssl=context, compression=compression, max_size=None) as connection:
        for size in (0, 1, 125, 126, 65535, 65536, 1_000_000):
            binary = source.randbytes(size)
            text = "".join(source.choice("aäß€😀") for _ in range(size // 4))
            for message in (binary, text, "x" * size):
                await connection.send(message)
                assert await connection.recv() == message, size
            pieces = [binary[at : at + 1000] for at in range(0, min(size, 100_000), 1000)] or [b""]
            await connection.send(pieces)
            await (await connection.ping(b"between"))
            assert await connection.recv() == b"".join(pieces), size
        extensions = [extension.name for extension in connection.protocol.extensions]
        await connection.close(3005, "was ein schöner Tag")
        assert connection.close_code == 3005
        print("ok", *(["deflate"] if "permessage-deflate" in extensions else []))


asyncio.run(main())
