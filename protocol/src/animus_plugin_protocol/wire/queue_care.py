"""``queue/why``, ``history``, ``export``, ``import``: looking into a queue, moving one (ours, beside section 3.7)."""

from animus_plugin_protocol.wire.dispatch import ExecutionFence, RepositoryReservation, SubjectDispatch
from animus_plugin_protocol.wire.presence import Wire, always, always_list

__all__ = [
    "QueueAuditLine",
    "QueueExportParams",
    "QueueExportResult",
    "QueueHistoryEntry",
    "QueueHistoryParams",
    "QueueHistoryResult",
    "QueueImportParams",
    "QueueImportResult",
    "QueueImportSkip",
    "QueueKey",
    "QueuePortableEntry",
    "QueueWhyParams",
    "QueueWhyResult",
]


class QueueAuditLine(Wire, frozen=True, kw_only=True):
    """A change of an entry that somebody asked for."""

    at: str = ""
    method: str = ""
    from_status: str = ""
    to_status: str = ""
    reason: str | None = None


class QueueKey(Wire, frozen=True, kw_only=True):
    """An idempotency key. ``content_hash`` is only comparable to that of another export of the same queue plugin."""

    key: str
    content_hash: str | None = None


class QueuePortableEntry(Wire, frozen=True, kw_only=True):
    """A live entry in the form of the reference queue's ``queue.json``; moments are RFC 3339 text."""

    entry_id: str | None = None
    subject_id: str | None = None
    task_id: str | None = None
    dispatch: SubjectDispatch | None = None
    status: str = always("pending")
    workflow_id: str | None = None
    enqueued_at: str | None = None
    assigned_at: str | None = None
    held_at: str | None = None
    hold_reason: str | None = None
    run_at: str | None = None
    expire_after_secs: int | None = None
    audit_log: list[QueueAuditLine] = []
    subject_generation: int | None = None
    repository: RepositoryReservation | None = None
    workflow_generation: int | None = None
    lease_owner: str | None = None
    lease_generation: int | None = None
    lease_expires_at: str | None = None
    idempotency_key: str | None = None
    extra_idempotency_keys: list[QueueKey] = []


class QueueWhyParams(Wire, frozen=True, kw_only=True):
    """Which entry to explain."""

    entry_id: str


class QueueWhyResult(Wire, frozen=True, kw_only=True):
    """How an entry stands and why. ``status`` is a live status, an outcome, or ``missing``.

    ``remedy`` names what moves it on, ``block_reason`` (a reason of ``queue/v2/lease``) and ``conflicts_with`` what
    stands in its way.
    """

    entry_id: str
    status: str
    explanation: str
    remedy: str | None = None
    subject_id: str | None = None
    block_reason: str | None = None
    conflicts_with: str | None = None
    execution: ExecutionFence | None = None
    audit: list[QueueAuditLine] = always_list()


class QueueHistoryParams(Wire, frozen=True, kw_only=True):
    """Which finished entries to show; ``offset`` counts from the latest, as ``next_offset`` of the page before."""

    limit: int | None = None
    offset: int | None = None
    subject_id: str | None = None


class QueueHistoryEntry(Wire, frozen=True, kw_only=True):
    """How an entry left the queue. ``finished_by`` is the method, or ``expiry-sweep``."""

    entry_id: str
    subject_id: str
    workflow_ref: str
    outcome: str
    enqueued_at: str
    finished_at: str
    finished_by: str
    reason: str | None = None
    workflow_id: str | None = None
    idempotency_keys: list[str] = []


class QueueHistoryResult(Wire, frozen=True, kw_only=True):
    """A page of finished entries, the latest first. With a ``next_offset`` there may be more, even behind no entry."""

    entries: list[QueueHistoryEntry] = always_list()
    next_offset: int | None = None


class QueueExportParams(Wire, frozen=True, kw_only=True):
    """Which part of the queue to export."""

    limit: int | None = None
    offset: int | None = None


class QueueExportResult(Wire, frozen=True, kw_only=True):
    """A part of the queue, in order; one ``queue/import`` takes it as it is."""

    format_version: int = always(1)
    entries: list[QueuePortableEntry] = always_list()
    subject_generations: dict[str, int] = {}
    next_offset: int | None = None


class QueueImportParams(Wire, frozen=True, kw_only=True):
    """Entries to add at the end of the queue."""

    entries: list[QueuePortableEntry] = []
    subject_generations: dict[str, int] = {}


class QueueImportSkip(Wire, frozen=True, kw_only=True):
    """An entry that was not imported, and why."""

    entry_id: str
    reason: str


class QueueImportResult(Wire, frozen=True, kw_only=True):
    """What became of an import."""

    imported: int
    skipped: list[QueueImportSkip] = always_list()
