"""Why an entry is where it is, and what would move it on."""

import msgspec

from animus_queue_default.clock import Clock
from animus_queue_default.model.act import BlockReason
from animus_queue_default.model.entry import AuditLine, Entry, Finished
from animus_queue_default.model.lease import Fence, fence_of
from animus_queue_default.model.moment import format_moment
from animus_queue_default.model.status import Status
from animus_queue_default.operations.handout import Exclusion, find_block
from animus_queue_default.operations.ledger import Ledger
from animus_queue_default.state.queue_state import QueueState

__all__ = ["MISSING", "Explanation", "explain"]

MISSING = "missing"
"""The status of an entry that does not exist."""

_NOTHING_EXCLUDED = Exclusion()
_BLOCKS = {
    BlockReason.SUBJECT_ACTIVE: (
        "another entry of its subject is at work",
        "it follows when that entry is finished or returned",
    ),
    BlockReason.REPOSITORY_COLLISION: (
        "another run writes to its repository ref",
        "it follows when that entry is finished or returned",
    ),
    BlockReason.RECOVERY_REQUIRED: (
        "another entry of its subject is under a lease that ran out",
        "free that entry: queue/v2/lease/recover, or queue/v2/release_pending with the fence queue/why shows for it",
    ),
    BlockReason.NO_IDENTITY: ("it has no dispatch, so nothing can be started for it", "queue/drop, then enqueue anew"),
}


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """How an entry stands and why."""

    entry_id: str
    status: str
    text: str
    remedy: str | None = None
    subject: str | None = None
    block_reason: str | None = None
    conflicts_with: str | None = None
    fence: Fence | None = None
    audit: tuple[AuditLine, ...] = ()


def explain(ledger: Ledger, clock: Clock, entry_id: str) -> Explanation:
    """What there is to say about the entry of that id, live, finished or missing."""
    state, now = ledger.state, clock.now()
    state.readiness.advance(now)
    entry = state.find(entry_id)
    if entry is None:
        finished = state.departures.find(entry_id)
        return _missing(entry_id) if finished is None else _finished(finished)
    match entry.status:
        case Status.PENDING:
            return _pending(state, entry, now)
        case Status.HELD:
            reason = entry.standing.hold_reason
            return _about(entry, f"it is held{_since(entry.standing.held_at)}{_because(reason)}", "queue/release")
        case Status.ASSIGNED:
            return _assigned(entry, now)
        case _:
            text = "an older queue left it in a status that this version does not know"
            return _about(entry, text, "queue/drop")


def _pending(state: QueueState, entry: Entry, now: int) -> Explanation:
    if not entry.is_due(now):
        return _about(entry, f"it is deferred until {entry.run_at_text}")
    if entry.expires_at is not None and entry.expires_at < now:
        return _about(entry, "its time to start is over; the next enqueue or lease removes it")
    block = find_block(state, entry, _NOTHING_EXCLUDED, now)
    if block is not None:
        text, remedy = _BLOCKS[block.reason]
        return msgspec.structs.replace(
            _about(entry, text, remedy), block_reason=block.reason.value, conflicts_with=block.conflicts_with
        )
    front = state.readiness.front_of(entry)
    if front is not None and front.seq != entry.seq:
        what = "subject" if entry.repository is None else "repository ref"
        text = f"it waits behind entry {front.entry_id!r} of the same {what}"
        return msgspec.structs.replace(_about(entry, text), conflicts_with=front.entry_id)
    return _about(entry, "it is ready: a lease hands it out when its turn comes")


def _assigned(entry: Entry, now: int) -> Explanation:
    standing = entry.standing
    grant = standing.grant
    if grant is None:
        return _about(entry, f"it was handed out to run {standing.workflow_id!r}", "queue/release_pending")
    owner = f" by {grant.owner_id!r}" if grant.owner_id else ""
    held = f"it is leased{owner} for run {standing.workflow_id!r}"
    end = format_moment(grant.expires_at)
    if not grant.has_expired(now):
        return _about(entry, f"{held} until {end}")
    if not grant.fenced:
        return _about(entry, f"{held}; the lease ran out at {end}, and the next lease hands it out again")
    remedy = "queue/v2/lease/recover by another owner, or queue/v2/release_pending, with the fence shown here"
    shown = _about(entry, f"{held}; the lease ran out at {end} and nobody took it over", remedy)
    return msgspec.structs.replace(shown, block_reason=BlockReason.RECOVERY_REQUIRED.value)


def _finished(finished: Finished) -> Explanation:
    moment = format_moment(finished.finished_at)
    return Explanation(
        entry_id=finished.entry_id,
        status=finished.outcome.value,
        text=f"it left the queue at {moment} by {finished.finished_by}{_because(finished.reason)}",
        subject=finished.subject,
    )


def _missing(entry_id: str) -> Explanation:
    text = "there never was such an entry on this queue"
    return Explanation(entry_id=entry_id, status=MISSING, text=text, remedy="list the queue for its ids")


def _about(entry: Entry, text: str, remedy: str | None = None) -> Explanation:
    return Explanation(
        entry_id=entry.entry_id,
        status=entry.status.value,
        text=text,
        remedy=remedy,
        subject=entry.subject,
        fence=fence_of(entry),
        audit=entry.audit,
    )


def _since(moment: int | None) -> str:
    return "" if moment is None else f" since {format_moment(moment)}"


def _because(reason: str | None) -> str:
    return f": {reason}" if reason else ""
