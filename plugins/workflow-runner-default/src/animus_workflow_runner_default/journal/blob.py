"""A run as people and the host see it: one JSON document, one row per attempt, in order."""

from typing import Any

import msgspec

from animus_workflow_runner_default.journal.agent_rows import agent_row, interaction_rows, usage_row, waiting_row
from animus_workflow_runner_default.journal.record import Attempt, Run

__all__ = ["phase_row", "run_blob"]


def run_blob(run: Run, attempts: list[Attempt]) -> dict[str, Any]:
    """The document of a run; keys without a value are left out."""
    checkout = run.checkout
    blob: dict[str, Any] = {
        "workflow_id": run.workflow_id,
        "workflow_ref": run.workflow_ref,
        "status": run.status.value,
        "subject": {"kind": run.subject.kind, "id": run.subject.id, "title": run.subject.title},
        "reason": run.reason,
        "waiting": None if run.waiting is None else waiting_row(run.waiting),
        "position": run.position,
        "stage": run.stage,
        "config_hash": run.config_hash,
        "runner_version": run.runner_version,
        "execution_cwd": None if checkout is None else checkout.cwd,
        "branch": None if checkout is None else checkout.branch,
        "worktree": None if checkout is None else checkout.worktree,
        "merge": run.merge,
        "phases": [phase_row(attempt) for attempt in attempts],
        "rework_counts": run.rework_counts,
        "eval_counts": run.eval_counts or None,
        "notes": run.notes or None,
        "missing_in_worktree": None if checkout is None else checkout.missing or None,
        **usage_row(attempts),
        "interactions": [row for attempt in attempts for row in interaction_rows(attempt)] or None,
        "created_at": run.created_at,
        "updated_at": run.updated_at,
        "finished_at": run.finished_at,
        "total_duration_secs": round(run.busy_seconds, 3),
    }
    return {key: value for key, value in blob.items() if value is not None}


def phase_row(attempt: Attempt) -> dict[str, Any]:
    """One attempt as a row."""
    decision = attempt.decision
    row: dict[str, Any] = {
        "path": attempt.path,
        "phase_id": attempt.phase_id,
        "mode": attempt.mode,
        "status": attempt.status,
        "attempt": attempt.attempt,
        "verdict": None if decision is None else decision.verdict,
        "reason": attempt.reason,
        "started_at": attempt.started_at,
        "finished_at": attempt.finished_at,
        "duration_secs": attempt.duration_seconds,
        "starts": attempt.starts if attempt.starts > 1 else None,
        "checks": [msgspec.to_builtins(check) for check in attempt.checks] or None,
        **agent_row(attempt),
    }
    return {key: value for key, value in row.items() if value is not None}
