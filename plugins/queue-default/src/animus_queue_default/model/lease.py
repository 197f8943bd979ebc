"""Leases and fences: who may act on an assigned entry, and until when.

A fence names an entry, the run, the subject's generation and one grant of the lease. The grant's generation rises
with every hand-out, so an older holder's fence no longer matches. The expiry is the one thing that is not compared:
it moves with every renewal, and a late but unopposed holder may still finish.
"""

import os

import msgspec

from animus_queue_default.clock import MICROSECONDS
from animus_queue_default.fault import InvalidRequestError
from animus_queue_default.model.entry import Entry, Finished, Grant, Repository, Standing
from animus_queue_default.model.status import Status

__all__ = [
    "DEFAULT_TTL_SECONDS",
    "TTL_SETTING",
    "UNFENCED_TTL_SECONDS",
    "Fence",
    "LeaseTerms",
    "expiry_after",
    "fence_of",
    "grant_standing",
    "is_current",
]

DEFAULT_TTL_SECONDS = 120
"""How long a fenced lease lives without renewal, unless the setting says otherwise."""
UNFENCED_TTL_SECONDS = 1_800
"""Likewise for a lease of the first generation, which has no renewal: longer, or a slow run loses its entry."""
TTL_SETTING = "ANIMUS_QUEUE_LEASE_TTL_SECS"
"""The setting for both lengths, in seconds."""
_TTL_RANGE = range(1, 604_801)


class LeaseTerms(msgspec.Struct, frozen=True, kw_only=True):
    """How long leases live, in seconds."""

    ttl_seconds: int = DEFAULT_TTL_SECONDS
    unfenced_ttl_seconds: int = UNFENCED_TTL_SECONDS

    @classmethod
    def from_environment(cls) -> "LeaseTerms":
        """The terms the setting asks for; a value that is no number of seconds up to a week means the default."""
        text = os.environ.get(TTL_SETTING, "").strip()
        if not text.isascii() or not text.isdigit() or int(text) not in _TTL_RANGE:
            return cls()
        return cls(ttl_seconds=int(text), unfenced_ttl_seconds=int(text))

    def fenced_ttl(self, asked: int | None) -> int:
        """The length to grant when a holder asks for `asked` seconds: never more than the setting.

        Raises:
            InvalidRequestError: less than a second was asked for.
        """
        if asked is None:
            return self.ttl_seconds
        if asked < 1:
            raise InvalidRequestError(f"ttl_secs is {asked}; it must be 1 or more, or left out")
        return min(asked, self.ttl_seconds)


class Fence(msgspec.Struct, frozen=True, kw_only=True):
    """What a holder shows with each act on its entry."""

    entry_id: str
    workflow_id: str
    workflow_generation: int
    subject: str
    subject_generation: int
    owner_id: str
    lease_generation: int
    expires_at: int
    repository: Repository | None = None


def fence_of(entry: Entry) -> Fence | None:
    """The fence of the entry's current lease, or None if it is not under a fenced one."""
    standing = entry.standing
    grant = standing.grant
    if standing.status is not Status.ASSIGNED or grant is None or not grant.fenced:
        return None
    return Fence(
        entry_id=entry.entry_id,
        workflow_id=standing.workflow_id or "",
        workflow_generation=standing.workflow_generation,
        subject=entry.subject,
        subject_generation=standing.subject_generation,
        owner_id=grant.owner_id,
        lease_generation=grant.generation,
        expires_at=grant.expires_at,
        repository=entry.repository,
    )


def is_current(fence: Fence, entry: Entry | Finished) -> bool:
    """Whether `fence` is that of the entry's latest grant, whatever became of it since."""
    standing = entry.standing
    grant = standing.grant
    return (
        grant is not None
        and grant.fenced
        and fence.entry_id == entry.entry_id
        and fence.workflow_id == standing.workflow_id
        and fence.workflow_generation == standing.workflow_generation
        and fence.subject == entry.subject
        and fence.subject_generation == standing.subject_generation
        and fence.owner_id == grant.owner_id
        and fence.lease_generation == grant.generation
        and fence.repository == entry.repository
    )


def expiry_after(now: int, ttl_seconds: int) -> int:
    """When a lease granted at `now` runs out."""
    return now + ttl_seconds * MICROSECONDS


def grant_standing(
    standing: Standing,
    *,
    owner_id: str,
    workflow_id: str,
    now: int,
    ttl_seconds: int,
    fenced: bool,
    subject_generation: int,
) -> Standing:
    """How an entry stands after it was handed out: a generation later, under a new grant."""
    generation = standing.lease_generation + 1
    return Standing(
        status=Status.ASSIGNED,
        workflow_id=workflow_id,
        workflow_generation=max(standing.workflow_generation, 1),
        subject_generation=subject_generation,
        lease_generation=generation,
        grant=Grant(owner_id, generation, now + ttl_seconds * MICROSECONDS, fenced),
        assigned_at=now,
    )
