"""The second generation of operations: every act on a leased entry shows the fence it was leased under."""

from collections.abc import Sequence

import msgspec

from animus_queue_default.clock import Clock
from animus_queue_default.fault import InvalidRequestError
from animus_queue_default.model.act import Block, BlockReason, FencedAct, FencedReceipt, FenceOutcome, Handout
from animus_queue_default.model.entry import BoundKey, Entry, Grant, Standing
from animus_queue_default.model.identity import Mint, mint_id
from animus_queue_default.model.lease import Fence, LeaseTerms, expiry_after, fence_of, grant_standing, is_current
from animus_queue_default.model.record import Bound
from animus_queue_default.model.request import Request, checked_key, is_same_request, request_hash
from animus_queue_default.model.status import Answer, Condition, Operation, Outcome, Status, answer_for
from animus_queue_default.operations.handout import (
    PAGE_BYTES,
    Exclusion,
    entry_bytes,
    find_block,
    is_candidate,
    text_bytes,
)
from animus_queue_default.operations.ledger import Ledger, add_entry, audit_line, change_entry, finish_entry, sweep

__all__ = ["MAX_LEASE_BATCH", "FencedQueue"]

MAX_LEASE_BATCH = 64
"""How many entries one fenced lease hands out at most."""
_BLOCK_REPORT = 64
_NOTHING_EXCLUDED = Exclusion()
_RETURNED = "the entry was returned to pending; lease it again"
_NO_LIVE_FENCE = "the entry is not under this lease any more; read its current fence from queue/list"
_GONE = "the entry is finished or was dropped"


class FencedQueue:
    """Operations of the second generation on one ledger; see `Queue` for the arguments."""

    def __init__(self, ledger: Ledger, clock: Clock, terms: LeaseTerms, mint: Mint = mint_id) -> None:
        self._ledger = ledger
        self._clock = clock
        self._terms = terms
        self._mint = mint

    def enqueue(self, request: Request, key: str | None = None) -> FencedReceipt:
        """Keep `request` once per `key`, for ever, and only one live entry per subject.

        Raises:
            InvalidRequestError: the key is bound to a different request, the expiry is out of range, or no reply
                could carry the entry.
        """
        request.require_size()
        request.require_expiry_in_range()
        bound = None if key is None else BoundKey(checked_key(key), request_hash(request))
        now = self._clock.now()
        sweep(self._ledger, now)
        if bound is not None and (receipt := self._replay(request, bound)) is not None:
            return receipt
        state = self._ledger.state
        blocker = self._live_entry(request.subject)
        if blocker is not None:
            return self._bind(blocker, bound)
        generation = state.generation_of(request.subject) + 1
        keys = () if bound is None else (bound,)
        entry = add_entry(self._ledger, request, self._mint(), now, Standing(subject_generation=generation), keys)
        return FencedReceipt(enqueued=True, entry_id=entry.entry_id, subject=request.subject, generation=generation)

    def lease(
        self, count: int, owner_id: str, workflow_ids: Sequence[str], exclusion: Exclusion | None = None
    ) -> Handout:
        """Hand out up to `count` due entries to `owner_id`, each under a new fence.

        An entry that already has a run keeps it and uses up none of `workflow_ids`. The report of what is blocked
        ends after 64 entries.
        """
        now = self._clock.now()
        sweep(self._ledger, now)
        exclusion = exclusion or _NOTHING_EXCLUDED
        state = self._ledger.state
        returned = state.standings.returned_runs
        # Ids that a returned entry carries come last: that entry keeps its own if it is among those handed out.
        unused = iter(sorted(workflow_ids, key=returned.__contains__) if returned else workflow_ids)
        leased: list[Entry] = []
        blocked = self._lapsed_blocks(now) if state.readiness.lapsed else []
        size, names = 0, 0 if count == 1 else 2 * text_bytes(owner_id, max(workflow_ids, key=len, default=None))
        for entry in state.readiness.candidates():
            if not is_candidate(entry, now):
                state.readiness.pass_over()
                continue
            block = find_block(state, entry, exclusion, now)
            if block is not None:
                self._report(entry, block, blocked)
                continue
            if leased and size + names + entry_bytes(entry) > PAGE_BYTES:
                break
            self._grant(entry, owner_id, entry.standing.workflow_id or next(unused), now)
            leased.append(entry)
            if len(leased) == count:
                break
            size += entry_bytes(entry)
        return Handout(leased, blocked[:_BLOCK_REPORT])

    def renew(self, fence: Fence, ttl_seconds: int | None = None) -> FencedAct:
        """Keep a lease that has not run out; its expiry never moves earlier."""
        ttl = self._terms.fenced_ttl(ttl_seconds)
        entry, refusal = self._consult(Operation.FENCED_RENEW, fence)
        if entry is None:
            return refusal
        now = self._clock.now()
        grant = _grant_of(entry)
        if grant.has_expired(now):
            return FencedAct(FenceOutcome.STALE_FENCE, None, "queue lease has expired and requires recovery")
        expires_at = max(grant.expires_at, expiry_after(now, ttl))
        if expires_at != grant.expires_at:
            renewed = Grant(grant.owner_id, grant.generation, expires_at, fenced=True)
            change_entry(self._ledger, entry, msgspec.structs.replace(entry.standing, grant=renewed))
        return FencedAct(FenceOutcome.APPLIED, fence_of(entry))

    def recover(self, fence: Fence, new_owner_id: str, ttl_seconds: int | None = None) -> FencedAct:
        """Take over a lease of another owner that has run out; the grant's generation rises by exactly one.

        Raises:
            InvalidRequestError: the new owner is blank or the one of the fence.
        """
        ttl = self._terms.fenced_ttl(ttl_seconds)
        if not new_owner_id.strip() or new_owner_id == fence.owner_id:
            raise InvalidRequestError(
                f"new_owner_id {new_owner_id!r} must name another owner than {fence.owner_id!r}; an owner renews"
                " its own leases, or returns them with release_pending"
            )
        entry, refusal = self._consult(Operation.FENCED_RECOVER, fence)
        if entry is None:
            return refusal
        now = self._clock.now()
        if not _grant_of(entry).has_expired(now):
            return FencedAct(FenceOutcome.LEASE_STILL_LIVE, fence_of(entry), "the lease has not run out")
        generation = entry.standing.lease_generation + 1
        standing = msgspec.structs.replace(
            entry.standing,
            lease_generation=generation,
            grant=Grant(new_owner_id, generation, expiry_after(now, ttl), fenced=True),
        )
        line = audit_line(entry, "recover", Status.ASSIGNED, f"{fence.owner_id} -> {new_owner_id}", now)
        change_entry(self._ledger, entry, standing, line)
        return FencedAct(FenceOutcome.APPLIED, fence_of(entry))

    def complete(self, fence: Fence, outcome: Outcome, workflow_ref: str | None = None) -> FencedAct:
        """Finish the entry, also after the lease ran out as long as nobody took it over."""
        entry, refusal = self._consult(Operation.FENCED_COMPLETE, fence)
        if entry is None:
            return refusal
        if workflow_ref is not None and workflow_ref != entry.workflow_ref:
            reason = f"the entry is for workflow {entry.workflow_ref!r}, not {workflow_ref!r}"
            return FencedAct(FenceOutcome.STALE_FENCE, fence_of(entry), reason)
        finish_entry(self._ledger, entry, outcome, by="v2/completion", now=self._clock.now())
        return FencedAct(FenceOutcome.APPLIED)

    def return_to_pending(self, fence: Fence, reason: str) -> FencedAct:
        """Give the entry back; it keeps its place, its run and its generations."""
        entry, refusal = self._consult(Operation.FENCED_RETURN, fence)
        if entry is None:
            return refusal
        standing = msgspec.structs.replace(entry.standing, status=Status.PENDING, assigned_at=None)
        line = audit_line(entry, "v2/release_pending", Status.PENDING, reason, self._clock.now())
        change_entry(self._ledger, entry, standing, line)
        return FencedAct(FenceOutcome.APPLIED)

    def _replay(self, request: Request, bound: BoundKey) -> FencedReceipt | None:
        state = self._ledger.state
        known = state.find_key(bound.key)
        if known is None:
            return None
        entry, first = known
        if not is_same_request(request, bound.request_hash, first.request_hash):
            raise InvalidRequestError(
                f"idempotency_key {bound.key!r} is already bound to a different queue request (entry"
                f" {entry.entry_id!r}); use a new key for new work"
            )
        return FencedReceipt(
            enqueued=False,
            entry_id=entry.entry_id,
            subject=entry.subject,
            generation=entry.standing.subject_generation,
        )

    def _live_entry(self, subject: str) -> Entry | None:
        """The entry that keeps `subject` from a new generation: a ticketed one, or one that still waits."""
        for entry in self._ledger.state.siblings(subject):
            if entry.is_ticketed or entry.status in {Status.PENDING, Status.HELD}:
                return entry
        return None

    def _bind(self, entry: Entry, bound: BoundKey | None) -> FencedReceipt:
        generation = entry.standing.subject_generation
        if not generation:
            generation = self._ledger.state.generation_of(entry.subject) + 1
            standing = msgspec.structs.replace(entry.standing, subject_generation=generation)
            change_entry(self._ledger, entry, standing)
        if bound is not None:
            self._ledger.emit(Bound(entry.seq, bound))
        return FencedReceipt(
            enqueued=False,
            entry_id=entry.entry_id,
            subject=entry.subject,
            generation=generation,
            warning=f"subject {entry.subject} already has an active generation; enqueue rejected",
        )

    def _grant(self, entry: Entry, owner_id: str, workflow_id: str, now: int) -> None:
        generation = entry.standing.subject_generation
        standing = grant_standing(
            entry.standing,
            owner_id=owner_id,
            workflow_id=workflow_id,
            now=now,
            ttl_seconds=self._terms.ttl_seconds,
            fenced=True,
            subject_generation=generation or self._ledger.state.generation_of(entry.subject) + 1,
        )
        change_entry(self._ledger, entry, standing)

    def _lapsed_blocks(self, now: int) -> list[Block]:
        """Leases that ran out and wait for somebody to recover them."""
        state = self._ledger.state
        blocks: list[Block] = []
        for seq in state.readiness.lapsed:
            entry = state.entry(seq)
            if _grant_of(entry).has_expired(now):
                blocks.append(Block(entry.entry_id, BlockReason.RECOVERY_REQUIRED))
            if len(blocks) == _BLOCK_REPORT:
                break
        return blocks

    def _report(self, entry: Entry, block: Block, blocked: list[Block]) -> None:
        """Report `entry` and those that wait behind it; look behind it where they wait for something else."""
        if len(blocked) < _BLOCK_REPORT:
            blocked.append(block)
        readiness = self._ledger.state.readiness
        is_lane_block = entry.repository is None or block.reason is BlockReason.REPOSITORY_COLLISION
        if not is_lane_block or block.reason is BlockReason.NO_IDENTITY:
            readiness.pass_over()
        elif len(blocked) < _BLOCK_REPORT:
            blocked.extend(
                Block(mate.entry_id, block.reason, block.conflicts_with) for mate in readiness.lane_mates(entry)
            )

    def _consult(self, operation: Operation, fence: Fence) -> tuple[Entry | None, FencedAct]:
        """The entry the act may be applied to, or None and the outcome to report instead."""
        state = self._ledger.state
        entry = state.find(fence.entry_id)
        holder = entry if entry is not None else state.departures.find(fence.entry_id)
        if holder is None:
            return None, FencedAct(FenceOutcome.NOT_FOUND, None, f"there is no entry {fence.entry_id!r}")
        if not is_current(fence, holder):
            return None, FencedAct(FenceOutcome.STALE_FENCE, None, _NO_LIVE_FENCE)
        condition = holder.condition
        answer = answer_for(operation, condition)
        if answer is Answer.APPLY:
            return entry, FencedAct(FenceOutcome.APPLIED)
        if answer is Answer.ALREADY_APPLIED:
            return None, FencedAct(FenceOutcome.ALREADY_APPLIED)
        if answer is Answer.NOT_ASSIGNED:
            returned = condition in {Condition.PENDING, Condition.HELD}
            return None, FencedAct(FenceOutcome.NOT_ASSIGNED, None, _RETURNED if returned else _GONE)
        return None, FencedAct(FenceOutcome.STALE_FENCE, None, _NO_LIVE_FENCE)


def _grant_of(entry: Entry) -> Grant:
    """The grant of an entry that the table says is under a fenced lease."""
    if entry.standing.grant is None:
        raise AssertionError(f"entry {entry.entry_id!r} is fenced without a grant")
    return entry.standing.grant
