"""Answers to ``workflow/inspect``: a run in full, the prompt a phase would get, the definitions, the runner itself."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from animus_workflow_runner_default.authoring.editor_schema import editor_schema
from animus_workflow_runner_default.authoring.interpolation import InterpolationError
from animus_workflow_runner_default.engine.continuity import RUNNER_VERSION
from animus_workflow_runner_default.engine.definitions import continuity_rows, definitions_document, explanation
from animus_workflow_runner_default.engine.refusal import InvalidRequestError, PhaseNotFoundError
from animus_workflow_runner_default.engine.runner import Runner
from animus_workflow_runner_default.journal.blob import run_blob
from animus_workflow_runner_default.journal.channels import all_messages
from animus_workflow_runner_default.journal.checkpoint import list_checkpoints
from animus_workflow_runner_default.journal.notifications import read_notifications
from animus_workflow_runner_default.journal.pinning import require_workflow
from animus_workflow_runner_default.journal.record import Attempt
from animus_workflow_runner_default.phases.briefing import MissingVariableError, context_document

__all__ = ["ASPECTS", "inspect"]


async def inspect(runner: Runner, what: str, workflow_id: str | None, phase_id: str | None) -> Any:
    """Answer one question.

    Raises:
        RefusalError: the question is unknown or names what does not exist.
    """
    answer = ASPECTS.get(what)
    if answer is None:
        raise InvalidRequestError(f"unknown aspect {what!r}; there are: {', '.join(ASPECTS)}")
    return await answer(runner, workflow_id, phase_id)


async def _run(runner: Runner, workflow_id: str | None, _phase_id: str | None) -> Any:
    report = await runner.report(_required(workflow_id))
    attempts = [msgspec.to_builtins(attempt) for attempt in report.attempts]
    return run_blob(report.run, report.attempts) | {
        "is_executing": report.run.workflow_id in runner.executing,
        "plan": [entry.path for entry in report.workflow.phases],
        "attempts": attempts,
    }


async def _prompt(runner: Runner, workflow_id: str | None, phase_id: str | None) -> Any:
    report, work = await runner.work_of(_required(workflow_id))
    path = work.plan.place_named(phase_id) if phase_id else report.run.position
    if path is None or path not in work.plan:
        raise PhaseNotFoundError(f"run {report.run.workflow_id!r} has no phase {phase_id!r}")
    phase = work.plan.phase(path)
    if phase.mode != "agent":
        raise InvalidRequestError(f"phase {phase.id!r} is a {phase.mode} phase; only agent phases have a prompt")
    attempt = next((item for item in reversed(report.attempts) if item.path == path), None)
    if attempt is None:
        attempt = Attempt(
            path=path,
            phase_id=phase.id,
            attempt=1,
            mode="agent",
            status="running",
            started_at=report.run.updated_at,
            rework_context=report.run.rework_context,
        )
    try:
        context = work.context(report.run, attempt)
        document = context_document(report.run, attempt, report.attempts)
        asked = work.agent_work(report.run, attempt, context, document, report.attempts)
        rendered = runner.services.agents.prompt(await work.recalled(asked))
    except (InterpolationError, MissingVariableError) as error:
        raise InvalidRequestError(str(error)) from error
    return {"path": path, "attempt": attempt.attempt, "system": rendered.system, "prompt": rendered.text}


async def _definitions(runner: Runner, _workflow_id: str | None, _phase_id: str | None) -> Any:
    return definitions_document((await runner.pins.current()).config)


async def _compile(runner: Runner, _workflow_id: str | None, _phase_id: str | None) -> Any:
    pin = await runner.pins.current()
    return {"config": msgspec.to_builtins(pin.config), "config_hash": pin.hash, "disabled": pin.config.disabled}


async def _explain(runner: Runner, workflow_id: str | None, _phase_id: str | None) -> Any:
    config = (await runner.pins.current()).config
    return explanation(config, require_workflow(config, workflow_id))


async def _schema(_runner: Runner, _workflow_id: str | None, _phase_id: str | None) -> Any:
    return {"schema": editor_schema()}


async def _continuity(runner: Runner, _workflow_id: str | None, _phase_id: str | None) -> Any:
    return await runner.services.journal.call_long(continuity_rows)


async def _runner(runner: Runner, _workflow_id: str | None, _phase_id: str | None) -> Any:
    counts = await runner.services.journal.call_long(lambda journal: dict(journal.count_by_status()))
    unfinished = await runner.services.journal.call_long(lambda journal: journal.unfinished())
    return {
        "version": RUNNER_VERSION,
        "pid": os.getpid(),
        "max_runs": runner.max_runs,
        "executing": runner.executing,
        "runs_by_status": counts,
        "unfinished": [{"workflow_id": run_id, "status": status} for run_id, status in unfinished],
        "state_dir": str(runner.services.state_dir),
        "project_root": str(runner.services.project_root),
    }


async def _checkpoints(runner: Runner, workflow_id: str | None, _phase_id: str | None) -> Any:
    run_id = _required(workflow_id)
    await runner.report(run_id)
    found = await runner.services.journal.read(lambda journal: list_checkpoints(journal, run_id))
    rows = [{"num": item.number, **item._asdict()} for item in found]
    return {
        "checkpoints": [
            {key: value for key, value in row.items() if value is not None and key != "number"} for row in rows
        ]
    }


async def _notifications(runner: Runner, workflow_id: str | None, _phase_id: str | None) -> Any:
    run_id = _required(workflow_id)
    await runner.report(run_id)
    return {"notifications": await asyncio.to_thread(read_notifications, runner.services.artifacts(run_id))}


async def _metrics(runner: Runner, _workflow_id: str | None, _phase_id: str | None) -> Any:
    return {
        "phase_duration_seconds": runner.services.durations.rows(),
        "executing": len(runner.executing),
        "tasks": len(asyncio.all_tasks()),
    }


async def _channels(runner: Runner, _workflow_id: str | None, _phase_id: str | None) -> Any:
    channels = (await runner.pins.current()).config.agent_channels
    said = await runner.services.journal.call(all_messages)
    defined = {name: msgspec.to_builtins(channel) for name, channel in channels.items()}
    rows = [
        {"channel": name, **defined.get(name, {}), "messages": [message._asdict() for message in said.get(name, [])]}
        for name in [*defined, *(name for name in said if name not in defined)]
    ]
    return {"channels": rows}


def _required(workflow_id: str | None) -> str:
    if workflow_id is None:
        raise InvalidRequestError("this aspect needs a workflow_id")
    return workflow_id


Aspect = Callable[[Runner, str | None, str | None], Coroutine[Any, Any, Any]]
ASPECTS: dict[str, Aspect] = {
    "run": _run,
    "prompt": _prompt,
    "definitions": _definitions,
    "runner": _runner,
    "checkpoints": _checkpoints,
    "notifications": _notifications,
    "metrics": _metrics,
    "channels": _channels,
    "compile": _compile,
    "explain": _explain,
    "schema": _schema,
    "continuity": _continuity,
}
"""What can be asked."""
