"""What the second generation of operations answers."""

from enum import StrEnum

import msgspec

from animus_queue_default.model.entry import Entry
from animus_queue_default.model.lease import Fence

__all__ = ["Block", "BlockReason", "FenceOutcome", "FencedAct", "FencedReceipt", "Handout"]


class FenceOutcome(StrEnum):
    """What became of a fenced act: values, not errors."""

    APPLIED = "applied"
    ALREADY_APPLIED = "already_applied"
    NOT_FOUND = "not_found"
    STALE_FENCE = "stale_fence"
    LEASE_STILL_LIVE = "lease_still_live"
    NOT_ASSIGNED = "not_assigned"


class FencedAct(msgspec.Struct, frozen=True):
    """The outcome of a fenced act, the fence that holds now if the entry is leased, and why it was not applied."""

    outcome: FenceOutcome
    fence: Fence | None = None
    reason: str | None = None


class FencedReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a fenced enqueue."""

    enqueued: bool
    entry_id: str
    subject: str
    generation: int
    warning: str | None = None


class BlockReason(StrEnum):
    """Why a due entry is not handed out."""

    SUBJECT_ACTIVE = "subject_generation_active"
    REPOSITORY_COLLISION = "repository_ref_collision"
    RECOVERY_REQUIRED = "expired_lease_recovery_required"
    NO_IDENTITY = "missing_execution_identity"


class Block(msgspec.Struct, frozen=True):
    """An entry that was not handed out, why, and because of which entry or run."""

    entry_id: str
    reason: BlockReason
    conflicts_with: str | None = None


class Handout(msgspec.Struct, frozen=True):
    """What a fenced lease handed out, and what stood in the way of the rest."""

    leased: list[Entry]
    blocked: list[Block]
