"""The sandbox's only way out: one unix socket per upstream, on which requests are judged and given their key."""

import contextlib
import http.client
import os
import socket
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from animus_sandbox.exchange import Exchange
from animus_sandbox.upstream import Address, Upstream, address_of

__all__ = ["CONNECTIONS", "Broker"]

CONNECTIONS: Final = 64
"""Connections at once, for all upstreams of one sandbox; a further one is closed at once."""
_BACKLOG: Final = 64
_END_SECONDS: Final = 2.0


class Broker:
    """Listens as soon as it is made, on threads of this process; `close` ends every connection.

    Attributes:
        sockets: the unix sockets, one for each upstream, in order.
    """

    def __init__(self, upstreams: Sequence[Upstream], folder: Path) -> None:
        """Listen in `folder`, which is private to this user.

        Raises:
            SandboxSpecError: an upstream cannot be meant.
            OSError: there can be no socket in `folder`.
        """
        addresses = [address_of(upstream) for upstream in upstreams]
        self.sockets = [folder / f"upstream-{number}.sock" for number in range(len(upstreams))]
        self._turn = threading.Lock()
        self._slots = threading.BoundedSemaphore(CONNECTIONS)
        self._is_closed = False
        self._open: set[socket.socket] = set()
        self._servers: dict[int, http.client.HTTPConnection] = {}
        self._listeners = [_listen(path) for path in self.sockets]
        self._threads = [
            self._start(self._accept, listener, upstream, address)
            for listener, upstream, address in zip(self._listeners, upstreams, addresses, strict=True)
        ]

    def close(self) -> None:
        """End all connections and wait a bounded time for the threads. Again is fine."""
        with self._turn:
            self._is_closed = True
            for listener in self._listeners:
                _shut(listener)
            for connection in self._open:
                _shut(connection)
            for server in self._servers.values():
                if server.sock is not None:  # pyright: ignore[reportUnnecessaryComparison] - None before it is connected
                    _shut(server.sock)
            threads = list(self._threads)
        for thread in threads:
            thread.join(_END_SECONDS)
        for listener, path in zip(self._listeners, self.sockets, strict=True):
            listener.close()
            path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self, work: Callable[[socket.socket, Upstream, Address], None], *arguments: Any) -> threading.Thread:
        thread = threading.Thread(target=work, args=arguments, name="sandbox-broker", daemon=True)
        thread.start()
        return thread

    def _accept(self, listener: socket.socket, upstream: Upstream, address: Address) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self._turn:
                if self._is_closed or not self._slots.acquire(blocking=False):
                    connection.close()
                    continue
                self._open.add(connection)
                self._threads = [thread for thread in self._threads if thread.is_alive()]
                self._threads.append(self._start(self._serve, connection, upstream, address))

    def _serve(self, connection: socket.socket, upstream: Upstream, address: Address) -> None:
        def note(server: http.client.HTTPConnection | None) -> None:
            with self._turn:
                if server is None:
                    self._servers.pop(id(connection), None)
                elif self._is_closed:
                    raise ConnectionAbortedError("the sandbox is closed")
                else:
                    self._servers[id(connection)] = server

        try:
            # What a program does to its own connection is no news here.
            with contextlib.suppress(OSError):
                Exchange(connection, upstream, address, note)
        finally:
            with self._turn:
                self._open.discard(connection)
                self._servers.pop(id(connection), None)
            connection.close()
            self._slots.release()


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Through the folder's descriptor: the name of a socket holds 108 bytes, a folder's path may hold more.
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        listener.bind(f"/proc/self/fd/{folder}/{path.name}")
        path.chmod(0o600)
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    finally:
        os.close(folder)
    return listener


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
