"""An echo server on the Python package websockets: echo_server.py [--plain] [CERTIFICATE KEY]

Prints `port N`, then a line for each connection that ends. --plain: no permessage-deflate.
"""

import asyncio
import ssl
import sys

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

words = sys.argv[1:]
plain = "--plain" in words
files = [word for word in words if word != "--plain"]


async def echo(connection):
    try:
        while True:
            await connection.send(await connection.recv())
    except ConnectionClosed:
        pass
    print("closed", connection.close_code, connection.close_reason, flush=True)


async def main():
    context = None
    if files:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*files)
    compression = None if plain else "deflate"
    async with serve(echo, "127.0.0.1", 0, ssl=context, compression=compression, max_size=None) as server:
        print("port", server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


asyncio.run(main())
