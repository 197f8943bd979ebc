"""The recorded events on disk, one JSON object a line (schema ``animus.daemon-event.v1``); reading needs no daemon."""

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from animus_plugin_protocol.described import described
from animus_plugin_protocol.wire.control import DaemonEvent

__all__ = ["EventRecord", "previous_of", "read_events", "tail_of"]

_TAIL_BYTES = 64 * 1024
_SCHEMA = "animus.daemon-event.v1"


class EventRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One line."""

    schema: str = _SCHEMA
    id: str
    seq: int
    timestamp: datetime.datetime
    event_type: str
    project_root: str
    data: Any = None


def read_events(path: Path, *, since: datetime.datetime | None = None, limit: int | None = None) -> list[DaemonEvent]:
    """The recorded events, oldest first; the latest `limit` ones. Lines that are not events are skipped."""
    events = [
        event
        for file in (previous_of(path), path)
        for event in _decoded(file)
        if since is None or event.occurred_at >= since
    ]
    return events if limit is None else events[max(len(events) - limit, 0) :]


def previous_of(path: Path) -> Path:
    """Where the file goes when it is full."""
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
            row = msgspec.json.decode(line, type=described(EventRecord))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        yield DaemonEvent(id=row.id, seq=row.seq, occurred_at=row.timestamp, kind=row.event_type, payload=row.data)


def tail_of(path: Path) -> Iterator[DaemonEvent]:
    """The latest events of the file."""
    try:
        yield from _decoded(path, max(path.stat().st_size - _TAIL_BYTES, 0))
    except FileNotFoundError:
        yield from ()
