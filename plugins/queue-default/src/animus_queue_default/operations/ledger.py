"""What an operation works on: the state, a place to write facts, the time."""

from typing import Protocol

from animus_queue_default.model.entry import AuditLine, BoundKey, Entry, Finished, Standing
from animus_queue_default.model.record import Added, Changed, Record
from animus_queue_default.model.request import Request
from animus_queue_default.model.status import Outcome, Status
from animus_queue_default.state.queue_state import QueueState

__all__ = ["EXPIRY_SWEEP", "SWEEP_LIMIT", "Ledger", "add_entry", "audit_line", "change_entry", "finish_entry", "sweep"]

EXPIRY_SWEEP = "expiry-sweep"
"""Who finished an entry that expired."""
SWEEP_LIMIT = 1_000
"""How many expired entries one operation removes; the next operation goes on."""


class Ledger(Protocol):
    """The state and the facts it is made of."""

    @property
    def state(self) -> QueueState:
        """What is true now."""
        ...

    def emit(self, record: Record) -> None:
        """Make `record` true, and durable with the batch."""
        ...


def sweep(ledger: Ledger, now: int) -> None:
    """Let time be `now`, and drop pending entries that expired before it."""
    readiness = ledger.state.readiness
    if readiness.rests(now):
        return
    readiness.advance(now)
    for entry in readiness.take_expired(now, SWEEP_LIMIT):
        finish_entry(ledger, entry, Outcome.DROPPED, by=EXPIRY_SWEEP, now=now, reason="expired before it was started")
    readiness.set_alarm()


def add_entry(  # what an entry is made of
    ledger: Ledger,
    request: Request,
    entry_id: str,
    now: int,
    standing: Standing,
    keys: tuple[BoundKey, ...] = (),
) -> Entry:
    """Put a new entry for `request` at the end of the queue."""
    state = ledger.state
    entry = Entry(
        seq=state.next_seq,
        entry_id=entry_id,
        subject=request.subject,
        subject_key=request.subject_key,
        workflow_ref=request.workflow_ref,
        dispatch=request.dispatch,
        priority=request.priority,
        position=state.next_position,
        enqueued_at=now,
        run_at=request.run_at,
        run_at_text=request.run_at_text,
        expire_after_secs=request.expire_after_secs,
        repository=request.repository,
        task_id=request.task_id,
        standing=standing,
        keys=keys,
    )
    ledger.emit(Added(entry))
    return entry


def change_entry(ledger: Ledger, entry: Entry, standing: Standing, audit: AuditLine | None = None) -> None:
    """Let `entry` stand as `standing`."""
    ledger.emit(Changed(entry.seq, standing, audit))


def finish_entry(
    ledger: Ledger, entry: Entry, outcome: Outcome, *, by: str, now: int, reason: str | None = None
) -> None:
    """Take `entry` off the queue for good."""
    ledger.emit(
        Finished(
            seq=entry.seq,
            entry_id=entry.entry_id,
            subject=entry.subject,
            workflow_ref=entry.workflow_ref,
            outcome=outcome,
            finished_at=now,
            finished_by=by,
            enqueued_at=entry.enqueued_at,
            standing=entry.standing,
            reason=reason,
            repository=entry.repository,
            keys=entry.keys,
        )
    )


def audit_line(entry: Entry, operation: str, to_status: Status, reason: str, now: int) -> AuditLine:
    """A line that says who asked for the change of `entry` to `to_status`, and why."""
    return AuditLine(now, operation, entry.status.value, to_status.value, reason)
