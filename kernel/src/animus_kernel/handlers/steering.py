"""Steering runs: the runner journals every signal; the kernel follows what it answers."""

from animus_kernel.door import AD_HOC_KIND
from animus_kernel.errors import KernelError
from animus_kernel.handlers.workflows import find_run, journalled, summary_of
from animus_kernel.kernel import Kernel
from animus_kernel.run import ENDED_STATUSES
from animus_kernel.seam import ask
from animus_plugin_protocol import methods
from animus_plugin_protocol.wire import control, queue
from animus_plugin_protocol.wire.workflow_runner import WorkflowSignalParams, WorkflowSignalResult

__all__ = ["approve", "cancel", "pause", "reject", "resume"]

_AD_HOC = f"{AD_HOC_KIND}:"


async def resume(kernel: Kernel, params: control.WorkflowResumeParams) -> control.WorkflowSignalResult:
    """Let a paused run go on; one that has ended has left the queue and does not come back."""
    run_id, _ = await find_run(kernel, params.id)
    found = await journalled(kernel, run_id) if run_id is not None else None
    if found is not None:
        summary = summary_of(found)
        if found.status in ENDED_STATUSES:
            about = (
                f" --subject {summary.subject_id}" if not (summary.subject_id or _AD_HOC).startswith(_AD_HOC) else ""
            )
            again = {"kind": "conflict", "next_step": f"animus workflow run {summary.definition}{about}"}
            message = f"run {run_id!r} has ended ({found.status}) and cannot go on; start a new one"
            raise KernelError("conflict", message, remediation=again)
        if summary.waiting is not None and summary.waiting.kind == "blocked" and not params.force:
            step = {"kind": "conflict", "next_step": summary.waiting.command}
            raise KernelError("conflict", f"run {run_id!r}: {summary.waiting.reason}", remediation=step)
    return await _signal(kernel, params, "resume", force=params.force)


async def pause(kernel: Kernel, params: control.WorkflowSteerParams) -> control.WorkflowSignalResult:
    """Stop a run after its current phase."""
    return await _signal(kernel, params, "pause")


async def cancel(kernel: Kernel, params: control.WorkflowSteerParams) -> control.WorkflowSignalResult:
    """End a run and everything it started; an entry whose run has not begun leaves the queue."""
    run_id, entry = await find_run(kernel, params.id)
    if run_id is None and entry is not None:
        await ask(
            kernel.plugins, methods.QUEUE_DROP, queue.QueueEntryParams(entry_id=entry.id), queue.QueueMutationResult
        )
        return control.WorkflowSignalResult(id=entry.id, status="cancelled", message="taken off the queue")
    return await _signal(kernel, params, "cancel")


async def approve(kernel: Kernel, params: control.PhaseGateParams) -> control.WorkflowSignalResult:
    """Let a run pass its gate."""
    return await _signal(kernel, params, "approve")


async def reject(kernel: Kernel, params: control.PhaseGateParams) -> control.WorkflowSignalResult:
    """Refuse a run at its gate."""
    return await _signal(kernel, params, "reject")


async def _signal(
    kernel: Kernel, params: control.WorkflowSteerParams | control.PhaseGateParams, signal: str, *, force: bool = False
) -> control.WorkflowSignalResult:
    run_id, _ = await find_run(kernel, params.id)
    if run_id is None:
        raise KernelError("conflict", f"the run of entry {params.id!r} has not begun")
    at_gate = isinstance(params, control.PhaseGateParams)
    phase_id, note = (params.phase_id, params.note) if at_gate else (None, params.reason)
    wire = WorkflowSignalParams(
        workflow_id=run_id, signal=signal, phase_id=phase_id, note=note, actor=params.actor, force=force
    )
    answer = await ask(kernel.plugins, methods.WORKFLOW_SIGNAL, wire, WorkflowSignalResult)
    who = params.actor.user_id if params.actor else None
    kernel.events.record("run_signalled", workflow_id=run_id, signal=signal, note=note, actor=who)
    message = answer.message
    if kernel.dispatcher is not None:
        if answer.runnable:
            kernel.dispatcher.go_on(run_id)
        elif answer.status in ENDED_STATUSES:
            kernel.dispatcher.end_waiting(run_id, answer.status, wire.note)
    elif answer.runnable:
        message = "recorded; it goes on when a daemon runs: animus daemon start"
    return control.WorkflowSignalResult(id=run_id, status=answer.status, message=message)
