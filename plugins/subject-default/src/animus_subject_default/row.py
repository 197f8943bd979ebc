"""Between table rows and records: the statements that read, and the text forms of moments and JSON columns."""

import datetime
import json
import sqlite3
from typing import Any, Final

from animus_subject_default.record import Comment, NewSubject, SubjectQuery, SubjectRecord
from animus_subject_default.status import Status

__all__ = [
    "COMMENTS_SHOWN",
    "add_comment",
    "json_columns",
    "moment",
    "read_named",
    "read_next_ready",
    "read_one",
    "read_page",
    "values_of_new",
]

COMMENTS_SHOWN: Final = 20
"""A record carries the newest comments only; older ones stay in the table."""

_ONE: Final = "SELECT * FROM subject_record WHERE sequence = ?"
_NAMED: Final = "SELECT * FROM subject_record WHERE kind = ? AND native_id = ?"
_NEXT_READY: Final = """
    SELECT * FROM subject_record WHERE status = 'ready' AND kind IN (SELECT value FROM json_each(?))
    ORDER BY COALESCE(priority, 2), sequence LIMIT 1
"""
# Every condition is a JSON list, and an empty one lets everything pass: one fixed statement for all queries.
_PAGE: Final = """
    SELECT * FROM subject_record
    WHERE sequence > :after
        AND kind IN (SELECT value FROM json_each(:kinds))
        AND (:statuses = '[]' OR status IN (SELECT value FROM json_each(:statuses)))
        AND (:assignees = '[]' OR assignee IN (SELECT value FROM json_each(:assignees)))
        AND (:labels_any = '[]' OR EXISTS
            (SELECT 1 FROM json_each(labels) WHERE value IN (SELECT value FROM json_each(:labels_any))))
        AND NOT EXISTS
            (SELECT 1 FROM json_each(:labels_all) AS asked
             WHERE NOT EXISTS (SELECT 1 FROM json_each(labels) AS own WHERE own.value = asked.value))
        AND (:updated_since IS NULL OR updated_at >= :updated_since)
    ORDER BY sequence LIMIT :limit
"""
_COMMENTS: Final = "SELECT text, at FROM subject_comment WHERE record = ? ORDER BY sequence DESC LIMIT ?"


def moment(value: datetime.datetime) -> str:
    """UTC with six digits of fraction: the text sorts as the time does."""
    return value.astimezone(datetime.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def values_of_new(new: NewSubject, native_id: str, now: datetime.datetime) -> tuple[Any, ...]:
    """The values of an INSERT, in the order of the table."""
    identity = (new.kind, native_id, new.title, new.description, new.status, new.priority, new.assignee)
    return (*identity, *json_columns(new), moment(now), moment(now))


def json_columns(subject: NewSubject | SubjectRecord) -> tuple[str, str]:
    """The text of the columns ``labels`` and ``custom``."""
    return _json(list(subject.labels)), _json(dict(subject.custom))


def add_comment(connection: sqlite3.Connection, record: int, text: str, now: datetime.datetime) -> None:
    """Keep what was said about the subject with that sequence number."""
    connection.execute("INSERT INTO subject_comment (record, text, at) VALUES (?, ?, ?)", (record, text, moment(now)))


def read_one(connection: sqlite3.Connection, sequence: int | None) -> SubjectRecord:
    """The record of a sequence number that exists."""
    return _record(connection, connection.execute(_ONE, (sequence,)).fetchone())


def read_named(connection: sqlite3.Connection, kind: str, native_id: str) -> SubjectRecord | None:
    """The record of an id, or None."""
    found = connection.execute(_NAMED, (kind, native_id)).fetchone()
    return None if found is None else _record(connection, found)


def read_next_ready(connection: sqlite3.Connection, kinds: tuple[str, ...]) -> SubjectRecord | None:
    """The most urgent ready record, the oldest among equals, or None."""
    found = connection.execute(_NEXT_READY, (_json(list(kinds)),)).fetchone()
    return None if found is None else _record(connection, found)


def read_page(connection: sqlite3.Connection, query: SubjectQuery, *, after: int, limit: int) -> list[SubjectRecord]:
    """Records in the order of creation, from the one behind `after` on."""
    conditions = {
        "after": after,
        "limit": limit,
        "kinds": _json(list(query.kinds)),
        "statuses": _json(list(query.statuses)),
        "assignees": _json(list(query.assignees)),
        "labels_any": _json(list(query.labels_any)),
        "labels_all": _json(list(query.labels_all)),
        "updated_since": None if query.updated_since is None else moment(query.updated_since),
    }
    return [_record(connection, found) for found in connection.execute(_PAGE, conditions).fetchall()]


def _record(connection: sqlite3.Connection, found: sqlite3.Row) -> SubjectRecord:
    comments = connection.execute(_COMMENTS, (found["sequence"], COMMENTS_SHOWN)).fetchall()
    return SubjectRecord(
        sequence=found["sequence"],
        kind=found["kind"],
        native_id=found["native_id"],
        title=found["title"],
        description=found["description"],
        status=Status(found["status"]),
        priority=found["priority"],
        assignee=found["assignee"],
        labels=tuple(json.loads(found["labels"])),
        custom=json.loads(found["custom"]),
        created_at=datetime.datetime.fromisoformat(found["created_at"]),
        updated_at=datetime.datetime.fromisoformat(found["updated_at"]),
        comments=tuple(
            Comment(text=comment["text"], at=datetime.datetime.fromisoformat(comment["at"]))
            for comment in reversed(comments)
        ),
    )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
