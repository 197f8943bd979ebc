"""``workflow run``: ask for a run, and with ``--sync`` follow it until it has ended or waits for a person.

Beside a daemon the daemon does the work and this process watches; without one this process is the host.
"""

import datetime
import shutil
import sys
from collections.abc import Iterator

import msgspec

from animus_cli.failure import CommandError
from animus_cli.invocation import Invocation
from animus_cli.json_value import json_object
from animus_cli.live import RUN_ENDINGS, Progress, progress_on
from animus_cli.render import lines_for
from animus_control.client import ControlClient
from animus_control.errors import ControlError
from animus_control.operations import Operation
from animus_control.project import Project
from animus_plugin_protocol.wire.control import (
    WorkflowEvent,
    WorkflowEventsParams,
    WorkflowGetParams,
    WorkflowGetResult,
    WorkflowRunParams,
    WorkflowRunResult,
)

__all__ = ["SETTLED", "follow_run", "join_run", "run"]

SETTLED = frozenset({"completed", "failed", "escalated", "cancelled", "paused"})
"""Where a run does nothing until somebody acts."""
_UNSUCCESSFUL = frozenset({"failed", "escalated", "cancelled"})


def run(invocation: Invocation, operation: Operation, params: WorkflowRunParams) -> None:
    """Start a workflow; see the module.

    Raises:
        CommandError: ``run_failed`` (exit code 6) if a run that was waited for did not end well.
    """
    asked_at = datetime.datetime.now(datetime.UTC)
    if not params.sync:
        result = invocation.call(operation, params)
        _remark_other_run(invocation, result, asked_at)
        invocation.show(result, lambda screen: lines_for(operation.name, result, screen))
        invocation.remark_missing_daemon()
        return
    project = invocation.project()
    progress = None if invocation.json else _progress(invocation)
    client = ControlClient.connect(project)
    try:
        if client is None:
            result = _run_here(project, operation, params, progress)
        else:
            with client:
                result = _run_there(project, client, operation, params, progress)
    finally:
        if progress is not None:
            progress.finish()
    _remark_other_run(invocation, result, asked_at)
    _conclude(invocation, operation, result)


def join_run(
    client: ControlClient,
    events: Iterator[WorkflowEvent],
    run_id: str,
    asked: frozenset[str],
    progress: Progress | None,
) -> WorkflowGetResult:
    """Show a run that had begun before, from now on; at once how it stands where it has settled already."""
    state: WorkflowGetResult = client.call("workflow/get", WorkflowGetParams(id=run_id))
    return state if state.status in SETTLED else follow_run(client, events, asked, progress)


def follow_run(
    client: ControlClient, events: Iterator[WorkflowEvent], asked: frozenset[str], progress: Progress | None
) -> WorkflowGetResult:
    """Show a run of the daemon until it has settled.

    Args:
        client: the connection that asks.
        events: the events of all runs, subscribed to before the run was asked for, so that none is missed.
        asked: the ids of the run, and of the entry where the run has not begun.
        progress: where events are shown, or None.

    Raises:
        CommandError: the daemon ended meanwhile.
    """
    known = set(asked)
    try:
        for event in events:
            if json_object(event.payload).get("entry_id") in asked:
                known.add(event.workflow_id)
            if event.workflow_id not in known:
                continue
            if progress is not None:
                progress.show(event)
            if event.kind in RUN_ENDINGS:
                state: WorkflowGetResult = client.call("workflow/get", WorkflowGetParams(id=event.workflow_id))
                if state.status in SETTLED:
                    return state
    except ControlError as error:
        if error.category != "unavailable":
            raise
    raise CommandError(
        "unavailable",
        f"the daemon ended while run {min(asked)!r} was under way; the run goes on when it is started again",
        next_step="animus daemon start",
        remediation="daemon_not_running",
    )


def _run_here(
    project: Project, operation: Operation, params: WorkflowRunParams, progress: Progress | None
) -> WorkflowRunResult:
    from animus_kernel.serving.session import run_operation  # noqa: PLC0415 - start-up: only a run in this process needs it

    try:
        result: WorkflowRunResult = run_operation(
            project, operation.name, params, on_event=None if progress is None else progress.show
        )
    except KeyboardInterrupt:
        if progress is not None:
            sys.stderr.write("\nThe run is interrupted. It goes on with: animus daemon start\n")
        raise
    if result.waiting is not None and result.workflow_id is not None:
        # What it did so far, and on which branch, is worth a look before the gate is answered.
        found: WorkflowGetResult = run_operation(project, "workflow/get", WorkflowGetParams(id=result.workflow_id))
        return msgspec.structs.replace(result, detail=found.detail)
    return result


def _run_there(
    project: Project, client: ControlClient, operation: Operation, params: WorkflowRunParams, progress: Progress | None
) -> WorkflowRunResult:
    watcher = ControlClient.connect(project)
    if watcher is None:
        raise CommandError("unavailable", "the daemon ended before the run began", next_step="animus daemon start")
    with watcher:
        events = watcher.stream("workflow/events", WorkflowEventsParams())
        asked_at = datetime.datetime.now(datetime.UTC)
        asked: WorkflowRunResult = client.call(operation.name, msgspec.structs.replace(params, sync=False))
        run_ids = frozenset({asked.entry_id, asked.workflow_id or asked.entry_id})
        try:
            if asked.started_at < asked_at and asked.workflow_id:
                # The queue gave the entry of a run that had begun: what happened to it before is told no more.
                state = join_run(client, events, asked.workflow_id, run_ids, progress)
            else:
                state = follow_run(client, events, run_ids, progress)
        except KeyboardInterrupt:
            run_id = asked.workflow_id or asked.entry_id
            if progress is not None:
                sys.stderr.write(f"\nThe run goes on. animus workflow get {run_id}, animus workflow cancel {run_id}\n")
            raise
    return msgspec.structs.replace(
        asked,
        workflow_id=state.id,
        definition=state.definition,
        status=state.status,
        reason=state.reason,
        waiting=state.waiting,
        detail=state.detail,
        started_at=state.started_at,
    )


def _remark_other_run(invocation: Invocation, result: WorkflowRunResult, asked_at: datetime.datetime) -> None:
    """A subject is at work in one run at a time: say so where the run is not the one that was asked for."""
    if result.workflow_id is not None and result.started_at < asked_at:
        there = f"{result.workflow_id} of {result.definition}"
        invocation.tell(f"{result.subject_id} is at work already, in {there}; no other run began.")


def _progress(invocation: Invocation) -> Progress:
    return progress_on(sys.stdout, invocation.screen(), height=shutil.get_terminal_size().lines)


def _conclude(invocation: Invocation, operation: Operation, result: WorkflowRunResult) -> None:
    if result.status in _UNSUCCESSFUL:
        run_id = result.workflow_id or result.entry_id
        reason = f": {result.reason}" if result.reason else ""
        raise CommandError(
            "run_failed",
            f"run {run_id!r} of {result.definition!r} {result.status}{reason}",
            details=msgspec.to_builtins(result),
            next_step=f"animus workflow get {run_id}",
        )
    invocation.show(result, lambda screen: lines_for(operation.name, result, screen))
