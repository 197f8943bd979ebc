"""Between the wire types of ``workflow/*`` and the runner's own."""

from typing import Any

import msgspec

from animus_plugin_protocol.wire.dispatch import SubjectRef, canonical_kind, qualified_id
from animus_plugin_protocol.wire.workflow_runner import (
    PhaseEvent,
    PhaseResultSnapshot,
    WaitingFor,
    WorkflowExecuteParams,
    WorkflowExecuteResult,
    WorkflowSignalParams,
)
from animus_workflow_runner_default.authoring.checking import convert
from animus_workflow_runner_default.authoring.model import RoutingTable
from animus_workflow_runner_default.authoring.project import routing_table
from animus_workflow_runner_default.authoring.project_shapes import PhaseRoutingShape
from animus_workflow_runner_default.engine.happening import Happening, phase_history
from animus_workflow_runner_default.engine.machine import RunStatus
from animus_workflow_runner_default.engine.refusal import InvalidRequestError
from animus_workflow_runner_default.engine.routing import Advance, Close, Rework
from animus_workflow_runner_default.engine.runner import RunReport, RunRequest
from animus_workflow_runner_default.engine.steering import Signal
from animus_workflow_runner_default.journal.agent_rows import tokens_row
from animus_workflow_runner_default.journal.blob import phase_row
from animus_workflow_runner_default.journal.record import Attempt, Dispatch, Run, Subject, Waiting
from animus_workflow_runner_default.json_value import json_object
from animus_workflow_runner_default.phases.agent_state import Response

__all__ = ["execute_request", "execute_result", "phase_event", "signal_of", "waiting_for"]

_UNSUPPORTED = {
    "mcp_config": "MCP servers are not started by this runner",
}


def execute_request(params: WorkflowExecuteParams) -> RunRequest:
    """What is asked for.

    Raises:
        InvalidRequestError: it names no subject properly, or asks for what this runner cannot do.
    """
    for name, advice in _UNSUPPORTED.items():
        if getattr(params, name) is not None:
            raise InvalidRequestError(f"workflow/execute: {name!r} is not supported; {advice}")
    dispatch, subject = params.subject_dispatch, _subject(params)
    for said in (params.workflow_id, None if subject is None else subject.id):
        if said is not None and "\0" in said:
            raise InvalidRequestError(f"workflow/execute: the id {said!r} has a NUL in it; no file can be named so")
    return RunRequest(
        workflow_id=params.workflow_id,
        workflow_ref=params.workflow_ref or (None if dispatch is None else dispatch.workflow_ref),
        subject=subject,
        dispatch=Dispatch(
            input=params.input if params.input is not None or dispatch is None else dispatch.input,
            variables=({} if dispatch is None else dispatch.vars) | params.vars,
            model=params.model,
            tool=params.tool,
            phase_timeout_seconds=params.phase_timeout_secs,
            trigger_source="" if dispatch is None else dispatch.trigger_source,
            phase_filter=params.phase_filter,
            phase_routing=_routing(params.phase_routing),
        ),
    )


def _routing(given: Any) -> RoutingTable | None:
    if given is None:
        return None
    shape, findings = convert(given, PhaseRoutingShape, ("phase_routing",))
    if shape is None or findings:
        raise InvalidRequestError(f"workflow/execute: phase_routing: {'; '.join(item.message for item in findings)}")
    return routing_table(shape)


def signal_of(params: WorkflowSignalParams) -> Signal:
    """What is asked of a run.

    Raises:
        InvalidRequestError: the response is none an agent can be given.
    """
    response: Response | None = None
    if params.response is not None:
        try:
            response = msgspec.convert(params.response, Response)
        except msgspec.ValidationError as error:
            raise InvalidRequestError(
                f'workflow/signal: a response is {{"decision": "allow" or "deny", "answer"?, "message"?}}: {error}'
            ) from error
    return Signal(
        name=params.signal,
        phase_id=params.phase_id,
        note=params.note,
        force=params.force,
        interaction_id=params.interaction_id,
        response=response,
        by=None if params.actor is None else params.actor.user_id,
    )


def _subject(params: WorkflowExecuteParams) -> Subject | None:
    ref = _reference(params)
    if ref is None:
        return None
    try:
        canonical = qualified_id(ref.kind, ref.id)
    except ValueError as error:
        raise InvalidRequestError(f"workflow/execute: {error}") from error
    given = json_object(ref.metadata.get("attributes")) or {}
    attributes = {name: str(value) for name, value in given.items() if value is not None}
    if params.subject_dispatch is not None and params.subject_dispatch.priority is not None:
        attributes.setdefault("priority", params.subject_dispatch.priority)
    return Subject(
        kind=canonical_kind(ref.kind),
        id=canonical,
        native_id=canonical.partition(":")[2],
        title=params.title or ref.title or "",
        description=params.description or ref.description or "",
        attributes=attributes,
    )


def _reference(params: WorkflowExecuteParams) -> SubjectRef | None:
    """The subject; the convenience fields win over the structured ones."""
    if params.task_id is not None:
        return SubjectRef(kind="task", id=params.task_id)
    if params.requirement_id is not None:
        return SubjectRef(kind="requirement", id=params.requirement_id)
    if params.subject_ref is not None:
        return params.subject_ref
    if params.subject_dispatch is not None and params.subject_dispatch.subject is not None:
        return params.subject_dispatch.subject
    return None if params.title is None else SubjectRef(kind="custom", id=params.title, title=params.title)


def execute_result(params: WorkflowExecuteParams, report: RunReport, project_root: str) -> WorkflowExecuteResult:
    """Where the run is, as the host is told."""
    run, attempts = report.run, report.attempts
    done = {attempt.path for attempt in attempts if attempt.status in {"completed", "skipped"}}
    return WorkflowExecuteResult(
        workflow_id=run.workflow_id,
        execution_fence=params.execution_fence,
        workflow_ref=run.workflow_ref,
        workflow_status=run.status.value,
        subject_id=run.subject.id,
        execution_cwd=project_root if run.checkout is None else run.checkout.cwd,
        phases_requested=[entry.phase_id for entry in report.workflow.phases],
        phases_completed=len(done),
        phases_total=len(report.workflow.phases),
        total_duration_secs=round(run.busy_seconds),
        phase_results=[_snapshot(attempt) for attempt in attempts if attempt.status not in {"running", "skipped"}],
        post_success=run.merge,
        success=run.status is RunStatus.COMPLETED,
        phase_events=[phase_event(happening) for happening in phase_history(attempts)],
        reason=_reason(run),
        waiting=waiting_for(run.waiting),
    )


def _reason(run: Run) -> str | None:
    return None if run.status is RunStatus.COMPLETED and run.reason is None else run.reason


def _snapshot(attempt: Attempt) -> PhaseResultSnapshot:
    step = attempt.step
    decision = None if attempt.decision is None else msgspec.to_builtins(attempt.decision)
    return PhaseResultSnapshot(
        phase_id=attempt.phase_id,
        status=attempt.status,
        duration_secs=round(attempt.duration_seconds or 0.0),
        outcome={"decision": decision, "reason": attempt.reason, "result": attempt.outcome},
        metadata={**(attempt.metadata or {}), **phase_row(attempt)},
        next_phase_id=step.path if isinstance(step, Advance | Rework) else None,
        close_reason=step.reason if isinstance(step, Close) else None,
    )


def phase_event(happening: Happening) -> PhaseEvent:
    """An event as the host is told."""
    return PhaseEvent(
        kind=happening.kind,
        phase_id=happening.phase_id,
        path=happening.path,
        ts=happening.ts,
        attempt=happening.attempt,
        verdict=happening.verdict,
        confidence=happening.confidence,
        status=happening.status,
        mode=happening.mode,
        reason=happening.reason,
        duration_secs=happening.duration_secs,
        waiting=waiting_for(happening.waiting),
        tokens=None if happening.usage is None else tokens_row(happening.usage),
        cost_usd=None if happening.usage is None else happening.usage.cost_usd,
        model=None if happening.usage is None else happening.usage.model,
    )


def waiting_for(waiting: Waiting | None) -> WaitingFor | None:
    """What a paused run waits for, as the host is told."""
    if waiting is None:
        return None
    asked = waiting.interaction
    payload = {} if asked is None else asked.payload
    return WaitingFor(
        kind=waiting.kind,
        reason=waiting.reason,
        command=waiting.command,
        phase_id=waiting.phase_id,
        since=waiting.since,
        expires_at=waiting.expires_at,
        interaction_id=None if asked is None else asked.id,
        interaction_kind=None if asked is None else asked.kind,
        tool=None if asked is None else asked.tool,
        arguments=payload.get("arguments"),
        question=None if asked is None else asked.question,
        options=payload.get("options"),
    )
