"""``workflow`` commands: runs, their phases and attempts, and what a parked run waits for."""

import shlex
from typing import Any

from animus_cli.json_value import json_array, json_object
from animus_cli.spending import Spent, spent_in, spent_text, total_of
from animus_cli.table import Column, ago, duration, facts, paragraph, parse_moment, table
from animus_cli.terminal import Screen, clean
from animus_plugin_protocol.wire.control import (
    WorkflowGetResult,
    WorkflowListResult,
    WorkflowRunResult,
    WorkflowRunSummary,
    WorkflowSignalResult,
)
from animus_plugin_protocol.wire.workflow_runner import WaitingFor

__all__ = ["diff_command", "one", "page", "phase_rows", "signalled", "started", "waiting_lines"]

_RUN_COLUMNS = [
    Column("RUN"),
    Column("WORKFLOW", flexible=True),
    Column("SUBJECT", flexible=True),
    Column("STATUS", status=True),
    Column("PHASE", flexible=True),
    Column("STARTED"),
    Column("TOOK"),
]
_PHASE_COLUMNS = [
    Column("PHASE", flexible=True),
    Column("MODE"),
    Column("ATTEMPT", right=True),
    Column("STATUS", status=True),
    Column("VERDICT"),
    Column("TOOK", right=True),
    Column("REASON", flexible=True),
]
_AGENT_COLUMNS = [
    Column("PHASE", flexible=True),
    Column("ATTEMPT", right=True),
    Column("AGENT"),
    Column("MODEL", flexible=True),
    Column("USED", flexible=True),
]
_ENDED = frozenset({"completed", "failed", "escalated", "cancelled"})


def page(result: WorkflowListResult, screen: Screen) -> list[str]:
    """A table of runs, newest first."""
    if not result.runs:
        return ["There are no runs. next: animus workflow run"]
    rows = [
        [
            run.id,
            run.definition,
            run.subject_id or "",
            run.status,
            "" if run.status in _ENDED else run.current_phase or "",
            ago(run.started_at, screen),
            _took(run),
        ]
        for run in result.runs
    ]
    lines = table(_RUN_COLUMNS, rows, screen)
    return [*lines, "There are more: --offset N"] if result.truncated else lines


def one(result: WorkflowGetResult, screen: Screen) -> list[str]:
    """A run with every attempt at every phase; for a parked one why, and the command that frees it."""
    detail = json_object(result.detail)
    lines = facts(
        [
            ("run", result.id),
            ("workflow", result.definition),
            ("subject", _subject(result, detail)),
            ("status", result.status),
            ("reason", "" if result.waiting is not None else result.reason or ""),
            ("started", ago(result.started_at, screen)),
            ("took", _took(result)),
            ("branch", str(detail.get("branch") or "")),
            ("worktree", "" if result.status == "completed" else str(detail.get("worktree") or "")),
            ("merge", _merge(detail.get("merge"))),
            ("used", _used(detail)),
        ],
        screen,
    )
    rows = phase_rows(detail)
    if rows:
        lines += ["", *table(_PHASE_COLUMNS, rows, screen)]
        lines += _agents(detail, screen)
        lines += _long_reasons(detail, screen)
    if result.waiting is not None:
        lines += ["", *waiting_lines(result.waiting, screen, branch=result.branch)]
    return lines


def phase_rows(detail: dict[str, Any]) -> list[list[str]]:
    """A row per attempt of the journal's record."""
    return [
        [
            str(row.get("path") or row.get("phase_id") or ""),
            str(row.get("mode") or ""),
            str(row.get("attempt") or ""),
            str(row.get("status") or ""),
            str(row.get("verdict") or ""),
            duration(row.get("duration_secs")),
            _first_line(row.get("reason")),
        ]
        for row in _phases(detail)
    ]


def waiting_lines(waiting: WaitingFor, screen: Screen, *, branch: str | None = None) -> list[str]:
    """Why a run waits, since when, how to see what it did, and the exact command that frees it."""
    since = parse_moment(waiting.since)
    where = f" at {waiting.phase_id!r}" if waiting.phase_id else ""
    age = f" for {duration((screen.now - since).total_seconds())}" if since is not None else ""
    head = f"It waits{where}{age} ({waiting.kind}): {waiting.reason}"
    lines = paragraph(head, screen)
    if branch is not None:
        lines.append(f"see:  {diff_command(branch)}")
    return [*lines, f"next: {screen.paint(clean(waiting.command), 'bold')}"]


def diff_command(branch: str) -> str:
    """What a run committed to its branch, compared with where the branch began."""
    return clean(f"git diff ...{shlex.quote(branch)}")


def started(result: WorkflowRunResult, screen: Screen) -> list[str]:
    """The receipt of a run that was asked for, or how one that was waited for ended."""
    run_id = result.workflow_id or result.entry_id
    lines = [f"{clean(f'{result.definition} on {result.subject_id}')}: {screen.status(result.status)} ({run_id})"]
    if result.waiting is not None:
        branch = json_object(result.detail).get("branch")
        return [*lines, *waiting_lines(result.waiting, screen, branch=branch)]
    if result.reason:
        lines += paragraph(result.reason, screen, indent="  ")
    return lines if result.status in _ENDED else [*lines, f"next: animus workflow get {run_id}"]


def signalled(result: WorkflowSignalResult, screen: Screen) -> list[str]:
    """Where the run is after a signal."""
    lines = [f"{result.id}: {screen.status(result.status)}"]
    return [*lines, *paragraph(result.message, screen, indent="  ")] if result.message else lines


def _phases(detail: dict[str, Any]) -> list[dict[str, Any]]:
    return [json_object(row) for row in json_array(detail.get("phases"))]


def _long_reasons(detail: dict[str, Any], screen: Screen) -> list[str]:
    """The reasons of attempts that did not simply succeed and that have more than one line."""
    lines: list[str] = []
    for row in _phases(detail):
        reason = str(row.get("reason") or "")
        if "\n" in reason.strip() and row.get("status") != "completed":
            lines += ["", screen.paint(f"{row.get('path')}, attempt {row.get('attempt')}:", "bold")]
            lines += [f"  {clean(line.expandtabs())}".rstrip() for line in reason.strip().splitlines()]
    return lines


def _used(detail: dict[str, Any]) -> str:
    """What the agents of the run used, as the journal adds it up."""
    whole = spent_in(detail)
    return spent_text(whole if whole != Spent() else total_of(spent_in(row) for row in _phases(detail)))


def _agents(detail: dict[str, Any], screen: Screen) -> list[str]:
    """A row per attempt of an agent that says which agent it was or what it used."""
    rows = [
        [
            str(row.get("path") or row.get("phase_id") or ""),
            str(row.get("attempt") or ""),
            str(row.get("target") or ""),
            str(row.get("model") or ""),
            spent_text(spent_in(row)),
        ]
        for row in _phases(detail)
        if row.get("target") or row.get("model") or spent_in(row) != Spent()
    ]
    return ["", *table(_AGENT_COLUMNS, rows, screen)] if rows else []


def _subject(run: WorkflowRunSummary, detail: dict[str, Any]) -> str:
    title = json_object(detail.get("subject")).get("title")
    return f"{run.subject_id or ''} {title or ''}".strip()


def _took(run: WorkflowRunSummary) -> str:
    return "" if run.finished_at is None else duration((run.finished_at - run.started_at).total_seconds())


def _merge(merge: Any) -> str:
    known = json_object(merge)
    target = f" into {known['target_branch']}" if known.get("target_branch") else ""
    commit = f" as {str(known['commit'])[:10]}" if known.get("commit") else ""
    reason = f": {known['reason']}" if known.get("reason") else ""
    return f"{known.get('status') or ''}{target}{commit}{reason}".strip()


def _first_line(text: Any) -> str:
    return str(text or "").strip().partition("\n")[0]
