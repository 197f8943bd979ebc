"""Carries bytes between a port of the sandbox's own loopback interface and the broker's socket."""

import os
import selectors
import socket
from collections.abc import Sequence
from typing import Final

__all__ = ["bridge", "listen", "start_bridge"]

_PIECE_BYTES: Final = 64 * 1024
_BACKLOG: Final = 64


class _Way:
    """One direction of a connection."""

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.source, self.target = source, target
        self.data = b""
        self.is_over = False  # the source has said its last
        self.is_passed = False  # and the target was told


class _Pair:
    """Both directions of a connection."""

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self.ways = (_Way(near, far), _Way(far, near))


def listen(port: int) -> socket.socket:
    """Take a port of the loopback interface."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(_BACKLOG)
    listener.setblocking(False)  # noqa: FBT003 - the socket module's shape
    return listener


def bridge(listeners: Sequence[tuple[socket.socket, str]]) -> None:
    """Serve for ever, in one thread: each connection to a listener is joined to the unix socket beside it."""
    with selectors.DefaultSelector() as selector:
        for listener, path in listeners:
            selector.register(listener, selectors.EVENT_READ, path)
        pairs: dict[socket.socket, _Pair] = {}
        while True:
            for key, events in selector.select():
                found = key.fileobj
                if not isinstance(found, socket.socket):
                    continue
                if isinstance(key.data, str):
                    _join(selector, pairs, found, key.data)
                elif found in pairs:
                    _move(selector, pairs, found, events)


def _join(
    selector: selectors.BaseSelector, pairs: dict[socket.socket, _Pair], listener: socket.socket, path: str
) -> None:
    try:
        near, _ = listener.accept()
    except OSError:
        return
    far = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        far.connect(path)
    except OSError:
        near.close()
        far.close()
        return
    pair = _Pair(near, far)
    for end in (near, far):
        end.setblocking(False)  # noqa: FBT003 - as above
        pairs[end] = pair
        selector.register(end, selectors.EVENT_READ, pair)


def _move(selector: selectors.BaseSelector, pairs: dict[socket.socket, _Pair], end: socket.socket, events: int) -> None:
    pair = pairs[end]
    try:
        for way in pair.ways:
            if way.source is end and events & selectors.EVENT_READ and not way.is_over and not way.data:
                way.data = end.recv(_PIECE_BYTES)
                way.is_over = not way.data
            if way.data and (way.target is end or way.source is end):
                way.data = way.data[_send(way.target, way.data) :]
            if way.is_over and not way.data and not way.is_passed:
                way.is_passed = True
                way.target.shutdown(socket.SHUT_WR)
    except OSError:
        _part(selector, pairs, pair)
        return
    if all(way.is_passed for way in pair.ways):
        _part(selector, pairs, pair)
        return
    for place in (way.source for way in pair.ways):
        _watch(selector, place, pair)


def _send(target: socket.socket, data: bytes) -> int:
    try:
        return target.send(data)
    except BlockingIOError:
        return 0


def _watch(selector: selectors.BaseSelector, end: socket.socket, pair: _Pair) -> None:
    """Read from `end` while there is room, write to it while something waits."""
    wanted = 0
    for way in pair.ways:
        if way.source is end and not way.data and not way.is_over:
            wanted |= selectors.EVENT_READ
        if way.target is end and way.data:
            wanted |= selectors.EVENT_WRITE
    is_watched = end in selector.get_map()
    if wanted and is_watched:
        selector.modify(end, wanted, pair)
    elif wanted:
        selector.register(end, wanted, pair)
    elif is_watched:
        selector.unregister(end)


def _part(selector: selectors.BaseSelector, pairs: dict[socket.socket, _Pair], pair: _Pair) -> None:
    for end in (way.source for way in pair.ways):
        if end in selector.get_map():
            selector.unregister(end)
        pairs.pop(end, None)
        end.close()


def start_bridge(roads: Sequence[tuple[int, str]]) -> None:
    """Listen, then leave the carrying to a process that belongs to nobody; returns when the ports are open.

    Two forks: the program must not find a child that it did not start.
    """
    listeners = [(listen(port), path) for port, path in roads]
    child = os.fork()
    if child:
        for listener, _ in listeners:
            listener.close()
        os.waitpid(child, 0)
        return
    try:
        if os.fork() == 0:
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in range(3):
                os.dup2(null, descriptor)
            bridge(listeners)
    finally:
        os._exit(0)
