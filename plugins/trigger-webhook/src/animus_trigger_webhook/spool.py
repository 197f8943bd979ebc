"""Deliveries on disk: those that were promised to somebody and not yet handed on, and the ids of those before.

A delivery is durable when `add` returns, and only then may its sender be told so. It stays until it is settled; its id
stays for a week after that, so that a repetition is recognised. One file, safe against the death of the process and
of the machine.
"""

import enum
import sqlite3
import threading
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["PENDING_LIMIT", "REMEMBERED_SECONDS", "Added", "Spool", "SpoolError", "Spooled"]

PENDING_LIMIT: Final = 1000
"""Deliveries to one trigger that may wait."""
REMEMBERED_SECONDS: Final = 7 * 24 * 3600.0
"""How long the id of a settled delivery is known."""

_BUSY_SECONDS: Final = 5.0
_VERSION: Final = 1
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS delivery (
  number INTEGER PRIMARY KEY,
  event_id TEXT NOT NULL UNIQUE,
  trigger_id TEXT NOT NULL,
  received_at REAL NOT NULL,
  digest BLOB NOT NULL,
  payload BLOB  -- NULL: settled
);
CREATE INDEX IF NOT EXISTS delivery_pending ON delivery (trigger_id, number) WHERE payload IS NOT NULL;
CREATE INDEX IF NOT EXISTS delivery_age ON delivery (received_at) WHERE payload IS NULL;
"""


class SpoolError(Exception):
    """The file cannot be used; the message names it."""


class Added(enum.Enum):
    """What became of a delivery that was to be added."""

    NEW = "new"
    REPEATED = "repeated"
    """The same one is known."""
    CONFLICTING = "conflicting"
    """Its id is known from another body."""
    FULL = "full"
    """`PENDING_LIMIT` wait already."""


class Spooled(NamedTuple):
    """A delivery that is to be handed on."""

    event_id: str
    trigger_id: str
    payload: bytes


class Spool:
    """The file; for use by any thread."""

    def __init__(self, path: Path, now: Callable[[], float]) -> None:
        """Open or make it.

        Args:
            path: of the file; its folder is made, closed to everybody else.
            now: seconds since the epoch.

        Raises:
            SpoolError: it cannot be opened, or was written by a newer version.
        """
        self._path, self._now = path, now
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=FULL")  # a commit is on the disk when it returns
            (version,) = self._database.execute("PRAGMA user_version").fetchone()
            if version > _VERSION:
                raise SpoolError(f"{path} is of version {version}, this plugin writes {_VERSION}: update it")
            self._database.executescript(f"BEGIN IMMEDIATE; {_TABLE} PRAGMA user_version={_VERSION}; COMMIT;")
        except (sqlite3.Error, OSError) as error:
            raise SpoolError(f"{path}: {error}") from error

    def add(self, trigger_id: str, event_id: str, payload: bytes, digest: bytes) -> Added:
        """Keep a delivery, durably, unless it is known.

        Raises:
            SpoolError: it could not be written; nothing was promised.
        """
        try:
            with self._lock, self._database:
                self._database.execute("BEGIN IMMEDIATE")
                known = self._database.execute("SELECT digest FROM delivery WHERE event_id = ?", (event_id,)).fetchone()
                if known is not None:
                    return Added.REPEATED if known[0] == digest else Added.CONFLICTING
                (waiting,) = self._database.execute(
                    "SELECT count(*) FROM delivery WHERE trigger_id = ? AND payload IS NOT NULL", (trigger_id,)
                ).fetchone()
                if waiting >= PENDING_LIMIT:
                    return Added.FULL
                now = self._now()
                self._database.execute(
                    "DELETE FROM delivery WHERE payload IS NULL AND received_at < ?", (now - REMEMBERED_SECONDS,)
                )
                self._database.execute(
                    "INSERT INTO delivery (event_id, trigger_id, received_at, digest, payload) VALUES (?, ?, ?, ?, ?)",
                    (event_id, trigger_id, now, digest, payload),
                )
        except sqlite3.Error as error:
            raise SpoolError(f"{self._path}: {error}") from error
        return Added.NEW

    def is_known(self, event_id: str) -> bool:
        """Whether a delivery was added before.

        Raises:
            SpoolError: the file cannot be read.
        """
        try:
            with self._lock:
                row = self._database.execute("SELECT 1 FROM delivery WHERE event_id = ?", (event_id,)).fetchone()
        except sqlite3.Error as error:
            raise SpoolError(f"{self._path}: {error}") from error
        return row is not None

    def pending(self, trigger_id: str, limit: int, without: Collection[str]) -> list[Spooled]:
        """The first deliveries to a trigger that are not settled, oldest first.

        Args:
            trigger_id: whose.
            limit: how many at most.
            without: ids of events to leave out.
        """
        asked = limit + len(without)
        with self._lock:
            rows = self._database.execute(
                "SELECT event_id, payload FROM delivery WHERE trigger_id = ? AND payload IS NOT NULL"
                " ORDER BY number LIMIT ?",
                (trigger_id, asked),
            ).fetchall()
        found = [Spooled(event_id, trigger_id, payload) for event_id, payload in rows if event_id not in without]
        return found[:limit]

    def settle(self, event_id: str) -> str | None:
        """Somebody else has it now, or nobody wants it: only its id is kept. Returns whose it was, None if unknown."""
        with self._lock, self._database:
            row = self._database.execute("SELECT trigger_id FROM delivery WHERE event_id = ?", (event_id,)).fetchone()
            self._database.execute("UPDATE delivery SET payload = NULL WHERE event_id = ?", (event_id,))
        return None if row is None else str(row[0])

    def settle_all(self, trigger_id: str) -> int:
        """As `settle`, for everything that waits for a trigger that is gone; how many that were."""
        with self._lock, self._database:
            return self._database.execute(
                "UPDATE delivery SET payload = NULL WHERE trigger_id = ? AND payload IS NOT NULL", (trigger_id,)
            ).rowcount

    def expire(self, served: Collection[str]) -> int:
        """Settle what has waited for longer than `REMEMBERED_SECONDS` for triggers that are not served any more."""
        marks = ", ".join("?" * len(served))
        with self._lock, self._database:
            return self._database.execute(
                f"UPDATE delivery SET payload = NULL WHERE trigger_id NOT IN ({marks})"  # noqa: S608 - only marks
                " AND payload IS NOT NULL AND received_at < ?",
                (*served, self._now() - REMEMBERED_SECONDS),
            ).rowcount

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._database.close()
