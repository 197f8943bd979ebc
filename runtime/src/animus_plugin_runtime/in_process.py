"""A plugin in a thread of this process, behind the same pipes: for tests and experiments, without process costs."""

import asyncio
import os
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from animus_plugin_protocol import Plugin, methods
from animus_plugin_protocol.errors import ErrorCode, RetriableError, RpcFault
from animus_plugin_runtime.connection import Connection, OnRequest
from animus_plugin_runtime.handshake import HostOffer, shake_hands
from animus_plugin_runtime.observer import FrameObserver

__all__ = ["twin"]

END_SECONDS = 5.0
"""How long the thread may take to end."""


@asynccontextmanager
async def twin(
    plugin: Plugin,
    offer: HostOffer | None = None,
    *,
    on_request: OnRequest | None = None,
    observers: tuple[FrameObserver, ...] = (),
) -> AsyncGenerator[Connection]:
    """Run `plugin` in a thread and shake hands; on leaving it is shut down.

    Raises:
        RpcFault: the handshake failed.
    """
    to_plugin, from_host = os.pipe()
    to_host, from_plugin = os.pipe()
    stdin, stdout = os.fdopen(to_plugin, "rb", buffering=0), os.fdopen(from_plugin, "wb", buffering=0)

    def run() -> None:
        with stdin, stdout:
            plugin.run([], stdin=stdin, stdout=stdout)

    connection = Connection(plugin.name, on_request=on_request, observers=observers)
    await connection.channel.open(os.fdopen(to_host, "rb", buffering=0), os.fdopen(from_host, "wb", buffering=0))
    thread = threading.Thread(target=run, name=f"twin of {plugin.name}", daemon=True)
    thread.start()
    watch = asyncio.create_task(_watch(connection))
    try:
        await shake_hands(connection, offer or HostOffer())
        yield connection
        if connection.is_open:
            await _shut_down(connection)
    finally:
        connection.channel.close_input()
        connection.fail(_gone(plugin.name))
        await watch
        await asyncio.to_thread(thread.join, END_SECONDS)


async def _watch(connection: Connection) -> None:
    await connection.wait_ended()
    connection.fail(_gone(connection.plugin))
    await connection.close()


async def _shut_down(connection: Connection) -> None:
    try:
        await connection.call_raw(methods.SHUTDOWN, timeout_seconds=END_SECONDS)
    except RpcFault:
        return
    connection.notify(methods.EXIT)


def _gone(name: str) -> RetriableError:
    return RetriableError(f"plugin {name!r} has ended", code=ErrorCode.HOST_PLUGIN_DIED, data={"plugin": name})
