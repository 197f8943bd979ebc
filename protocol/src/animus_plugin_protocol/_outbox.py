"""What the plugin writes: whole frames, in order, from any thread, without ever stopping the reader.

A frame is written at once when the pipe takes it. What a full pipe does not take waits in memory and a thread
started for the purpose writes it, so that the reader goes on reading while the host is slow: two sides that both
write before they read would otherwise wait for each other for ever.
"""

import threading
from collections import deque
from typing import Final, Protocol

from animus_plugin_protocol.errors import ErrorCode, HostGoneError

__all__ = ["READER_BACKLOG_BYTES", "WORKER_BACKLOG_BYTES", "Outbox", "Scope", "Sink"]

WORKER_BACKLOG_BYTES: Final = 1024 * 1024
"""A worker's notification waits while more than this is unwritten."""

READER_BACKLOG_BYTES: Final = 64 * 1024 * 1024
"""Even the reader waits beyond this: a host that sends and never reads is pushed back, not buffered for ever."""

STALL_SECONDS: Final = 30.0
"""A host that takes nothing for this long is gone."""


class Sink(Protocol):
    """Where bytes go."""

    def write(self, data: bytes | memoryview) -> int:
        """Write what can be written without waiting; how much that was."""
        ...

    def wait_writable(self, timeout_seconds: float) -> bool:
        """Wait until `write` would take something."""
        ...


class Scope:
    """Of one request: whether its reply was written. Nothing of it is written afterwards."""

    __slots__ = ("closed",)

    def __init__(self) -> None:
        self.closed = False


class Outbox:
    """The one door to the host."""

    def __init__(self, sink: Sink, *, stall_seconds: float = STALL_SECONDS) -> None:
        self._sink = sink
        self._put = sink.write
        self._stall_seconds = stall_seconds
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._backlog: deque[memoryview] = deque()
        self._backlog_bytes = 0
        self._flusher: threading.Thread | None = None
        self.is_broken = False

    def put(self, data: bytes) -> None:
        """Write frames from the reader. Dropped when the host is gone: nobody is left to tell."""
        with self._lock:
            if not self._backlog and not self.is_broken:  # the usual case: the pipe takes it at once
                try:
                    taken = self._put(data)
                except (OSError, ValueError):
                    self._break()
                    return
                if taken == len(data):
                    return
                data = data[taken:]
            elif self._backlog_bytes > READER_BACKLOG_BYTES:
                self._wait_room(READER_BACKLOG_BYTES)
            self._write(data)

    def put_note(self, data: bytes, scope: Scope, *, limit: int) -> None:
        """Write a notification of a request; dropped when the request was answered already.

        Raises:
            HostGoneError: the host is gone.
        """
        with self._changed:
            self._wait_room(limit)
            if self.is_broken:
                raise HostGoneError("the host is gone: it closed the pipe or stopped reading", code=ErrorCode.TIMEOUT)
            if not scope.closed:
                self._write(data)

    def put_reply(self, data: bytes | None, scope: Scope | None) -> None:
        """Write the reply of a request, if it has one, and close its scope, if it has one."""
        with self._lock:
            if scope is not None:
                scope.closed = True
            if data is not None:
                self._wait_room(READER_BACKLOG_BYTES)
                self._write(data)

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until everything is written; whether it was."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._backlog or self.is_broken, timeout_seconds)

    def close(self) -> None:
        """Write nothing any more: whoever comes later finds the host gone, not a descriptor that is somebody else's."""
        with self._lock:
            self._break()

    def _wait_room(self, limit: int) -> None:
        if self._backlog_bytes <= limit:
            return
        if not self._changed.wait_for(lambda: self._backlog_bytes <= limit or self.is_broken, self._stall_seconds):
            self._break()

    def _write(self, data: bytes) -> None:
        if self.is_broken:
            return
        taken = 0 if self._backlog else self._take(data)
        if taken < len(data) and not self.is_broken:
            self._backlog.append(memoryview(data)[taken:])
            self._backlog_bytes += len(data) - taken
            self._wake_flusher()

    def _take(self, data: bytes | memoryview) -> int:
        try:
            return self._sink.write(data)
        except (OSError, ValueError):  # ValueError: a closed file object
            self._break()
            return 0

    def _break(self) -> None:
        self.is_broken = True
        self._backlog.clear()
        self._backlog_bytes = 0
        self._changed.notify_all()

    def _wake_flusher(self) -> None:
        if self._flusher is None:
            self._flusher = threading.Thread(target=self._flush_backlog, name="animus-outbox", daemon=True)
            self._flusher.start()
        else:
            self._changed.notify_all()

    def _flush_backlog(self) -> None:
        while True:
            with self._changed:
                while not self._backlog:
                    if self.is_broken:
                        return
                    self._changed.wait()
            # outside the lock: others add to the backlog meanwhile
            is_writable = self._sink.wait_writable(self._stall_seconds)
            with self._changed:
                if not is_writable:
                    self._break()
                    return
                self._drain_some()

    def _drain_some(self) -> None:
        while self._backlog:
            head = self._backlog[0]
            taken = self._take(head)
            if self.is_broken:
                return
            self._backlog_bytes -= taken
            if taken < len(head):
                self._backlog[0] = head[taken:]
                break
            self._backlog.popleft()
        self._changed.notify_all()
