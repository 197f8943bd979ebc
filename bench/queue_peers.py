"""What the queue's benches compare it with: one synced write, a table of SQLite, one JSON file."""

import itertools
import json
import os
import sqlite3
import time
from pathlib import Path

import msgspec

from animus_queue_default.model.identity import mint_id

FLOOR_BYTES = 200


def dispatch(number: int) -> dict[str, object]:
    return {
        "subject": {"kind": "animus.task", "id": f"TASK-{number}"},
        "workflow_ref": "animus.task/standard",
        "trigger_source": "bench",
        "requested_at": "2026-01-01T00:00:00Z",
    }


class Floor:
    def __init__(self, directory: Path) -> None:
        self._descriptor = os.open(directory / "floor", os.O_RDWR | os.O_CREAT)
        self._end = 0

    def write(self) -> None:
        os.pwrite(self._descriptor, b"x" * FLOOR_BYTES, self._end)
        os.fdatasync(self._descriptor)
        self._end += FLOOR_BYTES


_INSERT = "insert into entry values(null,?,?,?,0,?,null,0,null)"


class Sqlite:
    """The same in SQLite: the design to beat."""

    def __init__(self, directory: Path, size: int) -> None:
        self._database = sqlite3.connect(directory / f"sqlite-{size}.db", isolation_level=None)
        self._database.executescript(
            """
            pragma journal_mode=wal; pragma synchronous=full;
            create table entry(seq integer primary key, entry_id text unique, subject text, dispatch blob, status int,
                               priority int, owner text, generation int, expires_at int);
            create index waiting on entry(priority, seq) where status = 0;
            create index by_subject on entry(subject);
            """
        )
        self._numbers = itertools.count()
        self._database.execute("begin")
        for _ in range(size):
            self._database.execute(_INSERT, self._row())
        self._database.execute("commit")
        self._database.execute("pragma wal_checkpoint(truncate)")

    def _row(self) -> tuple[str, str, bytes, int]:
        number = next(self._numbers)
        content = json.dumps(dispatch(number), separators=(",", ":")).encode()
        return mint_id(), f"task:TASK-{number}", content, number % 4

    def prepare(self, operation: str, turns: int) -> None:
        self._rows = [self._row() for _ in range(turns)]
        if operation == "lease":
            self._database.execute("begin immediate")
            self._database.executemany(_INSERT, self._rows)
            self._database.execute("commit")

    def enqueue(self) -> None:
        self._database.execute("begin immediate")
        self._database.execute(_INSERT, self._rows.pop())
        self._database.execute("commit")

    def lease(self) -> None:
        self._database.execute("begin immediate")
        ((seq, _),) = self._database.execute(
            "select seq, dispatch from entry where status = 0 order by priority, seq limit 1"
        )
        self._database.execute(
            "update entry set status = 1, owner = ?, generation = generation + 1, expires_at = ? where seq = ?",
            ("bench", time.time_ns() // 1_000, seq),
        )
        self._database.execute("commit")


class WholeFile:
    """The same as one JSON file."""

    def __init__(self, directory: Path, size: int) -> None:
        self._path = directory / f"whole-{size}.json"
        self._entries = [self._entry(number) for number in range(size)]
        self._first = 0

    def _entry(self, number: int) -> dict[str, object]:
        return {"entry_id": mint_id(), "dispatch": dispatch(number), "status": "pending", "priority": number % 4}

    def prepare(self, operation: str, turns: int) -> None:
        if operation == "lease":
            self._entries += [self._entry(len(self._entries) + number) for number in range(turns)]

    def _save(self) -> None:
        temporary = self._path.with_suffix(".tmp")
        with temporary.open("wb") as file:
            file.write(msgspec.json.encode({"entries": self._entries}))
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(self._path)
        directory = os.open(self._path.parent, os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)

    def enqueue(self) -> None:
        self._entries.append(self._entry(len(self._entries)))
        self._save()

    def lease(self) -> None:
        self._entries[self._first]["status"] = "assigned"
        self._first += 1
        self._save()
