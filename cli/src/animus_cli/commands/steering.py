"""``workflow pause`` and ``workflow cancel``: acts on a run that can be looked at first."""

from typing import Any

import click

from animus_cli.commands.plain import command
from animus_cli.failure import CommandError
from animus_cli.invocation import Invocation
from animus_cli.render.workflow import one, signalled
from animus_control.operations import OPERATIONS
from animus_plugin_protocol.wire import control

__all__ = ["cancel", "pause"]

_OPTIONS = (
    click.Argument(["run"], metavar="RUN"),
    click.Option(["--reason"], metavar="TEXT", help="Why; kept with the run."),
    click.Option(["--confirm"], metavar="RUN", help="Do it only if this is the run that was found."),
    click.Option(["--dry-run"], is_flag=True, help="Show the run it would be done to, and do nothing."),
)


@command(
    "pause", "Stop a run after its current phase. RUN is its id, its entry's, or its subject as KIND:ID.", *_OPTIONS
)
def pause(invocation: Invocation, **given: Any) -> None:
    """Pause it."""
    _steer(invocation, "pause", **given)


@command("cancel", "End a run and everything it started. RUN is its id, its entry's, or its subject.", *_OPTIONS)
def cancel(invocation: Invocation, **given: Any) -> None:
    """Cancel it; an entry whose run has not begun leaves the queue."""
    _steer(invocation, "cancel", **given)


def _steer(
    invocation: Invocation, verb: str, *, run: str, reason: str | None, confirm: str | None, dry_run: bool
) -> None:
    if dry_run or confirm is not None:
        params = control.WorkflowGetParams(id=run)
        found: control.WorkflowGetResult = invocation.call(OPERATIONS["workflow/get"], params)
        if confirm is not None and confirm != found.id:
            message = f"{run!r} is run {found.id!r}, not {confirm!r}; nothing was done"
            raise CommandError("conflict", message, next_step=f"animus workflow get {found.id}")
        if dry_run:
            last = f"Nothing was done. next: animus workflow {verb} {found.id}"
            invocation.show({"run": found, "done": False}, lambda screen: [*one(found, screen), "", last])
            return
        run = found.id
    wish = control.WorkflowSteerParams(id=run, reason=reason)
    result: control.WorkflowSignalResult = invocation.call(OPERATIONS[f"workflow/{verb}"], wish)
    invocation.show(result, lambda screen: signalled(result, screen))
