"""A run as the kernel sees it: a lease, a state, and the table of how states follow one another.

What happens inside a run is the runner's business and stands in its journal. The kernel only knows whether it holds
the lease, whether the runner executes it, and what is left to do before it may forget the run.
"""

import datetime
import enum
import uuid
from dataclasses import dataclass

from animus_kernel.clock import parse_moment
from animus_plugin_protocol.wire.dispatch import ExecutionFence, qualified_id
from animus_plugin_protocol.wire.queue import QueueEntry
from animus_plugin_protocol.wire.workflow_runner import WaitingFor

__all__ = ["ENDED_STATUSES", "TRANSITIONS", "Run", "RunState", "Step", "free_slots", "new_run_id", "queue_status_for"]

ENDED_STATUSES = frozenset({"completed", "failed", "escalated", "cancelled"})
"""Run statuses after which nothing follows; every other word means that the run waits."""


class RunState(enum.Enum):
    """Where a leased run is in the kernel."""

    LEASED = "leased"
    """Ours, not handed to the runner yet; if it waits for its turn, it needs no slot meanwhile."""
    RUNNING = "running"
    """The runner executes it."""
    PARKED = "parked"
    """It waits for somebody; the lease stays, the slot is free."""
    WAKING = "waking"
    """It may go on and waits for a slot."""
    FINISHING = "finishing"
    """It has ended; the queue has not confirmed yet."""
    RETURNING = "returning"
    """The attempt broke off; the entry goes back to pending."""
    STOPPING = "stopping"
    """The lease is lost; the runner is told to stop."""
    GONE = "gone"
    """Nothing is left to do."""


class Step(enum.Enum):
    """What can happen to a run."""

    START = "start"
    PARK = "park"
    WAKE = "wake"
    END = "end"
    BREAK = "break"
    LOSE = "lose"
    CLOSE = "close"


TRANSITIONS: dict[tuple[RunState, Step], RunState] = {
    (RunState.LEASED, Step.START): RunState.RUNNING,
    (RunState.LEASED, Step.END): RunState.FINISHING,
    (RunState.LEASED, Step.LOSE): RunState.GONE,
    (RunState.RUNNING, Step.PARK): RunState.PARKED,
    (RunState.RUNNING, Step.END): RunState.FINISHING,
    (RunState.RUNNING, Step.BREAK): RunState.RETURNING,
    (RunState.RUNNING, Step.LOSE): RunState.STOPPING,
    (RunState.PARKED, Step.WAKE): RunState.WAKING,
    (RunState.PARKED, Step.END): RunState.FINISHING,
    (RunState.PARKED, Step.LOSE): RunState.GONE,
    (RunState.WAKING, Step.START): RunState.RUNNING,
    (RunState.WAKING, Step.END): RunState.FINISHING,
    (RunState.WAKING, Step.LOSE): RunState.GONE,
    (RunState.FINISHING, Step.CLOSE): RunState.GONE,
    (RunState.RETURNING, Step.CLOSE): RunState.GONE,
    (RunState.STOPPING, Step.CLOSE): RunState.GONE,
}
"""Everything that may happen; a step that has no row here is a defect of the kernel."""

_HOLDS_SLOT = frozenset({RunState.RUNNING, RunState.STOPPING})


@dataclass(slots=True, kw_only=True)
class Run:
    """One leased run."""

    run_id: str
    entry: QueueEntry
    fence: ExecutionFence
    leased_at: datetime.datetime
    state: RunState = RunState.LEASED
    may_wake: bool = False
    """The runner said that it may go on, before the kernel knew that it had parked."""
    status: str = "pending"
    reason: str | None = None
    waiting: WaitingFor | None = None
    waits_inside: bool = False
    """The runner executes it, and something in it waits for a person: it needs no slot meanwhile."""
    cancelled_by: str | None = None
    """Why its execution is being cancelled, where the runner knows no signals."""
    has_expired: bool = False
    """Its gate's time is over and the runner was told; it is not told twice."""

    def move(self, step: Step) -> None:
        """Take `step`.

        Raises:
            ValueError: the table does not allow it.
        """
        target = TRANSITIONS.get((self.state, step))
        if target is None:
            raise ValueError(f"run {self.run_id!r} cannot {step.value!r} while {self.state.value!r}")
        self.state = target

    def may(self, step: Step) -> bool:
        """Whether the table allows `step` now."""
        return (self.state, step) in TRANSITIONS

    @property
    def holds_slot(self) -> bool:
        """Whether it counts against the pool."""
        return self.state in _HOLDS_SLOT and not self.waits_inside

    @property
    def is_settled(self) -> bool:
        """Whether it has ended for good or waits for somebody."""
        return self.state in {RunState.GONE, RunState.PARKED}

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way for it: it has settled, may go on and was not started, or waits inside."""
        return self.is_settled or self.waits_inside or self.state is RunState.WAKING

    @property
    def subject_id(self) -> str:
        """The canonical id of its subject."""
        subject = self.entry.subject_dispatch.subject
        return self.entry.subject_id if subject is None else qualified_id(subject.kind, subject.id)

    @property
    def workflow_ref(self) -> str:
        """The workflow that was asked for."""
        return self.entry.subject_dispatch.workflow_ref

    @property
    def renew_at(self) -> datetime.datetime:
        """When the lease should be renewed: after a third of its term."""
        lease = self.fence.queue_lease
        return self.leased_at if lease is None else self.leased_at + (lease.expires_at - self.leased_at) / 3

    @property
    def gate_expires_at(self) -> datetime.datetime | None:
        """Until when the gate that it is parked at may be answered."""
        is_open = self.state is RunState.PARKED and not self.has_expired
        at = self.waiting.expires_at if is_open and self.waiting is not None else None
        return None if at is None else parse_moment(at)


def free_slots(pool_size: int, active: int, *, may_start: bool) -> int:
    """How many runs may be started now."""
    return max(pool_size - active, 0) if may_start else 0


def new_run_id() -> str:
    """An id that is unique and can be typed: given to the queue before anything is leased."""
    return f"run-{uuid.uuid4().hex[:16]}"


def queue_status_for(run_status: str) -> str:
    """The queue's word for how a run ended: it has none for ``escalated``."""
    return run_status if run_status in {"completed", "cancelled"} else "failed"
