"""What stands in the way of handing out a candidate."""

from collections.abc import Mapping

import msgspec

from animus_queue_default.model.act import Block, BlockReason
from animus_queue_default.model.entry import Entry
from animus_queue_default.model.status import TRANSITIONS, Answer, Operation, Status
from animus_queue_default.state.queue_state import QueueState

__all__ = [
    "PAGE_BYTES",
    "Exclusion",
    "entry_bytes",
    "find_block",
    "find_collision",
    "is_candidate",
    "text_bytes",
]

PAGE_BYTES = 4 * 1024 * 1024
"""About how many bytes of entries one reply carries; a frame must stay below the host's 8 MiB."""
_ENTRY_OVERHEAD = 700
_TIMES_TOLD = 4
"""A reply names an entry's subject, run and owner up to so many times."""
_SURELY_SHORT = 1_000
_ANSWERS = TRANSITIONS[Operation.LEASE]
_PENDING = Status.PENDING  # to ask an enum's class each time takes longer than the rest


class Exclusion(msgspec.Struct, frozen=True, kw_only=True):
    """Runs the asker knows of besides those on the queue: their subjects and repository refs, with their names."""

    subjects: Mapping[str, str] = {}
    repositories: Mapping[str, str] = {}


def is_candidate(entry: Entry, now: int) -> bool:
    """Whether `entry` may be handed out as far as it alone is concerned."""
    if entry.run_at is None and entry.standing.status is _PENDING:
        return True  # nearly all: what has no time to start cannot be too late for it either
    answer = _ANSWERS[entry.condition]
    if answer is Answer.APPLY:
        expires_at = entry.expires_at
        return entry.is_due(now) and (expires_at is None or expires_at >= now)
    grant = entry.standing.grant
    return answer is Answer.IF_LAPSED and grant is not None and grant.has_expired(now)


def find_block(state: QueueState, entry: Entry, exclusion: Exclusion, now: int) -> Block | None:
    """Why another entry or run keeps `entry` from being handed out under a fence."""
    if entry.dispatch is None or not entry.subject:
        return Block(entry.entry_id, BlockReason.NO_IDENTITY)
    active = state.standings.active_subjects.get(entry.subject)
    running = None if active is None else _other(active, entry)
    if running is not None:
        grant = running.standing.grant
        lapsed = grant is not None and grant.has_expired(now)
        reason = BlockReason.RECOVERY_REQUIRED if lapsed else BlockReason.SUBJECT_ACTIVE
        return Block(entry.entry_id, reason, running.entry_id)
    if entry.subject in exclusion.subjects:
        return Block(entry.entry_id, BlockReason.SUBJECT_ACTIVE, exclusion.subjects[entry.subject])
    return None if entry.repository is None else find_collision(state, entry, exclusion)


def find_collision(state: QueueState, entry: Entry, exclusion: Exclusion) -> Block | None:
    """Which run writes to the repository ref that `entry` reserves."""
    if entry.repository is None:
        return None
    key = entry.repository.collision_key
    active = state.standings.active_repositories.get(key)
    holder = None if active is None else _other(active, entry)
    name = exclusion.repositories.get(key) if holder is None else holder.entry_id
    return None if name is None else Block(entry.entry_id, BlockReason.REPOSITORY_COLLISION, name)


def entry_bytes(entry: Entry) -> int:
    """About how long `entry` is on the wire."""
    standing = entry.standing
    owner = None if standing.grant is None else standing.grant.owner_id
    told = text_bytes(entry.subject, entry.workflow_ref, standing.workflow_id, owner, standing.hold_reason)
    reasons = text_bytes(*(line.reason for line in entry.audit)) if entry.audit else 0
    return len(entry.dispatch or b"") + _TIMES_TOLD * told + reasons + _ENTRY_OVERHEAD


def text_bytes(*texts: str | None) -> int:
    """About how long these are as JSON; of long ones it is known exactly, since a character may take six bytes."""
    length = sum(len(text) for text in texts if text)
    return length if length < _SURELY_SHORT else len(msgspec.json.encode(texts))


def _other(entries: Mapping[int, Entry], entry: Entry) -> Entry | None:
    for seq, other in entries.items():
        if seq != entry.seq:
            return other
    return None
