"""Runs that have ended: what was decided in them, how long they took, and what is left of them."""

from typing import Any

from animus_cli.table import Column, ago, duration, paragraph, parse_moment, table
from animus_cli.terminal import Screen, clean
from animus_plugin_protocol.wire.control import WorkflowDeletion, WorkflowListResult, WorkflowRunSummary

__all__ = ["decisions", "ended", "prompt", "pruned"]

_RUNS = [
    Column("RUN"),
    Column("WORKFLOW", flexible=True),
    Column("SUBJECT", flexible=True),
    Column("STATUS", status=True),
    Column("ENDED"),
    Column("TOOK", right=True),
    Column("REASON", flexible=True),
]
_DECISIONS = [
    Column("PHASE", flexible=True),
    Column("ATTEMPT", right=True),
    Column("VERDICT", status=True),
    Column("DECIDED"),
    Column("REASON", flexible=True),
]


def decisions(rows: list[dict[str, Any]], screen: Screen) -> list[str]:
    """A row per decision; reasons of several lines follow whole."""
    if not rows:
        return ["Nothing was decided yet."]
    cells = [
        [
            str(row["path"] or ""),
            str(row["attempt"] or ""),
            str(row["verdict"]),
            ago(parse_moment(row["finished_at"]), screen),
            _first_line(row["reason"]),
        ]
        for row in rows
    ]
    lines = table(_DECISIONS, cells, screen)
    for row in rows:
        reason = str(row["reason"] or "").strip()
        if "\n" in reason:
            lines += ["", screen.paint(f"{row['path']}, attempt {row['attempt']}:", "bold")]
            lines += ["  " + line for line in paragraph(reason, screen)]
    return lines


def prompt(value: dict[str, Any], screen: Screen) -> list[str]:
    """The two texts as they are sent."""
    lines: list[str] = []
    for title, key in (("System prompt", "system"), ("Prompt", "prompt")):
        text = str(value.get(key) or "")
        if text:
            lines += [screen.paint(f"{title} ({value.get('path')}, attempt {value.get('attempt')})", "bold"), ""]
            lines += [*(clean(line.expandtabs()) for line in text.splitlines()), ""]
    return lines


def ended(result: WorkflowListResult, screen: Screen, *, offset: int) -> list[str]:
    """A table of runs, latest first."""
    if not result.runs:
        return ["No run has ended yet. next: animus workflow list"]
    lines = table(_RUNS, [_row(run, screen) for run in result.runs], screen)
    more = f"There are more: --offset {offset + len(result.runs)}"
    return [*lines, more] if result.truncated else lines


def pruned(chosen: list[WorkflowRunSummary], deleted: list[WorkflowDeletion], screen: Screen) -> list[str]:
    """Which runs go or went, and what of them stays."""
    if not chosen:
        return ["No ended run matches."]
    lines = table(_RUNS, [_row(run, screen) for run in chosen], screen)
    if not deleted:
        return [*lines, "", f"{len(chosen)} would be forgotten; nothing was. next: the same command with --yes"]
    freed = sum(row.bytes_freed for row in deleted)
    lines += ["", f"Forgotten: {len(deleted)}, {freed / 1024:.0f} KiB freed."]
    for row in deleted:
        if row.worktree:
            lines.append(clean(f"Its worktree stays: {row.worktree} (git worktree remove, when you need it no longer)"))
    return lines


def _row(run: WorkflowRunSummary, screen: Screen) -> list[str]:
    took = "" if run.finished_at is None else duration((run.finished_at - run.started_at).total_seconds())
    return [
        run.id,
        run.definition,
        run.subject_id or "",
        run.status,
        ago(run.finished_at, screen),
        took,
        _first_line(run.reason),
    ]


def _first_line(text: Any) -> str:
    return str(text or "").strip().partition("\n")[0]
