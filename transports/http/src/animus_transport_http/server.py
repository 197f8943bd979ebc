"""The server: accepts a bounded number of connections, and ends without breaking an answer off."""

import asyncio
import socket
from collections.abc import Callable

from animus_transport_http.api import Api
from animus_transport_http.connection import Connection, Limits

__all__ = ["CONNECTION_LIMIT", "STOP_SECONDS", "HttpServer"]

CONNECTION_LIMIT = 128
"""Connections at once; a further one is answered with 503."""
STOP_SECONDS = 10.0
"""How long requests that are under way may take to end once the server is to stop."""

_BUSY_BODY = b'{"ok":false,"error":{"code":"unavailable","message":"too many connections"}}\n'
_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(_BUSY_BODY), _BUSY_BODY)
)


class HttpServer:
    """Serves `api` on a listening socket."""

    def __init__(self, api: Api, limits: Limits | None = None) -> None:
        self._api, self._limits = api, limits or Limits()
        self._connections: dict[asyncio.Task[None], Connection] = {}
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Begin to end."""
        self._stopping.set()

    async def serve(self, listener: socket.socket, on_ready: Callable[[], None] = lambda: None) -> None:
        """Serve until `stop` is called in the loop that this runs in; then end what is under way."""
        server = await asyncio.start_server(self._accept, sock=listener)
        on_ready()
        try:
            await self._stopping.wait()
        finally:
            server.close()
            await self._end()

    async def _end(self) -> None:
        self._api.close()
        for connection in self._connections.values():
            connection.close_soon()
        if self._connections:
            _, late = await asyncio.wait(list(self._connections), timeout=STOP_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= CONNECTION_LIMIT:
            writer.write(_BUSY)
            writer.close()
            return
        connection = Connection(self._api, self._limits, reader, writer)
        task = asyncio.current_task()
        if task is None:
            raise LookupError("a connection is served in a task")
        self._connections[task] = connection
        try:
            await connection.serve()
        finally:
            del self._connections[task]
