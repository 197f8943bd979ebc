"""``workflow/run_phase``: one phase on its own. Nothing is journalled, committed or routed."""

from pathlib import Path
from typing import Any

import msgspec

from animus_plugin_protocol.wire.workflow_runner import WorkflowRunPhaseParams, WorkflowRunPhaseResult
from animus_workflow_runner_default.authoring.model import Workflow
from animus_workflow_runner_default.clock import timestamp
from animus_workflow_runner_default.engine.continuity import RUNNER_VERSION
from animus_workflow_runner_default.engine.machine import RunStatus
from animus_workflow_runner_default.engine.plan import Plan
from animus_workflow_runner_default.engine.refusal import BindingError, InvalidRequestError, PhaseNotFoundError
from animus_workflow_runner_default.engine.runner import Runner
from animus_workflow_runner_default.journal.pinning import require_workflow
from animus_workflow_runner_default.journal.record import Attempt, Checkout, Dispatch, Run, Subject
from animus_workflow_runner_default.phases.agent import AgentCaller
from animus_workflow_runner_default.phases.briefing import MissingVariableError, context_document
from animus_workflow_runner_default.phases.outcome import Decided, Failed, Gated, Interrupted, PhaseOutcome
from animus_workflow_runner_default.phases.phase_work import Contact, PhaseWork

__all__ = ["run_single_phase"]

_UNSUPPORTED = ("phase_routing", "mcp_config", "task_complexity")


async def run_single_phase(
    runner: Runner, params: WorkflowRunPhaseParams, caller: AgentCaller | None
) -> WorkflowRunPhaseResult:
    """Run one phase of a workflow in the directory the request names.

    Raises:
        RefusalError: no such workflow or phase, or the directory is outside of the project.
    """
    for name in _UNSUPPORTED:
        if getattr(params, name) is not None:
            raise InvalidRequestError(f"workflow/run_phase: {name!r} is not supported")
    _require_inside(params.execution_cwd, [runner.services.project_root, runner.services.worktrees])
    pin = await runner.pins.current()
    config = pin.config
    workflow = require_workflow(config, params.workflow_ref)
    plan = Plan.of(config, workflow)
    path = plan.place_named(params.phase_id)
    if path is None or path not in plan:
        known = ", ".join(entry.path for entry in plan.entries)
        raise PhaseNotFoundError(f"workflow {workflow.id!r} has no phase {params.phase_id!r}; there are: {known}")
    now = timestamp(runner.services.clock.now())
    run = _run_of(params, workflow, pin.hash, path, now)
    attempt = Attempt(
        path=path,
        phase_id=plan.entry(path).phase_id,
        attempt=params.phase_attempt,
        mode=plan.phase(path).mode,
        status="running",
        started_at=now,
        rework_context=params.rework_context,
    )
    work = PhaseWork(runner.services, config, plan)
    began = runner.services.clock.monotonic()
    outcome = await _perform(work, run, attempt, caller)
    seconds = runner.services.clock.monotonic() - began
    return _result(params, outcome, seconds)


def _run_of(params: WorkflowRunPhaseParams, workflow: Workflow, pin: str, path: str, now: str) -> Run:
    """The run the phase is told it belongs to; no journal knows it."""
    kind, _, native = params.subject_id.rpartition(":")
    return Run(
        workflow_id=params.workflow_id,
        workflow_ref=workflow.id,
        status=RunStatus.RUNNING,
        subject=Subject(
            kind=kind,
            id=params.subject_id,
            native_id=native,
            title=params.subject_title,
            description=params.subject_description,
        ),
        dispatch=Dispatch(
            input=params.dispatch_input if params.dispatch_input is not None else params.schedule_input,
            variables=params.pipeline_vars,
            model=params.model_override,
            tool=params.tool_override,
            phase_timeout_seconds=params.phase_timeout_secs,
            trigger_source="schedule" if params.schedule_input is not None else "",
        ),
        config_hash=pin,
        runner_version=RUNNER_VERSION,
        created_at=now,
        updated_at=now,
        position=path,
        checkout=Checkout(cwd=params.execution_cwd),
    )


async def _perform(work: PhaseWork, run: Run, attempt: Attempt, caller: AgentCaller | None) -> PhaseOutcome:
    try:
        context = work.context(run, attempt)
    except MissingVariableError as error:
        return Failed(reason=str(error))
    document = context_document(run, attempt, [])
    return await work.run_phase(run, attempt, context, document, [], Contact(caller, _ignore, None))


def _ignore(_line: str) -> None:
    """Nobody watches a phase that runs on its own."""


def _require_inside(directory: str, roots: list[Path]) -> None:
    place = Path(directory).resolve()
    if not place.is_dir() or not any(place.is_relative_to(root.resolve()) for root in roots):
        raise BindingError(
            f"execution_cwd {directory!r} is no directory of this project; "
            f"name one below {' or '.join(str(root) for root in roots)}"
        )


def _result(params: WorkflowRunPhaseParams, outcome: PhaseOutcome, seconds: float) -> WorkflowRunPhaseResult:
    metadata: dict[str, Any] = {}
    body: dict[str, Any]
    match outcome:
        case Gated():
            status = "manual_pending"
            body = {"instructions": outcome.instructions}
        case Failed() | Interrupted():
            status = "failed"
            body = {"reason": outcome.reason}
            if isinstance(outcome, Failed):
                body["result"] = outcome.outcome
                metadata = outcome.metadata or {}
        case Decided():
            decision = None if outcome.decision is None else msgspec.to_builtins(outcome.decision)
            status = "completed"
            body = {"decision": decision, "result": outcome.outcome}
            metadata = outcome.metadata or {}
    return WorkflowRunPhaseResult(
        phase_status=status,
        execution_fence=params.execution_fence,
        duration_secs=round(seconds),
        outcome=body,
        metadata=metadata,
        model=params.model_override,
        tool=params.tool_override,
    )
