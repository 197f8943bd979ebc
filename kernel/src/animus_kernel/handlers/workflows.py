"""Runs: asking for one, and what the journal says about them."""

import asyncio
import datetime
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from animus_control.errors import ControlError
from animus_control.event_file import read_events
from animus_kernel.clock import parse_moment
from animus_kernel.dispatch.door import split_subject
from animus_kernel.dispatch.run import ENDED_STATUSES, Run
from animus_kernel.handlers.queue import row_of
from animus_kernel.kernel import Kernel
from animus_kernel.routing.seam import ask
from animus_plugin_protocol import methods
from animus_plugin_protocol.wire import control
from animus_plugin_protocol.wire import workflow_journal as journal
from animus_plugin_protocol.wire.config_source import ConfigValidateResult
from animus_plugin_protocol.wire.dispatch import qualified_id
from animus_plugin_protocol.wire.workflow_runner import WaitingFor, WorkflowInspectParams, WorkflowInspectResult

__all__ = [
    "check",
    "config",
    "delete",
    "events",
    "execute",
    "find",
    "get",
    "inspect",
    "list_runs",
    "load",
    "run",
    "summary_of",
]

_LEASE_WAIT_SECONDS = 2.0
"""How long ``workflow/run`` waits for its entry to be leased, so that it can say the run id."""


class _Phase(msgspec.Struct):
    phase_id: str | None = None
    attempt: int | None = None


class _Blob(msgspec.Struct):
    subject: dict[str, Any] = {}
    reason: str | None = None
    waiting: WaitingFor | None = None
    phases: list[_Phase] = []
    branch: str | None = None


async def run(kernel: Kernel, params: control.WorkflowRunParams) -> control.WorkflowRunResult:
    """Enqueue, and wait a little for the lease or, if asked to, until the run has ended or waits for somebody."""
    receipt = await kernel.door.run(params)
    kernel.wake()
    found: Run | None = None
    dispatcher = kernel.dispatcher_for(receipt.entry_id)
    if dispatcher is not None and (params.sync or not dispatcher.is_paused):
        waiting = dispatcher.wait_for(receipt.entry_id, lambda run: run.is_settled or not params.sync)
        try:
            found = await asyncio.wait_for(waiting, None if params.sync else _LEASE_WAIT_SECONDS)
        except TimeoutError:
            found = None
    return control.WorkflowRunResult(
        entry_id=receipt.entry_id,
        status=found.status if found else "pending",
        subject_id=receipt.subject_id,
        # The queue may have given the entry that the subject has already, of another workflow.
        definition=(found.entry.subject_dispatch.workflow_ref if found else None) or receipt.workflow_ref,
        started_at=found.leased_at if found else kernel.clock.now(),
        workflow_id=found.run_id if found else None,
        reason=found.reason if found else receipt.warning,
        waiting=found.waiting if found else None,
    )


async def execute(kernel: Kernel, params: control.WorkflowExecuteParams) -> control.WorkflowRunResult:
    """`run` in the words of other clients."""
    wish = control.WorkflowRunParams(
        definition=params.definition,
        subject=params.subject_id,
        vars=params.params,
        trigger_source=params.trigger_source,
        actor=params.actor,
    )
    return await run(kernel, wish)


async def list_runs(kernel: Kernel, params: control.WorkflowListParams) -> control.WorkflowListResult:
    """Runs of the journal, newest first."""
    subject_id = split_subject(params.subject)[1] if params.subject else None
    end = params.offset + params.limit
    wire = journal.JournalListParams(status=params.status, limit=None if subject_id else end)
    page = await ask(kernel.plugins, methods.JOURNAL_LIST, wire, journal.JournalListResult)
    rows = [row for row in map(summary_of, page.runs) if subject_id in {None, row.subject_id}]
    return control.WorkflowListResult(runs=rows[params.offset : end], truncated=page.truncated or len(rows) > end)


async def get(kernel: Kernel, params: control.WorkflowGetParams) -> control.WorkflowGetResult:
    """One run by its id or its entry's; an entry whose run has not begun is pending."""
    run_id, entry = await find(kernel, params.id)
    run = await load(kernel, run_id or params.id)
    if run is not None:
        return control.WorkflowGetResult(**msgspec.structs.asdict(summary_of(run)), detail=run.blob)
    if entry is not None:
        return control.WorkflowGetResult(
            id=run_id or entry.id,
            definition=entry.workflow_ref,
            status="pending",
            started_at=parse_moment(entry.enqueued_at),
            subject_id=entry.subject_id,
            reason=entry.hold_reason,
        )
    raise _no_run(params.id)


def _no_run(run_id: str) -> ControlError:
    """There is no such run."""
    return ControlError("not_found", f"there is no run {run_id!r}", next_step="animus workflow list")


async def find(kernel: Kernel, wanted: str) -> tuple[str | None, control.QueueEntryRow | None]:
    """The run id for a run id, an entry id or a subject, and the queue entry if there is one."""
    entries = await kernel.queue.entries([])
    for entry in entries:
        if wanted in {entry.entry_id, entry.workflow_id}:
            return entry.workflow_id, row_of(entry)
    if ":" in wanted:
        return await _about(kernel, split_subject(wanted)[1], [row_of(entry) for entry in entries])
    found = kernel.dispatcher.run_of_entry(wanted) if kernel.dispatcher else None
    if found is not None:
        return found.run_id, None
    if await load(kernel, wanted) is not None:
        return wanted, None
    for event in reversed(await asyncio.to_thread(read_events, kernel.project.events_path)):
        if event.kind == "run_started" and event.payload.get("entry_id") == wanted:
            return str(event.payload["workflow_id"]), None
    return wanted, None


async def _about(
    kernel: Kernel, subject_id: str, entries: list[control.QueueEntryRow]
) -> tuple[str | None, control.QueueEntryRow | None]:
    """The one run about a subject that has not ended, or else its latest."""
    asked = [row for row in entries if row.subject_id == subject_id]
    asked = [row for row in asked if row.status == "assigned"] or asked
    if len(asked) > 1:
        names = [row.workflow_id or row.id for row in asked]
        message = f"{subject_id} has several runs, name one of them: {', '.join(names)}"
        step = f"animus why {subject_id}"
        raise ControlError("conflict", message, details={"runs": names}, next_step=step)
    if asked:
        return asked[0].workflow_id, asked[0]
    listed = await list_runs(kernel, control.WorkflowListParams(subject=subject_id, limit=1))
    if not listed.runs:
        step = f"animus workflow run --subject {subject_id}"
        raise ControlError("not_found", f"there is no run about {subject_id!r}", next_step=step)
    return listed.runs[0].id, None


async def load(kernel: Kernel, run_id: str) -> journal.JournalRun | None:
    """The run as its journal has it."""
    params = journal.JournalRunParams(workflow_id=run_id)
    return (await ask(kernel.plugins, methods.JOURNAL_LOAD, params, journal.JournalLoadResult)).run


async def events(kernel: Kernel, params: control.WorkflowEventsParams) -> AsyncIterator[control.WorkflowEvent]:
    """What happens to runs from now on."""
    live = kernel.events.listen()

    async def tell() -> AsyncIterator[control.WorkflowEvent]:
        wanted = params.workflow_id
        async for event in live:
            payload = dict(event.payload)
            run_id = payload.pop("workflow_id", None)
            if run_id is None or (params.kinds and event.kind not in params.kinds):
                continue
            if wanted is not None and wanted == payload.get("entry_id"):
                wanted = run_id
            if wanted in {None, run_id}:
                at = event.occurred_at
                yield control.WorkflowEvent(workflow_id=run_id, kind=event.kind, occurred_at=at, payload=payload)

    return tell()


async def delete(kernel: Kernel, params: control.WorkflowDeleteParams) -> control.WorkflowDeleteResult:
    """Forget runs that have ended: their journals, logs and files. A worktree that is left stays."""
    return control.WorkflowDeleteResult(deleted=[await _delete(kernel, run_id) for run_id in params.ids])


async def _delete(kernel: Kernel, run_id: str) -> control.WorkflowDeletion:
    run = await load(kernel, run_id)
    if run is None:
        raise _no_run(run_id)
    if run.status not in ENDED_STATUSES:
        raise ControlError(
            "conflict", f"run {run_id!r} is {run.status}, not ended", next_step=f"animus workflow cancel {run_id}"
        )
    await ask(kernel.plugins, methods.JOURNAL_DELETE, journal.JournalRunParams(workflow_id=run_id), msgspec.Raw)
    return await asyncio.to_thread(_clear, kernel.project.state_dir, run)


def _clear(state_dir: Path, run: journal.JournalRun) -> control.WorkflowDeletion:
    freed = 0
    for directory in (state_dir / "runs" / run.workflow_id, state_dir / "logs" / "runs" / run.workflow_id):
        freed += sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
        shutil.rmtree(directory, ignore_errors=True)
    tree = run.blob.get("worktree")
    left = tree if tree is not None and Path(tree).exists() else None
    return control.WorkflowDeletion(id=run.workflow_id, bytes_freed=freed, worktree=left)


async def inspect(kernel: Kernel, params: WorkflowInspectParams) -> WorkflowInspectResult:
    """What the runner says about a run or a definition."""
    if params.workflow_id is not None and params.what != "explain":  # which is about a workflow
        run_id, _ = await find(kernel, params.workflow_id)
        params = msgspec.structs.replace(params, workflow_id=run_id or params.workflow_id)
    return await ask(kernel.plugins, methods.WORKFLOW_INSPECT, params, WorkflowInspectResult)


async def config(kernel: Kernel, _: control.EmptyParams) -> control.WorkflowConfigResult:
    """The compiled definitions."""
    return control.WorkflowConfigResult(config=await kernel.door.config())


async def check(kernel: Kernel, _: control.EmptyParams) -> control.ConfigValidateResult:
    """The findings of whoever compiles the workflow files, and the workflows that can be run."""
    findings = await ask(kernel.plugins, methods.CONFIG_VALIDATE, kernel.door.config_params, ConfigValidateResult)
    names = await kernel.door.workflow_names()
    return control.ConfigValidateResult(diagnostics=findings.diagnostics, workflows=names)


def summary_of(run: journal.JournalRun) -> control.WorkflowRunSummary:
    """A load run as clients see it."""
    blob = msgspec.convert(run.blob or {}, _Blob)
    last = blob.phases[-1] if blob.phases else _Phase()
    subject = blob.subject
    return control.WorkflowRunSummary(
        id=run.workflow_id,
        definition=run.workflow_ref or "",
        status=run.status,
        started_at=run.created_at or datetime.datetime.fromtimestamp(0, datetime.UTC),
        subject_id=qualified_id(subject["kind"], subject["id"]) if {"kind", "id"} <= subject.keys() else None,
        finished_at=run.updated_at if run.status in ENDED_STATUSES else None,
        current_phase=last.phase_id,
        attempt=last.attempt,
        reason=blob.reason,
        waiting=blob.waiting,
        branch=blob.branch,
    )
