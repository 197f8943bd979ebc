"""The statuses of a run and the events that move it: one table, so that every pair is decided."""

from enum import StrEnum

__all__ = ["FINAL", "TRANSITIONS", "IllegalTransitionError", "RunEvent", "RunStatus", "next_status"]


class RunStatus(StrEnum):
    """Where a run is now."""

    PENDING = "pending"
    """Known, not executing: freshly made, or freed and waiting for the host to execute it."""
    RUNNING = "running"
    PAUSED = "paused"
    """Waits for somebody: `WaitingFor` says for whom and for which command."""
    COMPLETED = "completed"
    FAILED = "failed"
    ESCALATED = "escalated"
    """A gate failed: a person has to look."""
    CANCELLED = "cancelled"


class RunEvent(StrEnum):
    """What happens to a run."""

    START = "start"
    """A process begins, or takes over, its execution."""
    PARK = "park"
    """It waits at a gate, for a conflict to be settled, or because a phase may have had effects."""
    PAUSE = "pause"
    APPROVE = "approve"
    REJECT = "reject"
    EXPIRE = "expire"
    """The time of a manual gate is over."""
    RESUME = "resume"
    COMPLETE = "complete"
    FAIL = "fail"
    ESCALATE = "escalate"
    CANCEL = "cancel"


_S, _E = RunStatus, RunEvent

TRANSITIONS: dict[tuple[RunStatus, RunEvent], RunStatus] = {
    (_S.PENDING, _E.START): _S.RUNNING,
    (_S.PENDING, _E.PAUSE): _S.PAUSED,
    (_S.PENDING, _E.FAIL): _S.FAILED,
    (_S.PENDING, _E.ESCALATE): _S.ESCALATED,  # an approval whose route leads back to a phase without budget
    (_S.PENDING, _E.CANCEL): _S.CANCELLED,
    (_S.RUNNING, _E.START): _S.RUNNING,
    (_S.RUNNING, _E.PARK): _S.PAUSED,
    (_S.RUNNING, _E.PAUSE): _S.PAUSED,
    (_S.RUNNING, _E.COMPLETE): _S.COMPLETED,
    (_S.RUNNING, _E.FAIL): _S.FAILED,
    (_S.RUNNING, _E.ESCALATE): _S.ESCALATED,
    (_S.RUNNING, _E.CANCEL): _S.CANCELLED,
    (_S.PAUSED, _E.APPROVE): _S.PENDING,
    (_S.PAUSED, _E.REJECT): _S.FAILED,
    (_S.PAUSED, _E.EXPIRE): _S.FAILED,
    (_S.PAUSED, _E.RESUME): _S.PENDING,
    (_S.PAUSED, _E.CANCEL): _S.CANCELLED,
    (_S.FAILED, _E.RESUME): _S.PENDING,
    (_S.ESCALATED, _E.RESUME): _S.PENDING,
}
"""Every pair that is not listed is illegal."""

FINAL = frozenset({_S.COMPLETED, _S.FAILED, _S.ESCALATED, _S.CANCELLED})
"""The statuses whose result is handed back unchanged when the run is executed again."""


class IllegalTransitionError(Exception):
    """The event cannot happen to a run of this status."""

    def __init__(self, status: RunStatus, event: RunEvent) -> None:
        super().__init__(f"a run that is {status.value} cannot {event.value}")
        self.status = status
        self.event = event


def next_status(status: RunStatus, event: RunEvent) -> RunStatus:
    """The status after `event`.

    Raises:
        IllegalTransitionError: the table has no such row.
    """
    try:
        return TRANSITIONS[(status, event)]
    except KeyError:
        raise IllegalTransitionError(status, event) from None
