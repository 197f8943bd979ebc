"""What a subject may hold. Each limit is checked before anything is written."""

import json
from typing import Any, Final, TypeVar

from animus_subject_default.errors import InvalidSubjectError
from animus_subject_default.record import LEAST_URGENT, NewSubject, SubjectRecord
from animus_subject_default.status import ALLOWED_CHANGES, may_change

__all__ = [
    "MOST_COMMENT_CHARACTERS",
    "MOST_CUSTOM_CHARACTERS",
    "MOST_DESCRIPTION_CHARACTERS",
    "MOST_LABELS",
    "MOST_TITLE_CHARACTERS",
    "require_allowed",
    "require_comment",
    "require_valid",
]

MOST_TITLE_CHARACTERS: Final = 1000
MOST_DESCRIPTION_CHARACTERS: Final = 512 * 1024
MOST_CUSTOM_CHARACTERS: Final = 256 * 1024
MOST_COMMENT_CHARACTERS: Final = 16 * 1024
MOST_LABELS: Final = 100

_Subject = TypeVar("_Subject", NewSubject, SubjectRecord)


def require_valid(subject: _Subject) -> _Subject:
    """`subject` with its text trimmed and its labels free of repeats.

    Raises:
        InvalidSubjectError: a value is blank, too long or out of range.
    """
    title = subject.title.strip()
    if not title:
        raise InvalidSubjectError("a subject needs a title; this one is blank")
    _require_short("title", title, MOST_TITLE_CHARACTERS)
    _require_text("title", title)
    _require_short("description", subject.description or "", MOST_DESCRIPTION_CHARACTERS)
    if subject.priority is not None and not 0 <= subject.priority <= LEAST_URGENT:
        raise InvalidSubjectError(
            f"priority {subject.priority} is out of range; it runs from 0 (first) to {LEAST_URGENT} (last)"
        )
    custom = {key: value for key, value in subject.custom.items() if value is not None}
    _require_short("custom", _json(custom), MOST_CUSTOM_CHARACTERS)
    return subject._replace(
        title=title, labels=_labels(subject.labels), custom=custom, assignee=_name(subject.assignee)
    )


def require_allowed(before: SubjectRecord, after: SubjectRecord) -> SubjectRecord:
    """`after`, if a subject may go from the one status to the other.

    Raises:
        InvalidSubjectError: it may not; the message says what may be set instead.
    """
    if not may_change(before.status, after.status):
        allowed = ", ".join(sorted(ALLOWED_CHANGES[before.status] - {before.status}))
        raise InvalidSubjectError(
            f"{before.kind} {before.native_id!r} is {before.status} and cannot become {after.status}; "
            f"from there it may become {allowed}"
        )
    return after


def require_comment(text: str | None) -> str | None:
    """The comment, trimmed; None when nothing was said.

    Raises:
        InvalidSubjectError: it is too long.
    """
    trimmed = (text or "").strip()
    _require_short("comment", trimmed, MOST_COMMENT_CHARACTERS)
    return trimmed or None


def _labels(labels: tuple[str, ...]) -> tuple[str, ...]:
    trimmed = tuple(dict.fromkeys(label.strip() for label in labels))
    if "" in trimmed:
        raise InvalidSubjectError("a label is blank; leave it out")
    for label in trimmed:
        _require_text("label", label)
    if len(trimmed) > MOST_LABELS:
        raise InvalidSubjectError(f"{len(trimmed)} labels are more than a subject may carry ({MOST_LABELS})")
    return trimmed


def _name(assignee: str | None) -> str | None:
    if assignee is None:
        return None
    trimmed = assignee.strip()
    if not trimmed:
        raise InvalidSubjectError("the assignee is blank; send null to clear it")
    _require_text("assignee", trimmed)
    return trimmed


def _require_text(what: str, text: str) -> None:
    # SQLite ends a text at a NUL when it compares, so such a value could be stored but not found.
    if "\0" in text:
        raise InvalidSubjectError(f"the {what} holds a NUL character; leave it out")


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def _require_short(what: str, text: str, most: int) -> None:
    if len(text) > most:
        raise InvalidSubjectError(f"the {what} has {len(text)} characters, more than the {most} that are kept")
