"""``queue/v2/*``: fenced leases (protocol section 6). Every type here refuses unknown fields."""

from animus_plugin_protocol.wire.dispatch import ExecutionFence, FenceSubject, RepositoryReservation, SubjectDispatch
from animus_plugin_protocol.wire.presence import Wire
from animus_plugin_protocol.wire.queue import QueueEntry

__all__ = [
    "BlockedEntry",
    "FencedCompletionParams",
    "FencedEnqueueParams",
    "FencedEnqueueResult",
    "FencedLeaseParams",
    "FencedLeaseResult",
    "FencedMutationResult",
    "FencedRecoverParams",
    "FencedReleasePendingParams",
    "FencedRenewParams",
    "LeasedEntry",
]


class FencedEnqueueParams(Wire, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for work, once per idempotency key, for ever."""

    subject_dispatch: SubjectDispatch
    idempotency_key: str | None = None
    repository: RepositoryReservation | None = None
    run_at: str | None = None
    expire_after_secs: int | None = None


class FencedEnqueueResult(Wire, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The receipt of an enqueue."""

    enqueued: bool
    entry_id: str
    subject: FenceSubject
    warning: str | None = None


class FencedLeaseParams(Wire, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Take up to `max` due entries for `owner_id`; `workflow_ids` has exactly `max` distinct items."""

    max: int
    owner_id: str
    workflow_ids: list[str]
    exclude: list[ExecutionFence] = []


class LeasedEntry(Wire, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An entry and the fence it was handed out under."""

    entry: QueueEntry
    execution: ExecutionFence


class BlockedEntry(Wire, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A due entry that could not be handed out, and why."""

    entry_id: str
    reason: str
    conflicts_with: str | None = None


class FencedLeaseResult(Wire, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was handed out and what stood in the way of the rest."""

    leased: list[LeasedEntry]
    blocked: list[BlockedEntry] = []


class FencedRenewParams(Wire, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keep a lease; the expiry never moves earlier."""

    execution: ExecutionFence
    ttl_secs: int | None = None


class FencedRecoverParams(Wire, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Take over an expired lease of another owner."""

    execution: ExecutionFence
    new_owner_id: str
    ttl_secs: int | None = None


class FencedCompletionParams(Wire, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Finish the entry the fence names; status is ``completed``, ``failed`` or ``cancelled``."""

    execution: ExecutionFence
    status: str
    workflow_ref: str | None = None


class FencedReleasePendingParams(Wire, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Return the entry the fence names to pending."""

    execution: ExecutionFence
    reason: str


class FencedMutationResult(Wire, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What became of a fenced act.

    Outcome is ``applied``, ``already_applied``, ``not_found``, ``stale_fence``, ``lease_still_live`` or
    ``not_assigned``: values, not errors.
    """

    outcome: str
    execution: ExecutionFence | None = None
    reason: str | None = None
