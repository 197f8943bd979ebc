"""What a phase is told about its run: variables, environment, the context document, what happened before."""

from collections.abc import Sequence
from typing import Any

import msgspec

from animus_workflow_runner_default.authoring.model import CompiledConfig, Workflow, secret_variables
from animus_workflow_runner_default.journal.record import Attempt, Dispatch, Run
from animus_workflow_runner_default.json_value import json_object
from animus_workflow_runner_default.phases.failure import excerpt
from animus_workflow_runner_default.phases.outcome import RunContext
from animus_workflow_runner_default.phases.prompt import PriorPhase

__all__ = ["MissingVariableError", "context_document", "dispatch_variables", "phase_context", "prior_phases"]

PRIOR_TEXT_CHARS = 2_000
PRIOR_STATUSES = frozenset({"completed", "rework"})


class MissingVariableError(Exception):
    """A required variable was not given."""


def dispatch_variables(workflow: Workflow, dispatch: Dispatch) -> dict[str, str]:
    """The workflow's variables: as dispatched, else out of the input object, else their defaults.

    Raises:
        MissingVariableError: a required one has no value.
    """
    values = dict(dispatch.variables)
    given = json_object(dispatch.input) or {}
    for variable in workflow.variables:
        if variable.name in values:
            continue
        if variable.name in given:
            value = given[variable.name]
            values[variable.name] = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        elif variable.default is not None:
            values[variable.name] = variable.default
        elif variable.required:
            raise MissingVariableError(
                f"workflow {workflow.id!r} needs the variable {variable.name!r}; "
                f"give it with --var {variable.name}=VALUE"
            )
    return values


def phase_context(
    run: Run, attempt: Attempt, workflow: Workflow, config: CompiledConfig, *, project_root: str, artifacts: str
) -> RunContext:
    """The context of an attempt. What the run itself says cannot be replaced by a dispatched variable.

    Raises:
        MissingVariableError: see `dispatch_variables`.
    """
    cwd = project_root if run.checkout is None else run.checkout.cwd
    subject = run.subject
    given = "" if run.dispatch.input is None else _as_text(run.dispatch.input)
    own = {
        "project_root": project_root,
        "execution_cwd": cwd,
        "workflow_id": run.workflow_id,
        "workflow_ref": run.workflow_ref,
        "phase_id": attempt.phase_id,
        "subject_id": subject.native_id,
        "subject_title": subject.title,
        "subject_description": subject.description,
        "dispatch_input": given,
        "schedule_input": given if run.dispatch.trigger_source.startswith("schedule") else "",
    }
    environment = {
        "ANIMUS_SUBJECT_ID": subject.id,
        "ANIMUS_SUBJECT_NATIVE_ID": subject.native_id,
        "ANIMUS_SUBJECT_KIND": subject.kind,
        "ANIMUS_SUBJECT_TITLE": _one_argument(subject.title),
        "ANIMUS_WORKFLOW_REF": run.workflow_ref,
        "ANIMUS_WORKFLOW_ID": run.workflow_id,
        "ANIMUS_RUN_ID": run.workflow_id,
        "ANIMUS_PHASE_ID": attempt.phase_id,
        "ANIMUS_PHASE_ATTEMPT": str(attempt.attempt),
        "ANIMUS_PROJECT_ROOT": project_root,
        "ANIMUS_EXECUTION_CWD": cwd,
        "ANIMUS_DISPATCH_INPUT": _one_argument(given),
    }
    return RunContext(
        run_id=run.workflow_id,
        path=attempt.path,
        phase_id=attempt.phase_id,
        attempt=attempt.attempt,
        project_root=project_root,
        execution_cwd=cwd,
        artifacts=artifacts,
        variables=dispatch_variables(workflow, run.dispatch) | own,
        environment=environment,
        secrets=secret_variables(config),
    )


MAX_ENVIRONMENT_CHARS = 32_000


def _one_argument(text: str) -> str:
    """Text as an environment value: no NUL, and short enough for any system."""
    return text.replace("\0", "")[:MAX_ENVIRONMENT_CHARS]


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def prior_phases(attempts: Sequence[Attempt]) -> list[PriorPhase]:
    """What ended before, for a prompt: the reason of each decision, else the end of what was said."""
    prior: list[PriorPhase] = []
    for attempt in attempts:
        if attempt.status not in PRIOR_STATUSES:
            continue
        verdict = "advance" if attempt.decision is None else attempt.decision.verdict
        prior.append(PriorPhase(attempt.phase_id, attempt.attempt, verdict, excerpt(_said(attempt), PRIOR_TEXT_CHARS)))
    return prior


def _said(attempt: Attempt) -> str:
    if attempt.decision is not None and attempt.decision.reason:
        return attempt.decision.reason
    body = json_object(attempt.outcome) or {}
    return str(body.get("answer") or body.get("stdout_excerpt") or "")


def context_document(run: Run, attempt: Attempt, attempts: Sequence[Attempt]) -> dict[str, Any]:
    """What a program finds at ``ANIMUS_CONTEXT_FILE``."""
    subject = run.subject
    return {
        "subject": {
            "kind": subject.kind,
            "id": subject.id,
            "native_id": subject.native_id,
            "title": subject.title,
            "description": subject.description,
            "attributes": subject.attributes,
        },
        "workflow": {"id": run.workflow_id, "ref": run.workflow_ref},
        "phase": {"id": attempt.phase_id, "path": attempt.path, "attempt": attempt.attempt},
        "rework_context": attempt.rework_context,
        "phases": [
            {
                "id": item.phase_id,
                "path": item.path,
                "attempt": item.attempt,
                "status": item.status,
                "verdict": None if item.decision is None else item.decision.verdict,
                "reason": item.reason,
                "outputs": item.outcome,
            }
            for item in attempts
            if item.finished_at is not None
        ],
        "dispatch_input": run.dispatch.input,
    }
