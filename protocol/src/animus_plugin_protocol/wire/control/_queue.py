"""The queue, on the control socket; status words are the queue plugin's."""

from typing import Annotated, Any

from msgspec import Meta

from animus_plugin_protocol.wire.dispatch import Actor, SubjectDispatch
from animus_plugin_protocol.wire.presence import Wire
from animus_plugin_protocol.wire.queue import QueueStats

__all__ = [
    "QueueEnqueueParams",
    "QueueEnqueueResult",
    "QueueEntryIdParams",
    "QueueEntryRow",
    "QueueExportParams",
    "QueueHistoryParams",
    "QueueHoldParams",
    "QueueListParams",
    "QueueListResult",
    "QueueMutationResult",
    "QueueReorderParams",
]


class QueueEnqueueParams(Wire, frozen=True, kw_only=True):
    """Ask for work on a subject. A client sends `subject` and friends, a whole `subject_dispatch`, or `task_id`."""

    subject: Annotated[str | None, Meta(description="The subject as KIND:ID, for example task:TASK-001.")] = None
    workflow_ref: Annotated[str | None, Meta(description="The workflow; the project's default one if left out.")] = None
    input: Annotated[Any, Meta(description="JSON handed to the workflow.")] = None
    vars: Annotated[dict[str, str], Meta(description="Workflow variables.")] = {}
    priority: Annotated[str | None, Meta(description="low, medium, high or critical.")] = None
    run_at: Annotated[str | None, Meta(description="Not before this moment (RFC 3339).")] = None
    expire_after_secs: Annotated[int, Meta(description="Give up this many seconds after run_at.", ge=1)] | None = None
    idempotency_key: Annotated[str | None, Meta(description="Asking twice with one key asks once.")] = None
    trigger_source: str = "manual"
    task_id: str | None = None
    subject_dispatch: SubjectDispatch | None = None
    actor: Actor | None = None


class QueueEnqueueResult(Wire, frozen=True, kw_only=True):
    """The entry that stands for the request: a new one, or the one that the subject had. `workflow_ref` is the entry's.

    `status` and `workflow_id` are told of an entry that was there: where it is, and the run that it has become.
    """

    enqueued: bool
    entry_id: str
    subject_id: str
    workflow_ref: str
    warning: str | None = None
    status: str | None = None
    workflow_id: str | None = None


class QueueListParams(Wire, frozen=True, kw_only=True):
    """Which entries; status words are the queue plugin's: ``pending``, ``assigned``, ``held``."""

    status: Annotated[list[str], Meta(description="Only pending, assigned or held entries.")] = []
    limit: Annotated[int, Meta(description="Rows a page.", ge=1)] = 50
    offset: Annotated[int, Meta(description="Rows to leave out.", ge=0)] = 0


class QueueEntryRow(Wire, frozen=True, kw_only=True):
    """An entry. `status` is the plugin's word; `control_status` is ``ready``, ``held`` or ``in-flight``."""

    id: str
    subject_id: str
    workflow_ref: str
    status: str
    control_status: str
    enqueued_at: str
    priority: str | None = None
    workflow_id: str | None = None
    run_at: str | None = None
    hold_reason: str | None = None
    lease_owner: str | None = None
    lease_expires_at: str | None = None


class QueueListResult(Wire, frozen=True, kw_only=True):
    """A page of entries; `total` counts the matches before paging."""

    entries: list[QueueEntryRow]
    total: int
    stats: QueueStats


class QueueEntryIdParams(Wire, frozen=True, kw_only=True):
    """Which entry: its id, or a subject (all its entries)."""

    id: Annotated[str, Meta(description="The entry id, or a subject as KIND:ID (all its entries).")]


class QueueHoldParams(Wire, frozen=True, kw_only=True):
    """Stop an entry."""

    id: Annotated[str, Meta(description="The entry id, or a subject as KIND:ID (all its entries).")]
    reason: Annotated[str | None, Meta(description="Why; shown in queue list.")] = None


class QueueHistoryParams(Wire, frozen=True, kw_only=True):
    """Which finished entries, the latest first."""

    subject: Annotated[str | None, Meta(description="Only entries about this subject (KIND:ID).")] = None
    limit: Annotated[int, Meta(description="Rows a page.", ge=1)] = 50
    offset: Annotated[int, Meta(description="Rows to leave out.", ge=0)] = 0


class QueueExportParams(Wire, frozen=True, kw_only=True):
    """Which part of the queue to export."""

    limit: Annotated[int, Meta(ge=1)] = 500
    offset: Annotated[int, Meta(ge=0)] = 0


class QueueReorderParams(Wire, frozen=True, kw_only=True):
    """The entries that are to stand first, in this order."""

    ids: Annotated[list[str], Meta(description="Entry ids; they go to the front of the queue, in this order.")]


class QueueMutationResult(Wire, frozen=True, kw_only=True):
    """Which entries changed and which did not need to."""

    changed: list[str]
    unchanged: list[str] = []
