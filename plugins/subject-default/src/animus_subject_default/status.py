"""The statuses of a subject and the table of changes between them.

A status is a statement about the subject by a person or by a run that worked on it, so almost every change is allowed.
The exception: what was called off comes back only by being made ready again. A run that was under way when its subject
was cancelled must not bring it back as in progress or blocked; that its work is finished may still be said.
"""

import enum

__all__ = ["ALLOWED_CHANGES", "Status", "may_change"]


class Status(enum.StrEnum):
    """Where a subject is."""

    READY = "ready"
    IN_PROGRESS = "in-progress"
    BLOCKED = "blocked"
    DONE = "done"
    CANCELLED = "cancelled"


_EVERY = frozenset(Status)

ALLOWED_CHANGES: dict[Status, frozenset[Status]] = {
    Status.READY: _EVERY,
    Status.IN_PROGRESS: _EVERY,
    Status.BLOCKED: _EVERY,
    Status.DONE: _EVERY,
    Status.CANCELLED: frozenset({Status.CANCELLED, Status.READY, Status.DONE}),
}
"""From a status, the statuses it may become. Staying is always allowed and changes nothing."""


def may_change(old: Status, new: Status) -> bool:
    """Whether a subject that is `old` may become `new`."""
    return new in ALLOWED_CHANGES[old]
