"""One run from its lease to where its entry belongs: executed, parked, finished, returned or lost."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import msgspec

from animus_control.event_log import EventLog
from animus_kernel.clock import Clock
from animus_kernel.dispatch.blame import MAX_BROKEN_ATTEMPTS, PAUSE_SECONDS, Blame
from animus_kernel.dispatch.lease import FencedQueue
from animus_kernel.dispatch.projection import Projector
from animus_kernel.dispatch.run import ENDED_STATUSES, Run, RunState, Step, queue_status_for
from animus_kernel.routing.seam import Plugins
from animus_plugin_protocol import methods
from animus_plugin_protocol.errors import ErrorCode, RefusedError, RpcFault
from animus_plugin_protocol.wire import workflow_runner as wire
from animus_plugin_protocol.wire.queue_v2 import FencedMutationResult
from animus_plugin_runtime.tolerance import read_shape

__all__ = ["Execution"]

_FIRST_RETRY_SECONDS = 0.2
_LAST_RETRY_SECONDS = 5.0
_result_decoder = msgspec.json.Decoder(wire.WorkflowExecuteResult)
_LEASE_IS_LOST = frozenset({"not_found", "stale_fence", "not_assigned"})


class _Progress(msgspec.Struct, frozen=True):
    value: wire.PhaseEvent


async def _is_there() -> None:
    """Somebody who can always be reached."""


@dataclass
class Execution:
    """Has runs executed. `sweep` ends what a dead runner left behind; `reach` fails while no runner can be had."""

    plugins: Plugins
    queue: FencedQueue
    projector: Projector
    events: EventLog
    clock: Clock
    sweep: Callable[[], Awaitable[object]]
    reach: Callable[[], Awaitable[object]] = _is_there
    on_slot: Callable[[Run], None] = lambda _: None
    """Told when a run gives its slot away or takes one again, or lets the next suspect begin."""
    blame: Blame = field(default_factory=Blame)
    _calls: dict[str, asyncio.Future[msgspec.Raw]] = field(default_factory=dict[str, "asyncio.Future[msgspec.Raw]"])

    async def run(self, run: Run) -> None:
        """Hand a started run to the runner and wait until it ends, parks or breaks off."""
        run.status, run.reason, run.waiting = "running", None, None
        run.waits_inside = False
        self._record(run, "run_started", entry_id=run.entry.entry_id, workflow_ref=run.workflow_ref)
        call = self._calls[run.run_id] = asyncio.ensure_future(self._execute(run))
        try:
            result = read_shape(_result_decoder, await call)
        except RpcFault as fault:
            await self._broke_off(run, fault)
        except asyncio.CancelledError:
            if run.cancelled_by is not None and run.may(Step.END):
                await self._settle(run, "cancelled", run.cancelled_by, None)
            elif run.state is not RunState.STOPPING:
                raise
            else:
                run.move(Step.CLOSE)  # cancelled by ourselves in `_stop`
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            await self._broke_off(run, RefusedError(f"the runner's result does not fit the protocol: {error}"))
        else:
            await self._settle(run, result.workflow_status, result.reason, result.waiting)
        finally:
            call.cancel()
            del self._calls[run.run_id]

    async def _execute(self, run: Run) -> msgspec.Raw:
        """The runner's answer. The subject is marked meanwhile: the run need not wait for that, its end has to."""
        dispatch, role, execute = run.entry.subject_dispatch, "workflow_runner", methods.WORKFLOW_EXECUTE
        params = wire.WorkflowExecuteParams(
            workflow_id=run.run_id, execution_fence=run.fence, subject_dispatch=dispatch, actor=dispatch.actor
        )
        listener = functools.partial(self._on_note, run)
        marking = asyncio.ensure_future(self.projector.apply(run, "running"))
        try:
            return await self.plugins.call(role, execute, params, timeout_seconds=None, on_note=listener)
        finally:
            await marking

    def cancel(self, run: Run, reason: str) -> bool:
        """End a run by cancelling its execution, for runners that know no signals; whether it is being executed."""
        call = self._calls.get(run.run_id)
        if call is None:
            return False
        run.cancelled_by = reason
        return call.cancel()

    async def finish(self, run: Run) -> None:
        """Record the end of a run whose status is set."""
        self.blame.clear(run)
        await self.projector.apply(run, run.status)  # before the entry goes: after a crash the end is told again
        self._record(run, f"run_{run.status}", status=run.status, reason=run.reason)

    async def close(self, run: Run) -> None:
        """Bring the entry of a finishing or returning run to its place, however long the queue is away."""
        entry_id = run.entry.entry_id
        if run.state is RunState.FINISHING:
            status = queue_status_for(run.status)
            await self._insist(run, lambda: self.queue.complete(run.fence, status, run.workflow_ref))
        else:
            reason = run.reason or "the attempt broke off"
            await self._insist(run, lambda: self.queue.give_back(run.fence, reason))
            if self.blame.is_culprit(run):
                self.blame.clear(run)
                held = f"{MAX_BROKEN_ATTEMPTS} attempts in a row broke off: {reason}"
                await self._insist(run, lambda: self.queue.hold(entry_id, held))
                self._record(run, "entry_held", entry_id=entry_id, reason=held)
        run.move(Step.CLOSE)

    async def renew(self, run: Run) -> None:
        """Renew the lease; a run whose lease is lost is told to stop."""
        if not run.may(Step.LOSE):
            return  # on its way out: nothing to keep
        try:
            result = await self.queue.renew(run.fence)
            if result.outcome == "stale_fence":  # the machine may have slept: if nobody took the lease it is ours
                result = await self.queue.recover(run.fence)
        except RpcFault as fault:
            self._record(run, "renewal_failed", reason=fault.message)
            return
        if result.outcome in _LEASE_IS_LOST and run.may(Step.LOSE):
            was_running = run.run_id in self._calls
            run.move(Step.LOSE)
            run.reason = f"the lease is lost ({result.outcome}): {result.reason or 'somebody else decided'}"
            self._record(run, "run_lost", reason=run.reason)
            if was_running:
                await self._stop(run, ends_run=result.outcome != "stale_fence")
        elif result.execution is not None:
            run.fence, run.leased_at = result.execution, self.clock.now()

    async def _settle(self, run: Run, status: str, reason: str | None, waiting: wire.WaitingFor | None) -> None:
        run.status, run.reason, run.waiting = status, reason, waiting
        if not run.may(Step.PARK):  # lost meanwhile: the result is nobody's
            run.move(Step.CLOSE)
        elif status in ENDED_STATUSES:
            run.move(Step.END)
            self.on_slot(run)  # the next one need not wait until this one's end is written down everywhere
            await self.finish(run)
        else:
            run.status = "paused"
            await self.projector.apply(run, "paused")
            self._record(run, "run_paused", status="paused", reason=reason, waiting=msgspec.to_builtins(waiting))
            run.move(Step.PARK if run.may(Step.PARK) else Step.CLOSE)

    async def _broke_off(self, run: Run, fault: RpcFault) -> None:
        if not run.may(Step.BREAK):
            run.move(Step.CLOSE)
            return
        if isinstance(fault, RefusedError) and fault.code != ErrorCode.REQUEST_CANCELLED:
            await self._settle(run, "failed", fault.message, None)
            return
        if fault.code == ErrorCode.HOST_PLUGIN_DIED:
            await self.sweep()
        attempts = self.blame.count(run)
        run.status, run.reason = "pending", fault.message
        self._record(run, "run_broke_off", reason=fault.message, attempts=attempts)
        if attempts == MAX_BROKEN_ATTEMPTS - 1:
            await self.clock.sleep(PAUSE_SECONDS)
        run.move(Step.BREAK if run.may(Step.BREAK) else Step.CLOSE)

    async def _stop(self, run: Run, *, ends_run: bool) -> None:
        """End what the runner still does for a run that is no longer ours: dropped by somebody, or somebody else's."""
        if not ends_run:
            self._calls[run.run_id].cancel()  # ends this execution; the run itself goes on where its new owner is
            return
        params = wire.WorkflowSignalParams(workflow_id=run.run_id, signal="cancel", note=run.reason)
        try:
            await self.plugins.call("workflow_runner", methods.WORKFLOW_SIGNAL, params)
        except RpcFault:
            call = self._calls.get(run.run_id)  # a foreign runner knows no signals: cancel the call itself
            if call is not None:
                call.cancel()

    async def _insist(self, run: Run, act: Callable[[], Awaitable[FencedMutationResult | None]]) -> None:
        """Repeat a fenced act until the queue has answered it."""
        delay = _FIRST_RETRY_SECONDS
        while True:
            try:
                result = await act()
            except RefusedError as fault:
                self._record(run, "queue_refused", reason=fault.message)
                return
            except RpcFault:
                await self.clock.sleep(delay)
                delay = min(delay * 2, _LAST_RETRY_SECONDS)
                continue
            if result is not None and result.outcome not in {"applied", "already_applied"}:
                self._record(run, "lease_lost_at_end", outcome=result.outcome, reason=result.reason)
            return

    def _on_note(self, run: Run, method: str, note: msgspec.Raw) -> None:
        if method != methods.PROGRESS:
            return
        try:
            event = msgspec.json.decode(note, type=_Progress).value
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        was_suspect = self.blame.is_suspect(run)
        if event.kind == "completed":
            self.blame.clear(run)
        if event.kind in {"waiting", "resumed"}:
            run.waits_inside, run.waiting = event.kind == "waiting", event.waiting
        if event.kind in {"waiting", "resumed"} or was_suspect != self.blame.is_suspect(run):
            self.on_slot(run)
        payload = {"workflow_id": run.run_id, "subject_id": run.subject_id, **msgspec.to_builtins(event)}
        kind = f"phase_{payload.pop('kind')}"
        if event.kind == "output":  # a live view of the latest line; the whole stream is in the run's log
            self.events.tell(kind, payload)
        else:
            self.events.record(kind, **payload)

    def _record(self, run: Run, event: str, /, **payload: object) -> None:
        self.events.record(event, workflow_id=run.run_id, subject_id=run.subject_id, **payload)
