"""Steering runs: the runner journals every signal; the kernel follows what it answers."""

from typing import Any

from animus_control.errors import ControlError
from animus_kernel.dispatch.door import AD_HOC_KIND
from animus_kernel.dispatch.run import ENDED_STATUSES
from animus_kernel.handlers import workflows
from animus_kernel.kernel import Kernel
from animus_kernel.routing.seam import ask
from animus_plugin_protocol import methods
from animus_plugin_protocol.errors import ErrorCode, RefusedError, RpcFault
from animus_plugin_protocol.wire import control, queue
from animus_plugin_protocol.wire.workflow_runner import WorkflowSignalParams, WorkflowSignalResult

__all__ = ["answer", "approve", "cancel", "pause", "reject", "resume"]

_AD_HOC = f"{AD_HOC_KIND}:"
_NO_SIGNALS = frozenset({ErrorCode.METHOD_NOT_FOUND, ErrorCode.METHOD_NOT_SUPPORTED})
_LEAVES_AS_IT_IS = _NO_SIGNALS | {ErrorCode.INVALID_PARAMS, ErrorCode.PHASE_NOT_FOUND, ErrorCode.MANUAL_GATE_PENDING}
_Signalled = control.WorkflowSteerParams | control.PhaseGateParams | control.WorkflowAnswerParams


async def resume(kernel: Kernel, params: control.WorkflowResumeParams) -> control.WorkflowSignalResult:
    """Let a paused run go on; one that has ended has left the queue and does not come back."""
    run_id, _ = await workflows.find(kernel, params.id)
    found = await workflows.load(kernel, run_id or params.id)
    summary = workflows.summary_of(found) if found is not None else None
    if summary is not None and summary.status in ENDED_STATUSES:
        subject = summary.subject_id or ""
        about = "" if subject.startswith(_AD_HOC) else f" --subject {subject}"
        message = f"run {run_id!r} has ended ({summary.status}) and cannot go on; start a new one"
        raise ControlError("conflict", message, next_step=f"animus workflow run {summary.definition}{about}")
    waiting = summary.waiting if summary is not None else None
    if waiting is not None and waiting.kind == "blocked" and not params.force:
        raise ControlError("conflict", f"run {run_id!r}: {waiting.reason}", next_step=waiting.command)
    return await _signal(kernel, params, "resume", params.reason, force=params.force)


async def pause(kernel: Kernel, params: control.WorkflowSteerParams) -> control.WorkflowSignalResult:
    """Stop a run after its current phase."""
    return await _signal(kernel, params, "pause", params.reason)


async def cancel(kernel: Kernel, params: control.WorkflowSteerParams) -> control.WorkflowSignalResult:
    """End a run and everything it started; an entry whose run has not begun leaves the queue."""
    run_id, entry = await workflows.find(kernel, params.id)
    if run_id is None and entry is not None:
        await ask(
            kernel.plugins, methods.QUEUE_DROP, queue.QueueEntryParams(entry_id=entry.id), queue.QueueMutationResult
        )
        return control.WorkflowSignalResult(id=entry.id, status="cancelled", message="taken off the queue")
    try:
        return await _signal(kernel, params, "cancel", params.reason)
    except RefusedError as fault:  # a foreign runner knows no signals: the execution itself can be cancelled
        dispatcher, reason = kernel.dispatcher, params.reason or "cancelled"
        if fault.code not in _NO_SIGNALS or dispatcher is None or not dispatcher.cancel(run_id or params.id, reason):
            raise
    return control.WorkflowSignalResult(id=run_id or params.id, status="cancelled")


async def approve(kernel: Kernel, params: control.PhaseGateParams) -> control.WorkflowSignalResult:
    """Let a run pass its gate."""
    return await _signal(kernel, params, "approve", params.note, phase_id=params.phase_id)


async def reject(kernel: Kernel, params: control.PhaseGateParams) -> control.WorkflowSignalResult:
    """Refuse a run at its gate."""
    return await _signal(kernel, params, "reject", params.note, phase_id=params.phase_id)


async def answer(kernel: Kernel, params: control.WorkflowAnswerParams) -> control.WorkflowSignalResult:
    """Answer what the agent of a run asked."""
    said = {"decision": params.decision, "answer": params.answer, "message": params.message}
    response = {name: text for name, text in said.items() if text is not None}
    more = {"interaction_id": params.interaction_id, "response": response}
    return await _signal(kernel, params, "answer", params.message, **more)


async def _signal(
    kernel: Kernel, params: _Signalled, signal: str, note: str | None, **more: Any
) -> control.WorkflowSignalResult:
    run_id, _ = await workflows.find(kernel, params.id)
    if run_id is None:
        message = f"the run of entry {params.id!r} has not begun"
        raise ControlError("conflict", message, next_step=f"animus why {params.id}")
    wire = WorkflowSignalParams(workflow_id=run_id, signal=signal, note=note, actor=params.actor, **more)
    try:
        answer = await ask(kernel.plugins, methods.WORKFLOW_SIGNAL, wire, WorkflowSignalResult)
    except RpcFault as fault:
        # The runner may have written the signal down before it died: what became of the run, executing it tells.
        if kernel.dispatcher is not None and fault.code not in _LEAVES_AS_IT_IS:
            kernel.dispatcher.go_on(run_id)
        raise
    who = params.actor.user_id if params.actor else None
    kernel.events.record("run_signalled", workflow_id=run_id, signal=signal, note=note, actor=who)
    said = answer.message
    if kernel.dispatcher is not None:
        if answer.runnable:
            kernel.dispatcher.go_on(run_id)
        elif answer.status in ENDED_STATUSES:
            kernel.dispatcher.end_waiting(run_id, answer.status, note)
    elif answer.runnable:
        said = "recorded; it goes on when a daemon runs. next: animus daemon start"
    return control.WorkflowSignalResult(id=run_id, status=answer.status, message=said)
