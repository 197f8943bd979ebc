"""Signals to a run: what each does to one that is being executed and to one that is not, or why it is refused."""

import datetime
from collections.abc import Sequence
from typing import NamedTuple

from animus_workflow_runner_default.engine.agent_progress import answer_stored
from animus_workflow_runner_default.engine.evaluation import rerun_evaluated
from animus_workflow_runner_default.engine.execution import Execution
from animus_workflow_runner_default.engine.machine import FINAL, RunEvent, RunStatus
from animus_workflow_runner_default.engine.refusal import (
    GatePendingError,
    InvalidRequestError,
    PhaseNotFoundError,
    TerminalRunError,
)
from animus_workflow_runner_default.engine.transition import Moved, answer_gate, close_attempts, move, pause, resume
from animus_workflow_runner_default.journal.record import Attempt, Run
from animus_workflow_runner_default.phases.agent_book import InteractionError
from animus_workflow_runner_default.phases.agent_state import Response
from animus_workflow_runner_default.phases.manual_phase import GateRefusedError, approval
from animus_workflow_runner_default.phases.phase_work import PhaseWork

__all__ = ["SIGNALS", "Signal", "SignalReport", "apply_signal", "signal_executing"]

DEFAULT_CANCEL_REASON = "cancelled by request"
SIGNALS = ("pause", "resume", "cancel", "approve", "reject", "answer")


class Signal(NamedTuple):
    """What is asked of a run; see `SIGNALS`."""

    name: str
    phase_id: str | None = None
    note: str | None = None
    force: bool = False
    interaction_id: str | None = None
    response: Response | None = None
    """What ``answer`` brings to an agent."""
    by: str | None = None


class SignalReport(NamedTuple):
    """The run afterwards; `moved` is what has to be written, None if nothing changed."""

    run: Run
    is_runnable: bool
    message: str | None = None
    moved: Moved | None = None


def apply_signal(
    run: Run, attempts: Sequence[Attempt], work: PhaseWork, signal: Signal, now: datetime.datetime
) -> SignalReport:
    """What a signal does to a run that nobody executes.

    Raises:
        RefusalError: the run does not take the signal now.
    """
    if signal.name not in SIGNALS:
        raise InvalidRequestError(f"unknown signal {signal.name!r}; there are: {', '.join(SIGNALS)}")
    is_resumable = run.status in {RunStatus.FAILED, RunStatus.ESCALATED}
    if run.status in FINAL and not (signal.name == "resume" and is_resumable):
        raise TerminalRunError(f"run {run.workflow_id!r} is {run.status.value}; it takes no {signal.name}")
    match signal.name:
        case "approve" | "reject":
            return _answer(run, attempts, work, signal, now)
        case "answer":
            return _store_answer(run, attempts, signal, now)
        case "resume":
            return _resume(run, attempts, signal, now)
        case "cancel":
            reason = signal.note or DEFAULT_CANCEL_REASON
            closed = close_attempts(attempts, reason, now)
            return _moved(Moved(move(run, RunEvent.CANCEL, now, reason), closed), "cancelled")
        case _:
            if run.status is RunStatus.PAUSED:
                return SignalReport(run, is_runnable=False, message="it is paused already")
            return _moved(Moved(pause(run, now)), "paused")


async def signal_executing(execution: Execution, signal: Signal) -> SignalReport:
    """What a signal does to a run that is being executed.

    Raises:
        RefusalError: the run does not take the signal now.
    """
    match signal.name:
        case "cancel":
            run = await execution.cancel(signal.note or DEFAULT_CANCEL_REASON)
            return SignalReport(run, is_runnable=False, message="cancelled; its processes were ended")
        case "pause":
            run = await execution.pause()
            return SignalReport(run, is_runnable=False, message="pauses after the phase that is running")
        case "resume":
            return SignalReport(execution.run, is_runnable=False, message="it is running")
        case "answer":
            return await _bring_answer(execution, signal)
        case _:
            raise InvalidRequestError(
                f"run {execution.run.workflow_id!r} is running and waits for no approval; it can be paused or cancelled"
            )


def _response_of(signal: Signal) -> Response:
    """What ``answer`` brings.

    Raises:
        InvalidRequestError: it brings nothing.
    """
    if signal.response is None:
        raise InvalidRequestError(
            'the signal \'answer\' needs a response: {"decision": "allow" or "deny", "answer"?, "message"?}'
        )
    return signal.response


async def _bring_answer(execution: Execution, signal: Signal) -> SignalReport:
    try:
        asked, is_waiting = await execution.answer(signal.interaction_id, _response_of(signal), signal.by)
    except InteractionError as error:
        raise InvalidRequestError(f"run {execution.run.workflow_id!r}: {error}") from error
    told = "the agent was told" if is_waiting else "kept; the agent is told when it asks again"
    return SignalReport(execution.run, is_runnable=False, message=f"{asked.id} is answered; {told}")


def _store_answer(run: Run, attempts: Sequence[Attempt], signal: Signal, now: datetime.datetime) -> SignalReport:
    try:
        moved = answer_stored(run, attempts, signal.interaction_id, _response_of(signal), signal.by, now)
    except InteractionError as error:
        raise InvalidRequestError(f"run {run.workflow_id!r}: {error}") from error
    return SignalReport(
        moved.run, run.status is RunStatus.RUNNING, "kept; the agent is told when its session goes on", moved
    )


def _moved(moved: Moved, message: str) -> SignalReport:
    return SignalReport(moved.run, moved.run.status is RunStatus.PENDING, message, moved)


def _answer(
    run: Run, attempts: Sequence[Attempt], work: PhaseWork, signal: Signal, now: datetime.datetime
) -> SignalReport:
    attempt = next((item for item in attempts if item.status == "manual_pending"), None)
    if run.status is not RunStatus.PAUSED or attempt is None:
        raise InvalidRequestError(f"run {run.workflow_id!r} is {run.status.value} and waits at no gate")
    if signal.phase_id is not None and signal.phase_id not in {attempt.phase_id, attempt.path}:
        raise PhaseNotFoundError(
            f"run {run.workflow_id!r} waits at phase {attempt.phase_id!r}, not at {signal.phase_id!r}"
        )
    if signal.name == "reject":
        moved = answer_gate(run, attempt, None, signal.note, work.plan, attempts, now)
        is_over = moved.run.status is not RunStatus.PENDING
        course = f"the run {moved.run.status.value}: {moved.run.reason}" if is_over else "it takes the route of that"
        return _moved(moved, f"rejected; {course}")
    gate = work.gate(run, attempt)
    if gate is None:
        raise InvalidRequestError(f"phase {attempt.phase_id!r} is no manual phase")
    try:
        decision = approval(gate, signal.note, run_id=run.workflow_id)
    except GateRefusedError as refusal:
        raise InvalidRequestError(str(refusal)) from refusal
    return _moved(answer_gate(run, attempt, decision, signal.note, work.plan, attempts, now), "approved")


def _resume(run: Run, attempts: Sequence[Attempt], signal: Signal, now: datetime.datetime) -> SignalReport:
    if run.status in {RunStatus.PENDING, RunStatus.RUNNING}:
        return SignalReport(run, is_runnable=True, message="it only waits to be executed")
    waiting = run.waiting
    if waiting is not None and waiting.kind == "gate":
        raise GatePendingError(f"run {run.workflow_id!r} waits at a gate; {waiting.command}, or reject it")
    evaluated = next((item for item in attempts if item.status == "manual_pending"), None)
    if waiting is not None and waiting.kind == "eval" and evaluated is not None:
        return _moved(rerun_evaluated(run, evaluated, now), "the phase runs again")
    if waiting is not None and waiting.kind in {"blocked", "budget"} and not signal.force:
        raise InvalidRequestError(f"{waiting.reason}. To run it again nevertheless: {waiting.command}")
    return _moved(Moved(resume(run, now, force=signal.force)), "resumed")
