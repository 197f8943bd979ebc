"""``workflow watch``: follow a run of the daemon until it has ended or waits for a person."""

import shutil
import sys

import click
import msgspec

from animus_cli.commands.plain import command
from animus_cli.commands.run import SETTLED, follow_run
from animus_cli.failure import CommandError
from animus_cli.invocation import Invocation, daemon_not_running
from animus_cli.live import progress_on
from animus_cli.render.workflow import one
from animus_control.client import ControlClient
from animus_plugin_protocol.wire.control import WorkflowEventsParams, WorkflowGetParams, WorkflowGetResult

__all__ = ["watch"]

_UNSUCCESSFUL = frozenset({"failed", "escalated", "cancelled"})


@command(
    "watch",
    "Follow a run until it has ended or waits for a person; ends with 6 if it did not end well.",
    click.Argument(["run"], metavar="RUN"),
)
def watch(invocation: Invocation, *, run: str) -> None:
    """Show what happens to the run from now on, and how it stands then.

    Raises:
        CommandError: no daemon runs; ``run_failed`` if the run did not end well.
    """
    project = invocation.project()
    watcher, client = ControlClient.connect(project), ControlClient.connect(project)
    if watcher is None or client is None:
        raise daemon_not_running(project)
    progress = progress_on(sys.stdout, invocation.screen(), height=shutil.get_terminal_size().lines)
    shown = None if invocation.json else progress
    with watcher, client:
        events = watcher.stream("workflow/events", WorkflowEventsParams())  # before the look at it: nothing is missed
        state: WorkflowGetResult = client.call("workflow/get", WorkflowGetParams(id=run))
        if state.status not in SETTLED:
            state = follow_run(client, events, frozenset({state.id}), shown)
        progress.finish()
    if state.status in _UNSUCCESSFUL:
        reason = f": {state.reason}" if state.reason else ""
        message = f"run {state.id!r} of {state.definition!r} {state.status}{reason}"
        step = f"animus workflow get {state.id}"
        raise CommandError("run_failed", message, details=msgspec.to_builtins(state), next_step=step)
    invocation.show(state, lambda screen: one(state, screen))
