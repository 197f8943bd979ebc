"""One move of a run's status, and what a transition hands to whoever writes it down."""

import datetime
from typing import NamedTuple

import msgspec

from animus_workflow_runner_default.clock import timestamp
from animus_workflow_runner_default.engine.machine import FINAL, RunEvent, next_status
from animus_workflow_runner_default.journal.record import Attempt, Run

__all__ = ["Moved", "move"]


class Moved(NamedTuple):
    """The run afterwards, and the attempts that are new or changed."""

    run: Run
    attempts: tuple[Attempt, ...] = ()


def move(run: Run, event: RunEvent, now: datetime.datetime, reason: str | None = None) -> Run:
    """The run after `event`; a final status ends its stage.

    Raises:
        IllegalTransitionError: see `machine.next_status`.
    """
    status = next_status(run.status, event)
    moment = timestamp(now)
    is_over = status in FINAL
    return msgspec.structs.replace(
        run,
        status=status,
        updated_at=moment,
        finished_at=moment if is_over else None,
        reason=reason,
        waiting=None,
        # A pause that was asked for outlives the process that was asked.
        pause_requested=run.pause_requested and event is RunEvent.START,
    )
