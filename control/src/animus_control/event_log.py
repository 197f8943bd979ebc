"""What happened, one JSON object a line (schema ``animus.daemon-event.v1``), and who listens to it.

The file is bounded: at half of what is kept it becomes the previous one, which replaces the one before. Values below a
key that names a secret are never written. A listener that does not keep up is told so and dropped; nobody waits for it.
"""

import contextlib
import datetime
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from animus_control.event_file import EventRecord, previous_of, tail_of
from animus_control.listener import Listener, Listeners
from animus_plugin_protocol.wire.control import DaemonEvent

__all__ = ["KEPT_BYTES", "EventLog"]

KEPT_BYTES = 20 * 1024 * 1024
"""How much is kept if nothing else is said."""


def _utc_now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


class EventLog:
    """The recorder of one host. Appending does not wait for the disk: events explain, they do not decide.

    Args:
        path: the file.
        project_root: the project, named in each line.
        redacted: takes secrets out of what is written and told.
        now: the time, in UTC.
        kept_bytes: how much is kept in the file and the one before it.

    Attributes:
        counts: how many of each kind were recorded by this process.
    """

    def __init__(
        self,
        path: Path,
        project_root: Path,
        redacted: Callable[[Any], Any],
        *,
        now: Callable[[], datetime.datetime] = _utc_now,
        kept_bytes: int = KEPT_BYTES,
    ) -> None:
        self._path, self._project_root, self._limit_bytes = path, str(project_root), kept_bytes // 2
        self._redacted, self._now = redacted, now
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.counts: Counter[str] = Counter()
        written = [*tail_of(previous_of(path)), *tail_of(path)]  # the file may have been begun a moment ago
        self._seq = max((event.seq for event in written), default=0)
        self._descriptor = self._open()
        self._listeners: Listeners[DaemonEvent] = Listeners()

    def record(self, kind: str, **payload: Any) -> DaemonEvent:
        """Write an event down and tell the listeners."""
        self._seq += 1
        self.counts[kind] += 1
        now = self._now()
        data = self._redacted({name: value for name, value in payload.items() if value is not None})
        row_id, root = f"{self._seq:08d}-{os.urandom(4).hex()}", self._project_root
        row = EventRecord(id=row_id, seq=self._seq, timestamp=now, event_type=kind, project_root=root, data=data)
        os.write(self._descriptor, msgspec.json.encode(row) + b"\n")
        if os.fstat(self._descriptor).st_size > self._limit_bytes:
            self._begin_anew()
        return self._hand_out(DaemonEvent(id=row.id, seq=row.seq, occurred_at=now, kind=kind, payload=data))

    def tell(self, kind: str, payload: dict[str, Any]) -> None:
        """Tell the listeners without writing it down."""
        now = self._now()
        self._hand_out(DaemonEvent(id="", seq=self._seq, occurred_at=now, kind=kind, payload=self._redacted(payload)))

    def _hand_out(self, event: DaemonEvent) -> DaemonEvent:
        self._listeners.tell(event)
        return event

    def listen(self) -> Listener[DaemonEvent]:
        """Events from now on, for as long as the listener is kept."""
        return self._listeners.add()

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def _begin_anew(self) -> None:
        """Make the file the previous one. Ours is never a closed descriptor, whose number somebody else may have."""
        with contextlib.suppress(FileNotFoundError):  # somebody removed it
            self._path.replace(previous_of(self._path))
        fresh = self._open()
        os.dup2(fresh, self._descriptor, inheritable=False)
        os.close(fresh)

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
