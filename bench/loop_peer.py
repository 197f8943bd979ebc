"""The MCP SDK as a peer of bench/loop.py: a server of its own on stdio, pinged by its own client.

``python bench/loop_peer.py serve`` is the server, ``python bench/loop_peer.py call`` prints pings a second with one and
with 64 in flight, and the milliseconds from spawn to initialized.
"""

import asyncio
import sys
import time
from itertools import pairwise

import anyio
from mcp import ClientSession, StdioServerParameters, stdio_client
from mcp.server.lowlevel.server import Server
from mcp.server.stdio import stdio_server

FLIGHT, CHUNK, SECONDS = 64, 64, 3.0


async def serve() -> None:
    server = Server("peer")
    async with stdio_server() as (reader, writer):
        await server.run(reader, writer, server.create_initialization_options())


async def rate(session: ClientSession, flight: int) -> float:
    """Pings a second, in the tenth of the chunks that was disturbed least."""
    marks = [time.perf_counter()]

    async def ping() -> None:
        while time.perf_counter() - marks[0] < SECONDS:
            await session.send_ping()
            marks.append(time.perf_counter())

    async with anyio.create_task_group() as group:
        for _ in range(flight):
            group.start_soon(ping)
    durations = sorted(later - earlier for earlier, later in pairwise(marks[::CHUNK]))
    return CHUNK / durations[len(durations) // 10]


async def call() -> None:
    began = time.perf_counter()
    server = StdioServerParameters(command=sys.executable, args=[__file__, "serve"])
    async with stdio_client(server) as (reader, writer), ClientSession(reader, writer) as session:
        await session.initialize()
        started = time.perf_counter() - began
        await rate(session, 1)
        print(await rate(session, 1), await rate(session, FLIGHT), started * 1e3)


if __name__ == "__main__":
    asyncio.run(serve() if sys.argv[1:] == ["serve"] else call())
