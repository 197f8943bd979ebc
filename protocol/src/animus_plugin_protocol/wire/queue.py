"""``queue/*`` generation 1 (protocol section 6)."""

from animus_plugin_protocol.wire.dispatch import ExecutionFence, SubjectDispatch
from animus_plugin_protocol.wire.presence import Wire, always

__all__ = [
    "QueueCapabilities",
    "QueueCompletionParams",
    "QueueEnqueueParams",
    "QueueEnqueueResult",
    "QueueEntry",
    "QueueEntryParams",
    "QueueHoldParams",
    "QueueLeaseParams",
    "QueueLeaseResult",
    "QueueListParams",
    "QueueListResult",
    "QueueMarkAssignedParams",
    "QueueMutationResult",
    "QueueNextDeadlineResult",
    "QueueReleasePendingParams",
    "QueueReleasePendingResult",
    "QueueReorderParams",
    "QueueReorderResult",
    "QueueStats",
]


class QueueEntry(Wire, frozen=True, kw_only=True):
    """A dispatch on the queue. Status is ``pending``, ``assigned`` or ``held``; moments are RFC 3339 text.

    ``execution`` is our addition: the fence of the current grant, so that a holder that lost the reply to its
    lease can find it again.
    """

    entry_id: str
    subject_id: str
    subject_dispatch: SubjectDispatch
    status: str
    enqueued_at: str
    task_id: str | None = None
    workflow_id: str | None = None
    assigned_at: str | None = None
    held_at: str | None = None
    hold_reason: str | None = None
    run_at: str | None = None
    expire_after_secs: int | None = None
    execution: ExecutionFence | None = None


class QueueStats(Wire, frozen=True, kw_only=True):
    """How many entries there are; ``deferred`` ones are counted in ``pending`` too."""

    total: int
    pending: int
    assigned: int
    held: int
    deferred: int = always(0)


class QueueCapabilities(Wire, frozen=True, kw_only=True):
    """What a queue can do."""

    priority_weighted: bool = always(default=False)
    max_lease_batch: int = always(0)
    generation_fenced_leases_v1: bool = always(default=False)


class QueueEnqueueParams(Wire, frozen=True, kw_only=True):
    """Ask for work; ``run_at`` defers it, ``expire_after_secs`` counts from ``run_at``."""

    subject_dispatch: SubjectDispatch
    run_at: str | None = None
    expire_after_secs: int | None = None


class QueueEnqueueResult(Wire, frozen=True, kw_only=True):
    """The entry that now stands for the dispatch; ``enqueued`` is false when it stood already."""

    enqueued: bool
    entry_id: str
    subject_id: str
    warning: str | None = None


class QueueListParams(Wire, frozen=True, kw_only=True):
    """A page of entries, filtered by status words."""

    status: list[str] = []
    limit: int | None = None
    offset: int | None = None


class QueueListResult(Wire, frozen=True, kw_only=True):
    """``total`` counts the matches before paging, ``stats`` the whole queue."""

    entries: list[QueueEntry]
    total: int
    stats: QueueStats


class QueueLeaseParams(Wire, frozen=True, kw_only=True):
    """Take up to `max` due entries; `workflow_ids`, when given, has exactly `max` items."""

    max: int
    workflow_ids: list[str] | None = None
    exclude_subjects: list[str] | None = None


class QueueLeaseResult(Wire, frozen=True, kw_only=True):
    """The entries handed out, in queue order."""

    leased: list[QueueEntry]


class QueueEntryParams(Wire, frozen=True, kw_only=True):
    """Names one entry (release, drop)."""

    entry_id: str


class QueueHoldParams(Wire, frozen=True, kw_only=True):
    """Stop an entry from being leased."""

    entry_id: str
    reason: str | None = None


class QueueMutationResult(Wire, frozen=True, kw_only=True):
    """Whether something changed; a missing entry is a value, not an error."""

    changed: bool
    not_found: bool = always(default=False)


class QueueReorderParams(Wire, frozen=True, kw_only=True):
    """Move these entries to the front, in this order."""

    entry_ids: list[str]


class QueueReorderResult(Wire, frozen=True, kw_only=True):
    """How many positions hold another entry than before."""

    reordered_count: int


class QueueMarkAssignedParams(Wire, frozen=True, kw_only=True):
    """Mark a pending entry as taken by `workflow_id`."""

    entry_id: str
    workflow_id: str | None = None


class QueueCompletionParams(Wire, frozen=True, kw_only=True):
    """Finish an assigned entry; status is ``completed``, ``failed`` or ``cancelled``."""

    entry_id: str
    status: str
    workflow_ref: str | None = None
    workflow_id: str | None = None


class QueueReleasePendingParams(Wire, frozen=True, kw_only=True):
    """Return an assigned entry to pending."""

    entry_id: str
    reason: str


class QueueReleasePendingResult(Wire, frozen=True, kw_only=True):
    """Status is ``pending``."""

    entry_id: str
    status: str


class QueueNextDeadlineResult(Wire, frozen=True, kw_only=True):
    """The earliest future ``run_at`` of a pending entry, or nothing."""

    next_run_at: str | None = None
