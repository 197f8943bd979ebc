"""How far the export is, on disk: the last exported event, and what had begun and not ended by then."""

import datetime
import fcntl
import os
from pathlib import Path
from typing import Self

import msgspec

from animus_observer_otel.timeline import OpenRun
from animus_plugin_protocol.wire.control import DaemonEvent

__all__ = ["Cursor", "CursorError", "CursorFile", "Position"]

_SCHEMA = "animus.observer-otel-cursor.v1"


class CursorError(Exception):
    """The cursor cannot be used; the message names its file and says what to do."""


class Position(msgspec.Struct, frozen=True):
    """The last event that is behind us."""

    seq: int
    occurred_at: datetime.datetime

    def is_before(self, event: DaemonEvent) -> bool:
        """Whether an event is still to come. A later one with a lower number belongs to a log that was begun anew."""
        return event.seq > self.seq or event.occurred_at > self.occurred_at

    def missed_before(self, event: DaemonEvent) -> int:
        """How many events between here and `event` are in no log any more."""
        return max(event.seq - self.seq - 1, 0)


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """What the file holds."""

    schema: str = _SCHEMA
    position: Position | None = None
    open_runs: dict[str, OpenRun] = {}


class CursorFile:
    """The file of one observer; nobody else may use it meanwhile."""

    def __init__(self, path: Path) -> None:
        """Take it.

        Raises:
            CursorError: another observer has it, or its folder cannot be made.
        """
        self._path = path
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise CursorError(f"{path}: {error.strerror}; name another with --cursor") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise CursorError(
                f"{path} is in use by another observer of this project; stop that one, or name another with --cursor"
            ) from error

    def load(self) -> Cursor:
        """What is there; the beginning when nothing is.

        Raises:
            CursorError: what is there is no cursor.
        """
        try:
            cursor = msgspec.json.decode(self._path.read_bytes(), type=Cursor)
        except FileNotFoundError:
            return Cursor()
        except (OSError, ValueError) as error:
            raise CursorError(f"{self._path}: {error}; remove it to export everything recorded again") from error
        if cursor.schema != _SCHEMA:
            raise CursorError(f"{self._path} has the schema {cursor.schema!r}, this observer writes {_SCHEMA!r}")
        return cursor

    def save(self, cursor: Cursor) -> None:
        """Replace it; after a power cut one of the two is there, whole.

        Raises:
            CursorError: it cannot be written.
        """
        new = self._path.with_suffix(".new")
        try:
            with new.open("wb") as file:
                file.write(msgspec.json.encode(cursor))
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
        except OSError as error:
            raise CursorError(f"{self._path}: {error.strerror}") from error

    def close(self) -> None:
        """Let others have it."""
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
