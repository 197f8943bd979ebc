"""Tasks and requirements in SQLite: the domain of this plugin, which has never heard of the protocol.

Promises: a write is on disk before the call returns; an id is given once and never again, also after a deletion; a
refused call changes nothing. Several processes may use one database. Leaves to others: who may do what, what a run is.
"""

import contextlib
import json
import sqlite3
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

from animus_subject_default import row
from animus_subject_default.errors import InvalidSubjectError, SubjectNotFoundError
from animus_subject_default.record import (
    DEFAULT_PAGE,
    KINDS,
    LARGEST_PAGE,
    Clock,
    Keep,
    NewSubject,
    Page,
    SubjectChanges,
    SubjectQuery,
    SubjectRecord,
    utc_now,
)
from animus_subject_default.rule import require_allowed, require_comment, require_valid
from animus_subject_default.tables import connect, fault_of

__all__ = ["PAGE_BYTES", "SubjectStore"]

PAGE_BYTES: Final = 2 * 1024 * 1024
"""A page ends early when its subjects hold more text than this, so that an answer stays far below a frame's limit."""

_INSERT: Final = """
    INSERT INTO subject_record
        (kind, native_id, title, description, status, priority, assignee, labels, custom, created_at, updated_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_UPDATE: Final = """
    UPDATE subject_record
    SET title = ?, description = ?, priority = ?, status = ?, assignee = ?, labels = ?, custom = ?, updated_at = ?
    WHERE sequence = ?
"""
_COUNT_UP: Final = """
    INSERT INTO subject_counter (kind, last) VALUES (?, 1)
    ON CONFLICT (kind) DO UPDATE SET last = last + 1 RETURNING last
"""
_CURSOR_PREFIX: Final = "after:"
_CURSOR_DIGITS: Final = 18


class SubjectStore:
    """The subjects of one project. Threads may share it; they take turns."""

    def __init__(self, path: Path, *, clock: Clock = utc_now) -> None:
        """Open the database at `path`, as `animus_subject_default.tables.connect` does."""
        self._path = path
        self._clock = clock
        self._turn = threading.Lock()
        self._connection = connect(path)

    def close(self) -> None:
        """Let go of the database. Everything that was answered is already on disk."""
        with self._turn:
            self._connection.close()

    def create(self, new: NewSubject) -> SubjectRecord:
        """Make a subject under the next id of its kind.

        Raises:
            InvalidSubjectError: unknown kind, blank title, priority or size out of bounds.
        """
        letters = KINDS.get(new.kind)
        if letters is None:
            raise InvalidSubjectError(f"kind {new.kind!r} is not kept here; the kinds are {', '.join(KINDS)}")
        made = require_valid(new)
        now = self._clock()
        with self._writing() as connection:
            (number,) = connection.execute(_COUNT_UP, (made.kind,)).fetchone()
            native_id = f"{letters}-{number:03d}"
            sequence = connection.execute(_INSERT, row.values_of_new(made, native_id, now)).lastrowid
            return row.read_one(connection, sequence)

    def get(self, kind: str, native_id: str) -> SubjectRecord:
        """One subject.

        Raises:
            SubjectNotFoundError: there is none of that id.
        """
        with self._reading() as connection:
            return self._require(connection, kind, native_id)

    def page(self, query: SubjectQuery, *, cursor: str | None = None, limit: int | None = None) -> Page:
        """The subjects `query` asks for, after `cursor`, at most `limit` (0: as many as a page may hold).

        Raises:
            InvalidSubjectError: the cursor is not one of ours, or the limit is negative.
        """
        after, wanted = _sequence_in(cursor), _page_size(limit)
        with self._reading() as connection:
            found = row.read_page(connection, query, after=after, limit=wanted + 1)
        kept = _within_bytes(found[:wanted])
        more = len(kept) < len(found)
        return Page(records=tuple(kept), next_cursor=f"{_CURSOR_PREFIX}{kept[-1].sequence}" if more else None)

    def next_ready(self, kinds: tuple[str, ...]) -> SubjectRecord | None:
        """The most urgent ready subject of `kinds`; among equals the oldest. None when there is none."""
        with self._reading() as connection:
            return row.read_next_ready(connection, kinds)

    def update(self, kind: str, native_id: str, changes: SubjectChanges) -> tuple[SubjectRecord, SubjectRecord]:
        """Apply `changes` and answer the subject before and after. A patch that changes nothing writes nothing.

        Raises:
            SubjectNotFoundError: there is none of that id.
            InvalidSubjectError: the status may not change so, or a value is out of bounds.
        """
        comment = require_comment(changes.comment)
        with self._writing() as connection:
            before = self._require(connection, kind, native_id)
            patched = require_valid(require_allowed(before, _patched(before, changes)))
            if patched == before and comment is None:
                return before, before
            now = self._clock()
            texts = (patched.title, patched.description, patched.priority, patched.status, patched.assignee)
            connection.execute(_UPDATE, (*texts, *row.json_columns(patched), row.moment(now), before.sequence))
            if comment is not None:
                row.add_comment(connection, before.sequence, comment, now)
            return before, row.read_one(connection, before.sequence)

    def delete(self, kind: str, native_id: str) -> SubjectRecord:
        """Remove a subject and what was said about it; its id is not given again. Answers what was removed.

        Raises:
            SubjectNotFoundError: there is none of that id.
        """
        with self._writing() as connection:
            record = self._require(connection, kind, native_id)
            connection.execute("DELETE FROM subject_comment WHERE record = ?", (record.sequence,))
            connection.execute("DELETE FROM subject_record WHERE sequence = ?", (record.sequence,))
            return record

    def _require(self, connection: sqlite3.Connection, kind: str, native_id: str) -> SubjectRecord:
        record = row.read_named(connection, kind, native_id)
        if record is None:
            raise SubjectNotFoundError(f"there is no {kind} {native_id!r}")
        return record

    @contextlib.contextmanager
    def _reading(self) -> Generator[sqlite3.Connection]:
        with self._turn, self._named_faults():
            yield self._connection

    @contextlib.contextmanager
    def _writing(self) -> Generator[sqlite3.Connection]:
        """One write transaction; any exception takes all of it back."""
        with self._turn, self._named_faults():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                # A failed COMMIT may have ended the transaction already.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _named_faults(self) -> Generator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise fault_of(error, self._path) from error


def _patched(before: SubjectRecord, changes: SubjectChanges) -> SubjectRecord:
    removed = set(changes.labels_remove)
    labels = [label for label in before.labels if label not in removed]
    labels += [label for label in changes.labels_add if label not in labels]
    custom = {**before.custom, **changes.custom}
    return before._replace(
        title=before.title if changes.title is None else changes.title,
        description=before.description if changes.description is None else changes.description,
        priority=before.priority if changes.priority is None else changes.priority,
        status=before.status if changes.status is None else changes.status,
        assignee=before.assignee if isinstance(changes.assignee, Keep) else changes.assignee,
        labels=tuple(labels),
        custom={key: value for key, value in custom.items() if value is not None},
    )


def _sequence_in(cursor: str | None) -> int:
    if cursor is None:
        return 0
    number = cursor.removeprefix(_CURSOR_PREFIX)
    if number == cursor or not (number.isascii() and number.isdigit()) or len(number) > _CURSOR_DIGITS:
        raise InvalidSubjectError(f"cursor {cursor!r} was not made by this plugin; start again without one")
    return int(number)


def _page_size(limit: int | None) -> int:
    if limit is None:
        return DEFAULT_PAGE
    if limit < 0:
        raise InvalidSubjectError(f"limit {limit} is negative; 0 asks for as many as a page may hold")
    return min(limit or LARGEST_PAGE, LARGEST_PAGE)


def _within_bytes(records: list[SubjectRecord]) -> list[SubjectRecord]:
    """The head of `records` that fits into `PAGE_BYTES`, at least one."""
    size = 0
    for index, record in enumerate(records):
        size += len(record.description or "") + len(record.title) + len(json.dumps(dict[str, Any](record.custom)))
        if size > PAGE_BYTES and index:
            return records[:index]
    return records
