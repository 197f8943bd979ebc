"""What happened, one JSON object a line (schema ``animus.daemon-event.v1``), and who listens to it.

The file is bounded: at its limit it becomes the previous one, which replaces the one before. Values below a key that
names a secret are never written. A listener that does not keep up is told so and dropped; nobody waits for it.
"""

import asyncio
import datetime
import os
import re
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self, cast

import msgspec

from animus_plugin_protocol.wire.control import DaemonEvent

__all__ = ["LISTENER_LIMIT", "EventLog", "Listener", "ListenerLaggedError", "read_events", "redacted"]

LISTENER_LIMIT = 4096
"""Events that may wait for one listener."""

_FILE_LIMIT_BYTES = 10 * 1024 * 1024
_TAIL_BYTES = 64 * 1024
_SCHEMA = "animus.daemon-event.v1"
_SECRET_KEY = re.compile(
    r"(token|secret|password|passwd|api[_-]?key|authorization|credential|cookie|private[_-]?key)s?$", re.IGNORECASE
)


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    schema: str = _SCHEMA
    id: str
    seq: int
    timestamp: datetime.datetime
    event_type: str
    project_root: str
    data: Any = None


class ListenerLaggedError(Exception):
    """The listener was too slow; events are missing for it from here on."""


class Listener:
    """An iterator over events that raises `ListenerLaggedError` once more than `LISTENER_LIMIT` of them waited."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[DaemonEvent] = asyncio.Queue()
        self._has_lagged = False

    def put(self, event: DaemonEvent) -> None:
        """Hand over one event; never waits."""
        self._has_lagged = self._has_lagged or self._waiting.qsize() >= LISTENER_LIMIT
        if not self._has_lagged:
            self._waiting.put_nowait(event)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> DaemonEvent:
        if self._has_lagged:
            raise ListenerLaggedError
        return await self._waiting.get()


class EventLog:
    """The recorder of one host. Appending does not wait for the disk: events explain, they do not decide."""

    def __init__(self, path: Path, project_root: Path, *, limit_bytes: int = _FILE_LIMIT_BYTES) -> None:
        self._path, self._project_root, self._limit_bytes = path, str(project_root), limit_bytes
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._seq = max((event.seq for event in _tail(path)), default=0)
        self._descriptor = self._open()
        self._listeners: weakref.WeakSet[Listener] = weakref.WeakSet()

    def record(self, kind: str, **payload: Any) -> DaemonEvent:
        """Write an event down and tell the listeners."""
        self._seq += 1
        now = datetime.datetime.now(datetime.UTC)
        data = redacted({name: value for name, value in payload.items() if value is not None})
        row_id, root = f"{self._seq:08d}-{os.urandom(4).hex()}", self._project_root
        row = _Record(id=row_id, seq=self._seq, timestamp=now, event_type=kind, project_root=root, data=data)
        os.write(self._descriptor, msgspec.json.encode(row) + b"\n")
        if os.fstat(self._descriptor).st_size > self._limit_bytes:
            os.close(self._descriptor)
            self._path.replace(_previous(self._path))
            self._descriptor = self._open()
        return self._hand_out(DaemonEvent(id=row.id, seq=row.seq, occurred_at=now, kind=kind, payload=data))

    def tell(self, kind: str, payload: dict[str, Any]) -> None:
        """Tell the listeners without writing it down."""
        now = datetime.datetime.now(datetime.UTC)
        self._hand_out(DaemonEvent(id="", seq=self._seq, occurred_at=now, kind=kind, payload=redacted(payload)))

    def _hand_out(self, event: DaemonEvent) -> DaemonEvent:
        for listener in self._listeners:
            listener.put(event)
        return event

    def listen(self) -> "Listener":
        """Events from now on, for as long as the listener is kept."""
        listener = Listener()
        self._listeners.add(listener)
        return listener

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def read_events(path: Path, *, since: datetime.datetime | None = None, limit: int | None = None) -> list[DaemonEvent]:
    """The recorded events, oldest first; the latest `limit` ones. Lines that are not events are skipped."""
    events = [
        event
        for file in (_previous(path), path)
        for event in _decoded(file)
        if since is None or event.occurred_at >= since
    ]
    return events if limit is None else events[max(len(events) - limit, 0) :]


def redacted(value: Any) -> Any:
    """`value` without what stands below keys that name secrets."""
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        hidden = {name for name, item in items if _names_secret(name) and not isinstance(item, int | float)}
        return {name: "[redacted]" if name in hidden else redacted(item) for name, item in items}
    if isinstance(value, list | tuple):
        return [redacted(item) for item in cast("list[Any]", value)]
    return value


def _names_secret(name: str) -> bool:
    return _SECRET_KEY.search(name) is not None


def _previous(path: Path) -> Path:
    return path.with_suffix(".previous.jsonl")


def _decoded(path: Path, offset: int = 0) -> Iterator[DaemonEvent]:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            lines = file.read().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            row = msgspec.json.decode(line, type=_Record)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        yield DaemonEvent(id=row.id, seq=row.seq, occurred_at=row.timestamp, kind=row.event_type, payload=row.data)


def _tail(path: Path) -> Iterator[DaemonEvent]:
    try:
        yield from _decoded(path, max(path.stat().st_size - _TAIL_BYTES, 0))
    except FileNotFoundError:
        yield from ()
