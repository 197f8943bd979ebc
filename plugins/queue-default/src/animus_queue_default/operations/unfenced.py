"""The first generation of operations: no fences, entries named by their id.

Each operation reads the state, decides by the transition table, and emits facts; what it refuses leaves no trace.
"""

from collections.abc import Collection, Sequence

import msgspec

from animus_queue_default.clock import Clock
from animus_queue_default.fault import (
    FencedEntryError,
    InvalidRequestError,
    LeaseCountError,
    NotAssignedError,
    WrongStatusError,
)
from animus_queue_default.model.entry import FRESH, Entry, Standing
from animus_queue_default.model.identity import Mint, mint_id
from animus_queue_default.model.lease import LeaseTerms, grant_standing
from animus_queue_default.model.record import Moved
from animus_queue_default.model.request import Request
from animus_queue_default.model.status import Answer, Condition, Operation, Outcome, Status, answer_for
from animus_queue_default.operations.handout import PAGE_BYTES, Exclusion, entry_bytes, find_collision, is_candidate
from animus_queue_default.operations.ledger import Ledger, add_entry, audit_line, change_entry, finish_entry, sweep

__all__ = ["Mutation", "Queue", "Receipt", "checked_outcome", "require_id_count"]

_HINTS = {
    Operation.HOLD: "only a pending entry can be held; return it to pending first",
    Operation.RELEASE: "only a held entry can be released; an assigned one is returned with release_pending",
    Operation.MARK_ASSIGNED: "only a pending entry can be assigned; release it first",
}
_NO_EXCLUSION = Exclusion()


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an enqueue: the entry that now stands for it, new or not."""

    enqueued: bool
    entry_id: str
    subject: str
    warning: str | None = None


class Mutation(msgspec.Struct, frozen=True, kw_only=True):
    """Whether an operation changed its entry; that there is none is a value, not an error."""

    changed: bool
    not_found: bool = False


_CHANGED = Mutation(changed=True)
_UNCHANGED = Mutation(changed=False)
_NOT_FOUND = Mutation(changed=False, not_found=True)


class Queue:
    """Operations of the first generation on one ledger.

    Args:
        ledger: the state and where facts are written.
        clock: where the time comes from.
        terms: how long leases live.
        mint: makes ids of entries and runs.
    """

    def __init__(self, ledger: Ledger, clock: Clock, terms: LeaseTerms, mint: Mint = mint_id) -> None:
        self._ledger = ledger
        self._clock = clock
        self._terms = terms
        self._mint = mint

    def enqueue(self, request: Request) -> Receipt:
        """Keep `request`, unless an entry for the same subject and workflow is already waiting to start now.

        Raises:
            InvalidRequestError: no reply could carry the entry.
        """
        request.require_size()
        now = self._sweep()
        state = self._ledger.state
        if request.run_at is None:
            twin = state.find_waiting(request.subject, request.workflow_ref)
            if twin is not None:
                return Receipt(enqueued=False, entry_id=twin.entry_id, subject=request.subject)
        waiting = state.subjects.count(request.subject)
        entry = add_entry(self._ledger, request, self._mint(), now, FRESH)
        return Receipt(
            enqueued=True,
            entry_id=entry.entry_id,
            subject=request.subject,
            warning=_duplicate_warning(request.subject, waiting) if waiting else None,
        )

    def lease(
        self, count: int, workflow_ids: Sequence[str] | None = None, excluded: Collection[str] = ()
    ) -> list[Entry]:
        """Hand out up to `count` due entries, one a subject, the i-th for the i-th workflow id.

        Args:
            count: how many the asker is ready to start.
            workflow_ids: ids for the runs, exactly `count`; None lets the queue make them.
            excluded: subjects to leave alone, by canonical id or old-style key.

        Raises:
            LeaseCountError: there are not exactly `count` workflow ids.
        """
        require_id_count(count, workflow_ids)
        if count == 0:
            return []
        now = self._sweep()
        state = self._ledger.state
        leased: list[Entry] = []
        subjects: set[str] = set()
        size = 0
        for entry in state.readiness.candidates():
            if entry.dispatch is None or not is_candidate(entry, now):
                state.readiness.pass_over()
                continue
            if entry.subject in subjects or entry.subject in excluded or entry.subject_key in excluded:
                if entry.repository is not None:
                    state.readiness.pass_over()
                continue
            if find_collision(state, entry, _NO_EXCLUSION) is not None:
                continue
            if leased and size + entry_bytes(entry) > PAGE_BYTES:
                break
            self._grant(entry, None if workflow_ids is None else workflow_ids[len(leased)], now)
            subjects.add(entry.subject)
            leased.append(entry)
            if len(leased) == count:
                break
            size += entry_bytes(entry)
        return leased

    def hold(self, entry_id: str, reason: str | None = None) -> Mutation:
        """Keep a pending entry from being leased."""
        entry, answer = self._consult(Operation.HOLD, entry_id)
        if entry is None or answer is not Answer.APPLY:
            return _value(answer)
        now = self._clock.now()
        standing = _with(entry, status=Status.HELD, held_at=now, hold_reason=reason)
        change_entry(self._ledger, entry, standing, audit_line(entry, "hold", Status.HELD, reason or "", now))
        return _CHANGED

    def release(self, entry_id: str) -> Mutation:
        """Free a held entry; it has its old place."""
        entry, answer = self._consult(Operation.RELEASE, entry_id)
        if entry is None or answer is not Answer.APPLY:
            return _value(answer)
        standing = _with(entry, status=Status.PENDING, held_at=None, hold_reason=None)
        line = audit_line(entry, "release", Status.PENDING, "", self._clock.now())
        change_entry(self._ledger, entry, standing, line)
        return _CHANGED

    def drop(self, entry_id: str) -> Mutation:
        """Take an entry off the queue, whatever its status."""
        entry, answer = self._consult(Operation.DROP, entry_id)
        if entry is None or answer is not Answer.APPLY:
            return _value(answer)
        finish_entry(self._ledger, entry, Outcome.DROPPED, by="drop", now=self._clock.now())
        return _CHANGED

    def mark_assigned(self, entry_id: str, workflow_id: str | None = None) -> Mutation:
        """Hand one pending entry out by name."""
        entry, answer = self._consult(Operation.MARK_ASSIGNED, entry_id)
        if entry is None or answer is not Answer.APPLY:
            return _value(answer)
        self._grant(entry, workflow_id, self._clock.now(), keep_workflow_id=workflow_id is None)
        return _CHANGED

    def complete(
        self, entry_id: str, outcome: Outcome, workflow_ref: str | None = None, workflow_id: str | None = None
    ) -> Mutation:
        """Finish an assigned entry; a workflow ref or id that is given must be the entry's."""
        entry, answer = self._consult(Operation.COMPLETE, entry_id)
        if entry is None or answer is not Answer.APPLY:
            return _value(answer)
        if workflow_ref is not None and workflow_ref != entry.workflow_ref:
            return _NOT_FOUND
        if workflow_id is not None and workflow_id != entry.standing.workflow_id:
            return _NOT_FOUND
        finish_entry(self._ledger, entry, outcome, by="completion", now=self._clock.now())
        return _CHANGED

    def return_to_pending(self, entry_id: str, reason: str) -> None:
        """Give an assigned entry back; it has its old place and no run.

        Raises:
            InvalidRequestError: there is no such entry.
            NotAssignedError: it is not assigned.
            FencedEntryError: it is under a fenced lease.
        """
        entry, _ = self._consult(Operation.RETURN, entry_id)
        if entry is None:
            raise InvalidRequestError(f"there is no entry {entry_id!r} on the queue; list the queue for its ids")
        standing = _with(entry, status=Status.PENDING, workflow_id=None, assigned_at=None, grant=None)
        line = audit_line(entry, "release_pending", Status.PENDING, reason, self._clock.now())
        change_entry(self._ledger, entry, standing, line)

    def reorder(self, entry_ids: Sequence[str]) -> int:
        """Move these entries to the front of their priority class, in this order.

        Unknown and repeated ids are passed over.

        Returns:
            How many places of the queue have another occupant now.
        """
        state = self._ledger.state
        found = (state.find(entry_id) for entry_id in dict.fromkeys(entry_ids))
        moving, changed = state.order.plan_reorder([entry for entry in found if entry is not None])
        if moving:
            first = state.front_position - len(moving)
            self._ledger.emit(Moved(tuple((entry.seq, first + place) for place, entry in enumerate(moving))))
        return changed

    def next_deadline(self) -> Entry | None:
        """The pending entry that becomes due next, after expired ones are gone."""
        self._sweep()
        return self._ledger.state.readiness.next_run_at()

    def _sweep(self) -> int:
        now = self._clock.now()
        sweep(self._ledger, now)
        return now

    def _grant(self, entry: Entry, workflow_id: str | None, now: int, *, keep_workflow_id: bool = True) -> None:
        kept = entry.standing.workflow_id if keep_workflow_id else None
        standing = grant_standing(
            entry.standing,
            owner_id="",
            workflow_id=kept or workflow_id or self._mint(),
            now=now,
            ttl_seconds=self._terms.unfenced_ttl_seconds,
            fenced=False,
            subject_generation=entry.standing.subject_generation,
        )
        change_entry(self._ledger, entry, standing)

    def _consult(self, operation: Operation, entry_id: str) -> tuple[Entry | None, Answer]:
        entry = self._ledger.state.find(entry_id)
        answer = answer_for(operation, Condition.MISSING if entry is None else entry.condition)
        if entry is not None:
            if answer is Answer.WRONG_STATUS:
                raise WrongStatusError(operation.value, entry_id, entry.status.value, _HINTS[operation])
            if answer is Answer.NOT_ASSIGNED:
                raise NotAssignedError(entry_id, entry.status.value)
            if answer is Answer.NEEDS_FENCE:
                raise FencedEntryError(operation.value, entry_id)
        return entry, answer


def require_id_count(count: int, workflow_ids: Sequence[str] | None) -> None:
    """Refuse a lease whose workflow ids are not exactly as many as the entries asked for.

    Raises:
        InvalidRequestError: `count` is negative.
        LeaseCountError: the numbers differ.
    """
    if count < 0:
        raise InvalidRequestError(f"max is {count}; it must be 0 or more")
    if workflow_ids is not None and len(workflow_ids) != count:
        raise LeaseCountError(count, len(workflow_ids))


def checked_outcome(word: str) -> Outcome:
    """The outcome a holder may report.

    Raises:
        InvalidRequestError: `word` is none.
    """
    if word not in {Outcome.COMPLETED, Outcome.FAILED, Outcome.CANCELLED}:
        raise InvalidRequestError(f"{word!r} is no way to finish an entry; use 'completed', 'failed' or 'cancelled'")
    return Outcome(word)


def _value(answer: Answer) -> Mutation:
    return _UNCHANGED if answer is Answer.UNCHANGED else _NOT_FOUND


def _with(entry: Entry, **changes: object) -> Standing:
    return msgspec.structs.replace(entry.standing, **changes)


def _duplicate_warning(subject: str, waiting: int) -> str:
    entries = "entry" if waiting == 1 else "entries"
    return f"subject {subject} already has {waiting} queued {entries}; duplicate enqueued"
