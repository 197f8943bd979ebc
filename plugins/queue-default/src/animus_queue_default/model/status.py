"""The state machine of an entry: what each operation does to an entry in each condition.

The table is complete: every operation has an answer for every condition, and the tests walk it cell by cell.
A *condition* is a status, made finer where the answer depends on more than the status word: an assigned entry
is ``FENCED`` when its lease has a fence, and an entry that left the queue is ``FINISHED`` or ``DROPPED``.
"""

from enum import Enum, StrEnum

__all__ = ["TRANSITIONS", "Answer", "Condition", "Operation", "Outcome", "Status", "answer_for"]


class Status(StrEnum):
    """Where a live entry is now. ``UNKNOWN`` is a word of a legacy file that we do not know."""

    PENDING = "pending"
    ASSIGNED = "assigned"
    HELD = "held"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    """How an entry left the queue."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DROPPED = "dropped"


class Condition(StrEnum):
    """What the transition table distinguishes."""

    PENDING = "pending"
    HELD = "held"
    ASSIGNED = "assigned"
    FENCED = "fenced"
    UNKNOWN = "unknown"
    FINISHED = "finished"
    DROPPED = "dropped"
    MISSING = "missing"


class Operation(StrEnum):
    """What can be asked of one entry. The fenced ones show a fence, the others do not."""

    HOLD = "hold"
    RELEASE = "release"
    DROP = "drop"
    MARK_ASSIGNED = "mark assigned"
    COMPLETE = "complete"
    RETURN = "return"
    EXPIRE = "expire"
    LEASE = "lease"
    FENCED_RENEW = "renew"
    FENCED_RECOVER = "recover"
    FENCED_COMPLETE = "complete with a fence"
    FENCED_RETURN = "return with a fence"


class Answer(Enum):
    """What the table says."""

    APPLY = "apply"
    UNCHANGED = "unchanged"
    NOT_FOUND = "not found"
    WRONG_STATUS = "wrong status"
    NOT_ASSIGNED = "not assigned"
    NEEDS_FENCE = "needs fence"
    UNKNOWN_ENTRY = "unknown entry"
    SKIP = "skip"
    """Candidates only: this entry is passed over."""
    IF_LAPSED = "if lapsed"
    """Candidates only: handed out again when the unfenced lease has run out."""
    STALE_FENCE = "stale fence"
    ALREADY_APPLIED = "already applied"


_ORDER = (
    Condition.PENDING,
    Condition.HELD,
    Condition.ASSIGNED,
    Condition.FENCED,
    Condition.UNKNOWN,
    Condition.FINISHED,
    Condition.DROPPED,
    Condition.MISSING,
)
_A = Answer


def _row(*answers: Answer) -> dict[Condition, Answer]:
    return dict(zip(_ORDER, answers, strict=True))


# columns:                 PENDING            HELD               ASSIGNED           FENCED          UNKNOWN
#                          FINISHED           DROPPED            MISSING
TRANSITIONS: dict[Operation, dict[Condition, Answer]] = {
    Operation.HOLD: _row(
        _A.APPLY, _A.UNCHANGED, _A.WRONG_STATUS, _A.WRONG_STATUS, _A.WRONG_STATUS,
        _A.NOT_FOUND, _A.NOT_FOUND, _A.NOT_FOUND,
    ),
    Operation.RELEASE: _row(
        _A.UNCHANGED, _A.APPLY, _A.WRONG_STATUS, _A.WRONG_STATUS, _A.WRONG_STATUS,
        _A.NOT_FOUND, _A.NOT_FOUND, _A.NOT_FOUND,
    ),
    Operation.DROP: _row(
        _A.APPLY, _A.APPLY, _A.APPLY, _A.APPLY, _A.APPLY,
        _A.NOT_FOUND, _A.NOT_FOUND, _A.NOT_FOUND,
    ),
    Operation.MARK_ASSIGNED: _row(
        _A.APPLY, _A.WRONG_STATUS, _A.UNCHANGED, _A.NEEDS_FENCE, _A.WRONG_STATUS,
        _A.NOT_FOUND, _A.NOT_FOUND, _A.NOT_FOUND,
    ),
    Operation.COMPLETE: _row(
        _A.NOT_FOUND, _A.NOT_FOUND, _A.APPLY, _A.NEEDS_FENCE, _A.NOT_FOUND,
        _A.NOT_FOUND, _A.NOT_FOUND, _A.NOT_FOUND,
    ),
    Operation.RETURN: _row(
        _A.NOT_ASSIGNED, _A.NOT_ASSIGNED, _A.APPLY, _A.NEEDS_FENCE, _A.NOT_ASSIGNED,
        _A.UNKNOWN_ENTRY, _A.UNKNOWN_ENTRY, _A.UNKNOWN_ENTRY,
    ),
    Operation.EXPIRE: _row(
        _A.APPLY, _A.SKIP, _A.SKIP, _A.SKIP, _A.SKIP,
        _A.SKIP, _A.SKIP, _A.SKIP,
    ),
    Operation.LEASE: _row(
        _A.APPLY, _A.SKIP, _A.IF_LAPSED, _A.SKIP, _A.SKIP,
        _A.SKIP, _A.SKIP, _A.SKIP,
    ),
    # A fence is compared first; these answers are for a fence that matches the entry's last grant.
    Operation.FENCED_RENEW: _row(
        _A.NOT_ASSIGNED, _A.NOT_ASSIGNED, _A.STALE_FENCE, _A.APPLY, _A.STALE_FENCE,
        _A.NOT_ASSIGNED, _A.NOT_ASSIGNED, _A.NOT_FOUND,
    ),
    Operation.FENCED_RECOVER: _row(
        _A.NOT_ASSIGNED, _A.NOT_ASSIGNED, _A.STALE_FENCE, _A.APPLY, _A.STALE_FENCE,
        _A.NOT_ASSIGNED, _A.NOT_ASSIGNED, _A.NOT_FOUND,
    ),
    Operation.FENCED_COMPLETE: _row(
        _A.NOT_ASSIGNED, _A.NOT_ASSIGNED, _A.STALE_FENCE, _A.APPLY, _A.STALE_FENCE,
        _A.ALREADY_APPLIED, _A.NOT_ASSIGNED, _A.NOT_FOUND,
    ),
    Operation.FENCED_RETURN: _row(
        _A.ALREADY_APPLIED, _A.ALREADY_APPLIED, _A.STALE_FENCE, _A.APPLY, _A.STALE_FENCE,
        _A.NOT_ASSIGNED, _A.NOT_ASSIGNED, _A.NOT_FOUND,
    ),
}  # fmt: skip
"""The whole machine: operation, condition, answer."""


def answer_for(operation: Operation, condition: Condition) -> Answer:
    """What `operation` does to an entry in `condition`."""
    return TRANSITIONS[operation][condition]
