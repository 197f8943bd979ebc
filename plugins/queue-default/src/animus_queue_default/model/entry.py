"""A dispatch on the queue, and what is left of it when it has gone.

These structs are also what the journal stores: arrays in field order, so a new field goes to the end and has a
default.
"""

from enum import IntEnum

import msgspec

from animus_queue_default.clock import MICROSECONDS
from animus_queue_default.model.moment import LAST_MOMENT
from animus_queue_default.model.status import Condition, Outcome, Status

__all__ = [
    "AUDIT_LIMIT",
    "FRESH",
    "AuditLine",
    "BoundKey",
    "Entry",
    "Finished",
    "Grant",
    "Priority",
    "Repository",
    "Standing",
]

AUDIT_LIMIT = 64
"""How many audit lines an entry keeps; the oldest go first."""


class Priority(IntEnum):
    """The class an entry is served in; a lower number goes first."""

    CRITICAL = 0
    HIGH = 1
    MEDIUM = 2
    LOW = 3

    @classmethod
    def from_word(cls, word: str | None) -> "Priority":
        """The class for a dispatch's priority word; none and words we do not know are the middle."""
        return _MIDDLE if word is None else _PRIORITIES.get(word.strip().lower(), _MIDDLE)


_PRIORITIES = {priority.name.lower(): priority for priority in Priority}
_MIDDLE = Priority.MEDIUM


class Repository(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A repository ref a run will write to; two runs never share one."""

    repository: str
    base_ref: str
    head_ref: str

    @property
    def collision_key(self) -> str:
        """Two reservations collide when this is equal."""
        return f"{self.repository.strip().lower()}\n{self.head_ref}"


class Grant(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One act of leasing. Kept after the entry was returned, so that a repeated return is recognised."""

    owner_id: str
    generation: int
    expires_at: int
    fenced: bool

    def has_expired(self, now: int) -> bool:
        """Whether the lease ran out before `now`."""
        return self.expires_at < now


class Standing(msgspec.Struct, frozen=True, array_like=True, gc=False, kw_only=True):
    """Everything about an entry that changes while it is on the queue."""

    status: Status = Status.PENDING
    workflow_id: str | None = None
    workflow_generation: int = 0
    subject_generation: int = 0
    lease_generation: int = 0
    grant: Grant | None = None
    assigned_at: int | None = None
    held_at: int | None = None
    hold_reason: str | None = None


FRESH = Standing()
"""How an entry of the first generation of methods stands when it was just enqueued."""


class AuditLine(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One change somebody asked for with a reason."""

    at: int
    operation: str
    from_status: str
    to_status: str
    reason: str


class BoundKey(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An idempotency key and the hash of the request it was first used with."""

    key: str
    request_hash: str


_CONDITIONS = {status: Condition(status.value) for status in Status}


class Entry(msgspec.Struct, array_like=True, gc=False, kw_only=True):
    """A live entry. ``seq`` numbers entries in the order they came and is never used twice.

    ``dispatch`` is the dispatch as JSON, opaque here; None for a legacy entry that has none, which is never
    handed out. ``subject`` is canonical (``task:TASK-1``), ``subject_key`` the old-style key foreign hosts
    exclude by.
    """

    seq: int
    entry_id: str
    subject: str
    subject_key: str
    workflow_ref: str
    dispatch: bytes | None
    priority: int
    position: int
    enqueued_at: int
    run_at: int | None = None
    run_at_text: str | None = None
    expire_after_secs: int | None = None
    repository: Repository | None = None
    task_id: str | None = None
    standing: Standing = FRESH
    keys: tuple[BoundKey, ...] = ()
    audit: tuple[AuditLine, ...] = ()

    @property
    def status(self) -> Status:
        """Where the entry is now."""
        return self.standing.status

    @property
    def condition(self) -> Condition:
        """The column of the transition table."""
        standing = self.standing
        if standing.status is Status.ASSIGNED and standing.grant is not None and standing.grant.fenced:
            return Condition.FENCED
        return _CONDITIONS[standing.status]

    @property
    def is_ticketed(self) -> bool:
        """Whether the entry has a subject generation."""
        return self.standing.subject_generation > 0

    @property
    def expires_at(self) -> int | None:
        """When a pending entry is too late to be worth starting, if ever."""
        if self.run_at is None or self.expire_after_secs is None:
            return None
        moment = self.run_at + self.expire_after_secs * MICROSECONDS
        return moment if moment <= LAST_MOMENT else None

    @property
    def lane(self) -> str:
        """Entries of one lane wait for one another: they share a repository ref, or else a subject."""
        return self.subject if self.repository is None else f"\0{self.repository.collision_key}"

    def is_due(self, now: int) -> bool:
        """Whether the entry's ``run_at``, if any, has come."""
        return self.run_at is None or self.run_at <= now


class Finished(msgspec.Struct, frozen=True, array_like=True, gc=False, kw_only=True, tag="finished"):
    """What is kept for ever of an entry that left the queue: its end, its last fence, its idempotency keys."""

    seq: int
    entry_id: str
    subject: str
    workflow_ref: str
    outcome: Outcome
    finished_at: int
    finished_by: str
    enqueued_at: int
    standing: Standing
    reason: str | None = None
    repository: Repository | None = None
    keys: tuple[BoundKey, ...] = ()

    @property
    def condition(self) -> Condition:
        """The column of the transition table."""
        return Condition.DROPPED if self.outcome is Outcome.DROPPED else Condition.FINISHED
