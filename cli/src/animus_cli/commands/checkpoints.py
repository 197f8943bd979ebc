"""``workflow checkpoints list`` and ``prune``: what the runner could take a run up from."""

from typing import Any

import click

from animus_cli.commands.paging import page_of, page_options
from animus_cli.commands.plain import command
from animus_cli.invocation import Invocation
from animus_cli.json_value import json_array, json_object
from animus_cli.render.checkpoints import page as view
from animus_control.operations import OPERATIONS
from animus_plugin_protocol.wire import control
from animus_plugin_protocol.wire.workflow_runner import WorkflowInspectParams, WorkflowInspectResult

__all__ = ["listed", "prune"]

_RUN = click.Argument(["run"], metavar="RUN")


@command("list", "List the checkpoints of a run, the latest first.", _RUN, *page_options())
def listed(invocation: Invocation, *, run: str, limit: int, offset: int) -> None:
    """A page of them."""
    run_id, rows = _checkpoints(invocation, run)
    shown, place = page_of(rows, limit=limit, offset=offset)
    record = {"id": run_id, "checkpoints": shown, "total": place.total}
    more = [place.more] if place.more else []
    invocation.show(record, lambda screen: [*view(shown, screen), *more])


@command(
    "prune",
    "Forget all but the latest checkpoints of a run; without --yes it only says which would go.",
    _RUN,
    click.Option(
        ["--keep"], type=click.IntRange(min=0), default=3, show_default=True, metavar="N", help="Keep the N latest."
    ),
    click.Option(["--yes"], is_flag=True, help="Do it."),
)
def prune(invocation: Invocation, *, run: str, keep: int, yes: bool) -> None:
    """Choose, and forget if that was confirmed."""
    run_id, rows = _checkpoints(invocation, run)
    chosen = rows[keep:]
    if chosen and yes:
        wish = control.CheckpointPruneParams(id=run_id, keep=keep)
        invocation.call(OPERATIONS["workflow/checkpoints/prune"], wish)
    record = {"id": run_id, "checkpoints": chosen, "pruned": bool(chosen) and yes}
    last = "Forgotten." if yes else "Nothing was forgotten. next: the same command with --yes"
    invocation.show(record, lambda screen: [*view(chosen, screen), last] if chosen else ["No checkpoint would go."])


def _checkpoints(invocation: Invocation, run: str) -> tuple[str, list[dict[str, Any]]]:
    """The run's id and what the runner says of its checkpoints, the latest first."""
    found: control.WorkflowGetResult = invocation.call(OPERATIONS["workflow/get"], control.WorkflowGetParams(id=run))
    params = WorkflowInspectParams(what="checkpoints", workflow_id=found.id)
    answer: WorkflowInspectResult = invocation.call(OPERATIONS["workflow/inspect"], params)
    rows = [json_object(row) for row in json_array(json_object(answer.value).get("checkpoints"))]
    return found.id, sorted(rows, key=lambda row: int(row.get("num") or 0), reverse=True)
