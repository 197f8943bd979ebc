"""What is stored about a subject, and the shapes in which the store is asked and answers.

Named tuples, because the module is on the way to the handshake and ``dataclasses`` costs several milliseconds there.
"""

import datetime
import enum
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from animus_subject_default.status import Status

__all__ = [
    "DEFAULT_PAGE",
    "KEEP",
    "KINDS",
    "LARGEST_PAGE",
    "LEAST_URGENT",
    "MIDDLE_PRIORITY",
    "Change",
    "Clock",
    "Comment",
    "Keep",
    "NewSubject",
    "Page",
    "SubjectChanges",
    "SubjectQuery",
    "SubjectRecord",
    "utc_now",
]

KINDS: Final[Mapping[str, str]] = {"task": "TASK", "requirement": "REQ"}
"""The kinds kept here, with the letters their ids begin with."""

DEFAULT_PAGE: Final = 50
LARGEST_PAGE: Final = 500

LEAST_URGENT: Final = 4
"""Priorities run from 0, the most urgent, to this."""
MIDDLE_PRIORITY: Final = 2
"""Where a subject without a priority stands."""

Clock = Callable[[], datetime.datetime]
"""Says what time it is; the answer carries a zone."""


def utc_now() -> datetime.datetime:
    """The clock of the wall."""
    return datetime.datetime.now(datetime.UTC)


_NO_CUSTOM: Final[Mapping[str, Any]] = MappingProxyType({})


class Keep(enum.Enum):
    """Stands for "leave it as it is" where None means "clear it"."""

    KEEP = "keep"


KEEP: Final = Keep.KEEP


class Comment(NamedTuple):
    """Something said about a subject."""

    text: str
    at: datetime.datetime


class SubjectRecord(NamedTuple):
    """A subject as it is stored. `comments` holds the newest ones, oldest first."""

    sequence: int
    """Rises with each creation, over all kinds: the order of pages."""
    kind: str
    native_id: str
    title: str
    status: Status
    created_at: datetime.datetime
    updated_at: datetime.datetime
    description: str | None = None
    priority: int | None = None
    assignee: str | None = None
    labels: tuple[str, ...] = ()
    custom: Mapping[str, Any] = _NO_CUSTOM
    comments: tuple[Comment, ...] = ()


class NewSubject(NamedTuple):
    """What is said when a subject is made."""

    kind: str
    title: str
    description: str | None = None
    status: Status = Status.READY
    priority: int | None = None
    assignee: str | None = None
    labels: tuple[str, ...] = ()
    custom: Mapping[str, Any] = _NO_CUSTOM


class SubjectChanges(NamedTuple):
    """A patch. None keeps; a None value in `custom` removes that key; None as `assignee` clears it."""

    status: Status | None = None
    assignee: str | Keep | None = KEEP
    labels_add: tuple[str, ...] = ()
    labels_remove: tuple[str, ...] = ()
    custom: Mapping[str, Any] = _NO_CUSTOM
    comment: str | None = None
    title: str | None = None
    description: str | None = None
    priority: int | None = None


class Change(NamedTuple):
    """One act on one subject: None before means made, None after means deleted."""

    before: SubjectRecord | None
    after: SubjectRecord | None


class SubjectQuery(NamedTuple):
    """Which subjects. An empty condition lets everything pass; conditions are joined with "and"."""

    kinds: tuple[str, ...]
    statuses: tuple[Status, ...] = ()
    assignees: tuple[str, ...] = ()
    labels_any: tuple[str, ...] = ()
    labels_all: tuple[str, ...] = ()
    updated_since: datetime.datetime | None = None

    def matches(self, record: SubjectRecord) -> bool:
        """Whether `record` is among them: the same question the store answers in SQL, for a watch."""
        labels = set(record.labels)
        return (
            record.kind in self.kinds
            and (not self.statuses or record.status in self.statuses)
            and (not self.assignees or record.assignee in self.assignees)
            and (not self.labels_any or not labels.isdisjoint(self.labels_any))
            and labels.issuperset(self.labels_all)
            and (self.updated_since is None or record.updated_at >= self.updated_since)
        )


class Page(NamedTuple):
    """Subjects in the order of their creation; `next_cursor` is None when there are no more."""

    records: tuple[SubjectRecord, ...]
    next_cursor: str | None
