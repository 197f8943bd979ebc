"""``workflow decisions``, ``workflow prompt render``, ``workflow prune`` and ``history``: looking back at runs."""

import datetime
import re
from typing import Any

import click

from animus_cli.commands.paging import page_of, page_options
from animus_cli.commands.plain import command
from animus_cli.failure import CommandError
from animus_cli.invocation import Invocation
from animus_cli.json_value import json_array, json_object
from animus_cli.render import history as view
from animus_control.operations import OPERATIONS
from animus_plugin_protocol.wire import control
from animus_plugin_protocol.wire.workflow_runner import WorkflowInspectParams, WorkflowInspectResult

__all__ = ["ENDED", "decisions", "history", "prompt_render", "prune"]

ENDED = ("completed", "failed", "escalated", "cancelled")
_MANY = 10_000
_AGE = re.compile(r"(\d+)([smhd]?)")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "": 86_400}
"""A bare number is days."""


@command(
    "decisions",
    "Show what was decided after each attempt at each phase of a run, and why.",
    click.Argument(["run"], metavar="RUN"),
    *page_options(),
)
def decisions(invocation: Invocation, *, run: str, limit: int, offset: int) -> None:
    """The verdicts of a run, in order."""
    found: control.WorkflowGetResult = invocation.call(OPERATIONS["workflow/get"], control.WorkflowGetParams(id=run))
    keys = ("path", "attempt", "mode", "verdict", "status", "reason", "finished_at")
    phases = [json_object(row) for row in json_array(json_object(found.detail).get("phases"))]
    rows = [{key: row.get(key) for key in keys} for row in phases if row.get("verdict") is not None]
    page, place = page_of(rows, limit=limit, offset=offset)
    record = {"id": found.id, "status": found.status, "decisions": page, "total": place.total}
    more = [place.more] if place.more else []
    invocation.show(record, lambda screen: [*view.decisions(page, screen), *more])


@command(
    "render",
    "Print the prompt that an agent phase of a run gets, as the runner would send it now.",
    click.Argument(["run"], metavar="RUN"),
    click.Option(["--phase"], metavar="PHASE", help="The phase; the one the run is at if left out."),
)
def prompt_render(invocation: Invocation, *, run: str, phase: str | None) -> None:
    """Ask the runner."""
    params = WorkflowInspectParams(what="prompt", workflow_id=run, phase_id=phase)
    result: WorkflowInspectResult = invocation.call(OPERATIONS["workflow/inspect"], params)
    value = json_object(result.value)
    invocation.show(value, lambda screen: view.prompt(value, screen))


@command(
    "prune",
    "Forget runs that have ended, with their logs; without --yes it only says which. Worktrees and branches stay.",
    click.Option(
        ["--older-than"], metavar="AGE", help="Only runs that ended longer ago than this: 30 (days), 12h, 90m."
    ),
    click.Option(["--keep-last"], type=click.IntRange(min=0), metavar="N", help="Keep the N latest of them."),
    click.Option(
        ["--status"],
        type=click.Choice(ENDED),
        multiple=True,
        metavar="|".join(ENDED),
        help="Only these; may be repeated.",
    ),
    click.Option(["--run-id"], multiple=True, metavar="RUN", help="Only this run; may be repeated."),
    click.Option(["--yes"], is_flag=True, help="Do it."),
)
def prune(invocation: Invocation, *, yes: bool, status: tuple[str, ...], **which: Any) -> None:
    """Choose among the ended runs, and forget them if that was confirmed.

    Raises:
        CommandError: nothing says which runs.
    """
    if not status and not any(value not in {None, ()} for value in which.values()):
        message = "say which runs: --older-than, --keep-last, --status or --run-id"
        raise CommandError("invalid_input", message, next_step="animus workflow prune --help")
    listed: control.WorkflowListResult = invocation.call(
        OPERATIONS["workflow/list"], control.WorkflowListParams(status=list(status or ENDED), limit=_MANY)
    )
    chosen = _chosen(listed.runs, **which)
    deleted: list[control.WorkflowDeletion] = []
    if yes and chosen:
        params = control.WorkflowDeleteParams(ids=[run.id for run in chosen])
        deleted = invocation.call(OPERATIONS["workflow/delete"], params).deleted
    record = {
        "runs": chosen,
        "deleted": len(deleted),
        "bytes_freed": sum(row.bytes_freed for row in deleted),
        "worktrees_left": [row.worktree for row in deleted if row.worktree],
    }
    invocation.show(record, lambda screen: view.pruned(chosen, deleted, screen))


@command(
    "history",
    "List runs that have ended, latest first: how long they took and why they ended so.",
    click.Option(["--subject"], metavar="KIND:ID", help="Only runs about this subject."),
    click.Option(
        ["--status"],
        type=click.Choice(ENDED),
        multiple=True,
        metavar="|".join(ENDED),
        help="Only these; may be repeated.",
    ),
    click.Option(
        ["--limit"], type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="Rows a page."
    ),
    click.Option(["--offset"], type=click.IntRange(min=0), default=0, metavar="N", help="Rows to leave out."),
)
def history(invocation: Invocation, *, subject: str | None, status: tuple[str, ...], limit: int, offset: int) -> None:
    """The ended runs."""
    params = control.WorkflowListParams(status=list(status or ENDED), subject=subject, limit=limit, offset=offset)
    result: control.WorkflowListResult = invocation.call(OPERATIONS["workflow/list"], params)
    invocation.show(result, lambda screen: view.ended(result, screen, offset=offset))


def _chosen(
    runs: list[control.WorkflowRunSummary], *, older_than: str | None, keep_last: int | None, run_id: tuple[str, ...]
) -> list[control.WorkflowRunSummary]:
    chosen = [run for run in runs if not run_id or run.id in run_id]
    unknown = sorted(set(run_id) - {run.id for run in chosen})
    if unknown:
        message = f"no ended run is called {', '.join(map(repr, unknown))}"
        raise CommandError("not_found", message, next_step="animus history")
    if older_than is not None:
        limit = datetime.datetime.now(datetime.UTC) - _age(older_than)
        chosen = [run for run in chosen if run.finished_at is not None and run.finished_at < limit]
    return chosen[keep_last or 0 :]


def _age(text: str) -> datetime.timedelta:
    match = _AGE.fullmatch(text.strip())
    if match is None:
        message = f"--older-than: {text!r} is no age; write 30 (days), 12h, 90m or 45s"
        raise CommandError("invalid_input", message, remediation="invalid_input")
    return datetime.timedelta(seconds=int(match[1]) * _SECONDS[match[2]])
