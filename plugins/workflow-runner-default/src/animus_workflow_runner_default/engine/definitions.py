"""Answers about definitions: what there is, what one workflow does step by step, the compiled whole, runs of others."""

from typing import Any

import msgspec

from animus_workflow_runner_default.authoring.model import CompiledConfig, Guard, Phase, PhaseEntry, Workflow
from animus_workflow_runner_default.engine.continuity import RUNNER_VERSION, continuity
from animus_workflow_runner_default.engine.plan import Plan
from animus_workflow_runner_default.journal.journal import Journal, JournalError

__all__ = ["continuity_rows", "definitions_document", "explanation"]


def definitions_document(config: CompiledConfig) -> dict[str, Any]:
    """All workflows with their phases, as people are shown them, and those that cannot run, with the reason."""
    return {
        "default_workflow_ref": config.default_workflow_ref,
        "workflows": [
            {
                "id": workflow.id,
                "name": workflow.name,
                "description": workflow.description,
                "source": workflow.source,
                "phases": [_phase_row(entry, config) for entry in workflow.phases],
            }
            for workflow in config.workflows.values()
        ],
        "disabled": config.disabled,
    }


def _phase_row(entry: PhaseEntry, config: CompiledConfig) -> dict[str, Any]:
    phase = config.phases[entry.phase_id]
    shown = config.phase_catalog.get(entry.phase_id, {})
    row: dict[str, Any] = {
        "path": entry.path,
        "phase_id": entry.phase_id,
        "mode": phase.mode,
        "name": phase.name,
        "description": phase.description,
        "capabilities": [name for name, has in msgspec.to_builtins(phase.capabilities).items() if has] or None,
        **{key: shown.get(key) for key in ("category", "icon", "docs_url", "tags")},
        "hidden": True if shown.get("visible") is False else None,
    }
    return {key: value for key, value in row.items() if value is not None}


def explanation(config: CompiledConfig, workflow: Workflow) -> dict[str, Any]:
    """What a run of the workflow does, place by place, in words where a key needs some."""
    plan = Plan.of(config, workflow)
    checkout = plan.checkout_settings()
    document: dict[str, Any] = {
        "workflow": workflow.id,
        "source": workflow.source,
        "worktree": msgspec.to_builtins(checkout) | {"mode": checkout.mode},
        "budget": None if workflow.budget is None else msgspec.to_builtins(workflow.budget),
        "post_success": None if workflow.post_success is None else msgspec.to_builtins(workflow.post_success),
        "places": [_place(plan, entry) for entry in workflow.phases],
    }
    return {key: value for key, value in document.items() if value is not None}


def _place(plan: Plan, entry: PhaseEntry) -> dict[str, Any]:
    phase = plan.phase(entry.path)
    row: dict[str, Any] = {
        "path": entry.path,
        "phase_id": entry.phase_id,
        "mode": phase.mode,
        "source": phase.source,
        "runs": _runs(phase),
        "idempotency": phase.idempotency,
        "rework_budget": plan.rework_budget(entry.path),
        "worktree": plan.worktree_mode(entry.path),
        "skip_if": [_guard(guard) for guard in entry.skip_if] or None,
        "budget": None if entry.budget is None else msgspec.to_builtins(entry.budget),
        "evals": None if phase.evals is None else [f"{check.id} ({check.kind})" for check in phase.evals.checks],
        "next": plan.following(entry.path) or "the end",
        "routes": [
            {
                "verdict": verdict,
                "target": route.target,
                "when": None if route.guard is None else _guard(route.guard),
                "agent_may_choose": (route.allowed_targets or True) if route.allow_agent_target else None,
            }
            for verdict, route in entry.on_verdict.items()
        ],
    }
    return {key: value for key, value in row.items() if value is not None}


def _guard(guard: Guard) -> str:
    return f"{guard.field} {guard.operator} {guard.value!r}"


def _runs(phase: Phase) -> str:
    if phase.command is not None:
        return " ".join([phase.command.program, *phase.command.args])
    if phase.manual is not None:
        return f"waits for a person: {phase.manual.instructions}"
    return f"agent {phase.agent}" if phase.agent else "an agent"


def continuity_rows(journal: Journal) -> dict[str, Any]:
    """Of every run that is not over: whether this runner can go on with it, and why."""
    rows: list[dict[str, Any]] = []
    for workflow_id, status in journal.unfinished():
        run = journal.run(workflow_id)
        if run is None:
            continue
        try:
            journal.config(run.config_hash)
            has_definitions = True
        except (JournalError, msgspec.DecodeError):
            has_definitions = False
        answer = continuity(run, has_definitions=has_definitions)
        rows.append(
            {"workflow_id": workflow_id, "status": status, "runner_version": run.runner_version, **answer._asdict()}
        )
    return {"runner_version": RUNNER_VERSION, "runs": rows}
