"""Steering runs: the runner journals every signal; the kernel follows what it answers."""

from animus_kernel.errors import KernelError
from animus_kernel.handlers.workflows import find_run
from animus_kernel.kernel import Kernel
from animus_kernel.run import ENDED_STATUSES
from animus_kernel.seam import ask
from animus_plugin_protocol import methods
from animus_plugin_protocol.wire import control, queue
from animus_plugin_protocol.wire.workflow_runner import WorkflowSignalParams, WorkflowSignalResult

__all__ = ["approve", "cancel", "pause", "reject", "resume"]


async def resume(kernel: Kernel, params: control.WorkflowResumeParams) -> control.WorkflowSignalResult:
    """Let a paused run go on."""
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
    gate = isinstance(params, control.PhaseGateParams)
    wire = WorkflowSignalParams(
        workflow_id=run_id,
        signal=signal,
        phase_id=params.phase_id if isinstance(params, control.PhaseGateParams) else None,
        note=params.note if isinstance(params, control.PhaseGateParams) else params.reason,
        actor=params.actor,
        force=force,
    )
    answer = await ask(kernel.plugins, methods.WORKFLOW_SIGNAL, wire, WorkflowSignalResult)
    kernel.events.record(
        "run_signalled", workflow_id=run_id, signal=signal, note=wire.note, actor=params.actor, gate=gate
    )
    message = answer.message
    if kernel.dispatcher is not None:
        if answer.runnable:
            kernel.dispatcher.go_on(run_id)
        elif answer.status in ENDED_STATUSES:
            kernel.dispatcher.end_waiting(run_id, answer.status, wire.note)
    elif answer.runnable:
        message = "recorded; it goes on when a daemon runs: animus daemon start"
    return control.WorkflowSignalResult(id=run_id, status=answer.status, message=message)
