"""Events of the daemon, read on a thread of their own into a bounded buffer.

The daemon never waits for us: it cuts the stream of a listener that lags. Here nothing is thrown away for that: when
the buffer is full the stream is closed, and when there is room it is opened again behind the last event that was kept.
Only what the daemon's own log has rotated away meanwhile is missed, and that is counted.
"""

import contextlib
import datetime
import queue
import threading
from collections.abc import Callable
from typing import Protocol

from animus_control.client import ControlClient
from animus_control.errors import ControlError
from animus_control.project import Project
from animus_observer_otel.cursor import Position
from animus_plugin_protocol.wire.control import DaemonEvent, DaemonEventsParams

__all__ = ["BUFFER_LIMIT", "DaemonFeed", "Feed"]

BUFFER_LIMIT = 8192
"""Events that may wait for the export."""

_FIRST_RETRY_SECONDS, _LAST_RETRY_SECONDS = 0.5, 15.0
_ROOM_SECONDS = 0.5
_JOIN_SECONDS = 2.0
_OVERLAP = datetime.timedelta(minutes=10)
"""Asked for again, in case the clock was set back; what is known by its number is left out."""


class Feed(Protocol):
    """Where events come from."""

    missed: int
    """Events that were recorded and could not be had."""

    def take(self, limit: int, wait_seconds: float) -> list[DaemonEvent]:
        """The next events, at least one unless none comes in time."""
        ...

    def is_over(self) -> bool:
        """Whether none can come any more."""
        ...


class DaemonFeed:
    """The recorded events of a project's daemon and then, with `follow`, each as it happens, across its restarts.

    Attributes:
        missed: events that the log has rotated away before they were read.
        is_connected: whether a daemon is there.
        was_connected: whether one has been there.
    """

    def __init__(
        self, project: Project, position: Position | None, *, follow: bool, say: Callable[[str], None]
    ) -> None:
        """Prepare to read what comes behind `position`; `say` is told of what people should know."""
        self._project, self._position, self._follow, self._say = project, position, follow, say
        self._buffer: queue.Queue[DaemonEvent] = queue.Queue(BUFFER_LIMIT)
        self._stopped = threading.Event()
        self._client: ControlClient | None = None
        self._thread = threading.Thread(target=self._read, name="feed", daemon=True)
        self.missed = 0
        self.is_connected = self.was_connected = False

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def take(self, limit: int, wait_seconds: float) -> list[DaemonEvent]:
        """The next events, at least one unless none comes in time."""
        found: list[DaemonEvent] = []
        with contextlib.suppress(queue.Empty):
            found.append(self._buffer.get(timeout=wait_seconds))
            while len(found) < limit:
                found.append(self._buffer.get_nowait())
        return found

    def is_over(self) -> bool:
        """Whether none can come any more."""
        return not self._thread.is_alive() and self._buffer.empty()

    def close(self) -> None:
        """Read no more."""
        self._stopped.set()
        client = self._client
        if client is not None:
            with contextlib.suppress(OSError):
                client.cancel()  # ends the stream, and with it the thread's wait
        if self._thread.is_alive():
            self._thread.join(_JOIN_SECONDS)

    def _read(self) -> None:
        delay, told = _FIRST_RETRY_SECONDS, ""
        while not self._stopped.is_set():
            try:
                has_read = self._read_stream()
                problem = "" if has_read else "no daemon serves the project"
            except ControlError as error:
                has_read, problem = self.is_connected, error.message
            self.is_connected = False
            if not self._follow:
                if problem:
                    self._say(problem)
                return
            if problem and problem != told:
                self._say(f"{problem}; waiting for it")
            told, delay = problem, _FIRST_RETRY_SECONDS if has_read else delay
            self._wait_room()
            self._stopped.wait(delay)
            delay = min(delay * 2, _LAST_RETRY_SECONDS)

    def _read_stream(self) -> bool:
        """Read until the stream ends or the buffer is full; whether a daemon was there."""
        client = ControlClient.connect(self._project)
        if client is None:
            return False
        with client:
            since = None if self._position is None else self._position.occurred_at - _OVERLAP
            stream = client.stream("daemon/events", DaemonEventsParams(since=since, limit=None, follow=self._follow))
            self._client, self.is_connected, self.was_connected = client, True, True
            try:
                for event in stream:
                    if self._stopped.is_set() or not self._keep(event):
                        break
            finally:
                self._client = None
        return True

    def _keep(self, event: DaemonEvent) -> bool:
        """Buffer an event that is new; False when there is no room."""
        is_recorded = bool(event.id)
        position = self._position
        if is_recorded and position is not None and not position.is_before(event):
            return True
        try:
            self._buffer.put_nowait(event)
        except queue.Full:
            return not is_recorded  # a live line is not worth stopping for, and is in the run's log
        if is_recorded:
            if position is not None:
                self.missed += position.missed_before(event)
            self._position = Position(event.seq, event.occurred_at)
        return True

    def _wait_room(self) -> None:
        while self._buffer.qsize() > BUFFER_LIMIT // 2 and not self._stopped.is_set():
            self._stopped.wait(_ROOM_SECONDS)
