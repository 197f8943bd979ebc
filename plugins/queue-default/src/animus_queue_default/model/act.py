"""What the second generation of operations answers."""

from enum import StrEnum

import msgspec

from animus_queue_default.model.entry import Entry
from animus_queue_default.model.lease import Fence
from animus_queue_default.operations.handout import Block

__all__ = ["FenceOutcome", "FencedAct", "FencedReceipt", "Handout"]


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


class Handout(msgspec.Struct, frozen=True):
    """What a fenced lease handed out, and what stood in the way of the rest."""

    leased: list[Entry]
    blocked: list[Block]
