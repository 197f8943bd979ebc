"""Leases entries while there are free slots and has each run executed: woken by events, never by polling.

It is woken by an enqueue, a finished or parked run, a signal, and the queue's next deadline. The heartbeat compares
the queue with what is known here and says so when it found something that a wake-up should have brought; an idle queue
it lets sleep (`animus_kernel.dispatch.rest`).
"""

import asyncio
import datetime
from collections.abc import Awaitable, Callable

from animus_composition.settings import RUNS_PER_RUNNER, DaemonSettings
from animus_control.jobs import Jobs
from animus_kernel.alarm import Alarm
from animus_kernel.dispatch.execution import Execution
from animus_kernel.dispatch.lease import LEASE_BATCH, FencedQueue
from animus_kernel.dispatch.register import Register
from animus_kernel.dispatch.rest import Rest
from animus_kernel.dispatch.run import Run, RunState, Step, free_slots
from animus_plugin_protocol.errors import RpcFault
from animus_plugin_protocol.wire.queue_v2 import LeasedEntry

__all__ = ["PILLARS", "RETRY_SECONDS", "Dispatcher"]

RETRY_SECONDS = 2.0
"""How long to wait after queue or runner could not be had."""

PILLARS = ("dispatch", "renewal", "heartbeat")
"""The jobs without which a dispatcher is of no use."""

_SHORTEST_RENEWAL_SECONDS = 1.0
_ONE_AT_A_TIME = "the runner died twice under it and under another one that is executed: one of them at a time"


class Dispatcher:
    """The only one who leases for a project; the instance lock sees to that.

    Attributes:
        runs: the runs whose entries are ours, by run id.
        settled: the latest runs that ended or parked, by entry id, for whoever asks after the fact.
        on_beat: called at every heartbeat.
        has_leases: set while there is a run.
    """

    def __init__(
        self, queue: FencedQueue, execution: Execution, settings: DaemonSettings, jobs: Jobs, only_entry: str | None
    ) -> None:
        self._register = register = Register()
        self.runs, self.settled, self.has_leases = register.runs, register.settled, register.has_leases
        self.run_of_entry, self.wait_for, self.wait_change = register.of_entry, register.wait_for, register.wait_change
        self.is_draining, self.is_paused = False, settings.paused
        self._queue, self._execution, self._settings, self._jobs = queue, execution, settings, jobs
        self._events, self._clock = execution.events, execution.clock
        self.on_beat: Callable[[], None] = lambda: None
        self._only_entry = only_entry
        self._woken, self._leasing = asyncio.Event(), asyncio.Lock()
        self._must_reclaim, self._has_backlog, self._third_of_a_term = True, True, 0.0
        self._rest = Rest(self._clock, self._events, settings.heartbeat_seconds)
        self._alarm = Alarm(self._clock, jobs, self.wake)
        execution.on_slot = self._on_slot

    def start(self) -> None:
        """Begin; what an earlier holder of the instance lock had leased is given back first."""
        for name, work in zip(PILLARS, (self._dispatch_forever, self._renew_forever, self._beat_forever), strict=True):
            self._jobs.start(name, work())
        self.wake()

    def wake(self) -> None:
        """Something may be due: look as soon as possible."""
        self._woken.set()

    def drain(self) -> None:
        """Start nothing new, and give back what waits for its turn."""
        self.is_draining = True
        self.wake()

    @property
    def active(self) -> int:
        """How many slots are taken."""
        return sum(run.holds_slot for run in self.runs.values())

    def check_lease(self, entry_id: str) -> None:
        """Somebody changed the entry of a run: find out now whether it is still ours."""
        for run in self.runs.values():
            if run.entry.entry_id == entry_id:
                self._jobs.start(f"check {run.run_id}", self._check(run))

    async def _check(self, run: Run) -> None:
        await self._execution.renew(run)
        self._register.forget_if_gone(run)
        self.wake()

    def go_on(self, run_id: str) -> bool:
        """The runner says that a run may go on. False when its entry is not ours."""
        run = self.runs.get(run_id)
        if run is None:
            return False
        if run.may(Step.WAKE):
            self._step(run, Step.WAKE)
        elif run.state is RunState.RUNNING:
            run.may_wake = True
        self.wake()
        return True

    def cancel(self, run_id: str, reason: str) -> bool:
        """Cancel a run at a runner that knows no signals; False when it is not ours, or on its way out already."""
        run = self.runs.get(run_id)
        is_executed = run is not None and self._execution.cancel(run, reason)
        return is_executed or self.end_waiting(run_id, "cancelled", reason)

    def end_waiting(self, run_id: str, status: str, reason: str | None) -> bool:
        """A run that was not being executed has ended by a signal; False when there is no such run."""
        run = self.runs.get(run_id)
        if run is None or run.state not in {RunState.LEASED, RunState.PARKED, RunState.WAKING}:
            return False
        run.status, run.reason, run.waiting = status, reason, None
        self._step(run, Step.END)
        self._jobs.start(f"end {run_id}", self._finish(run, self._execution.finish))
        return True

    async def _dispatch_forever(self) -> None:
        is_stopped = False
        while True:
            await self._woken.wait()
            self._woken.clear()
            try:
                await self._dispatch()
                is_stopped = False
            except RpcFault as fault:
                self._must_reclaim = True  # a lease may have been granted although its answer was lost
                if not is_stopped:
                    self._events.record("dispatch_stopped", reason=fault.message)
                is_stopped = True
                await self._clock.sleep(RETRY_SECONDS)
                self.wake()

    async def _dispatch(self) -> int:
        """Start what may be started; the number of new leases."""
        async with self._leasing:
            self._rest.end()
            if self._must_reclaim:
                await self._reclaim()
                self._must_reclaim = False
            if self._free() > 0:
                await self._execution.reach()  # while no runner can be had entries stay as they are
            self._wake_expired()
            for run in [run for run in self.runs.values() if run.state in {RunState.WAKING, RunState.LEASED}]:
                is_other = self._only_entry not in {None, run.entry.entry_id}
                if self._free() > 0 and not is_other and self._execution.blame.has_turn(run, self.runs.values()):
                    self._launch(run)
            leased, next_run_at = await self._lease()
            await self._return_others()
        moments = [next_run_at, *(run.gate_expires_at for run in self.runs.values())]
        next_at = min((moment for moment in moments if moment is not None), default=None)
        self._alarm.set(next_at)
        if next_at is None and not self.runs:
            self._rest.begin()
        return leased

    async def _lease(self) -> tuple[int, datetime.datetime | None]:
        """Fill the free slots; how many were, and when the queue has more to give if slots are left."""
        leased = 0
        while (free := self._free()) > 0:
            batch = min(free, LEASE_BATCH)
            if self._has_backlog:
                result, next_run_at = await self._queue.lease(batch), None
            else:  # asked together, so that nothing stands between the grant and the start of the run
                result, next_run_at = await asyncio.gather(self._queue.lease(batch), self._queue.next_deadline())
            leased += sum(self._accept(item) for item in result.leased)
            self._rest.hear(result, batch)
            if len(result.leased) < batch:
                if self._has_backlog:
                    next_run_at = await self._queue.next_deadline()
                self._has_backlog = False
                return leased, next_run_at
        self._has_backlog = True
        return leased, None

    def _wake_expired(self) -> None:
        """A gate whose time is over: the runner says what that means when the run is executed again."""
        for run in self.runs.values():
            expires_at = run.gate_expires_at
            if expires_at is not None and expires_at <= self._clock.now():
                run.has_expired = True
                self._step(run, Step.WAKE)

    def _free(self) -> int:
        may_start = not (self.is_paused or self.is_draining)
        if self._only_entry is not None:  # however many stand before it
            return LEASE_BATCH if may_start and self.run_of_entry(self._only_entry) is None else 0
        executed = sum(run.state is RunState.RUNNING for run in self.runs.values())
        return min(
            free_slots(self._settings.pool_size, self.active, may_start=may_start), max(RUNS_PER_RUNNER - executed, 0)
        )

    def _accept(self, item: LeasedEntry) -> int:
        run_id = item.execution.workflow_id
        if run_id in self.runs:
            self._events.record("lease_repeated", workflow_id=run_id, entry_id=item.entry.entry_id)
            return 0
        now = self._clock.now()
        run = Run(run_id=run_id, entry=item.entry, fence=item.execution, leased_at=now)
        self._third_of_a_term = (run.renew_at - now).total_seconds()
        self._register.add(run)
        if not self._execution.blame.has_turn(run, self.runs.values()):
            self._events.record("run_waits_its_turn", workflow_id=run_id, reason=_ONE_AT_A_TIME)
        elif self._only_entry in {None, item.entry.entry_id}:
            self._launch(run)
        return 1

    def _launch(self, run: Run) -> None:
        self._step(run, Step.START)
        self._jobs.start(f"run {run.run_id}", self._finish(run, self._execution.run))

    async def _finish(self, run: Run, work: Callable[[Run], Awaitable[None]]) -> None:
        """Do `work` on the run, then bring its entry to where the run's state says it belongs."""
        await work(run)
        self._register.tell(run)
        if run.state is RunState.FINISHING:
            await self._execution.close(run)
        elif run.state is RunState.RETURNING:
            async with self._leasing:  # so that a returned entry that is to be held cannot be leased in between
                await self._execution.close(run)
        if run.state is RunState.PARKED and run.may_wake:
            run.may_wake = False
            self._step(run, Step.WAKE)
        self._register.forget_if_gone(run)
        self.wake()

    def _step(self, run: Run, step: Step) -> None:
        run.move(step)
        self._register.tell(run)

    def _on_slot(self, run: Run) -> None:
        self._register.tell(run)
        if self._has_backlog or any(other.state is RunState.LEASED for other in self.runs.values()):
            self.wake()  # else nothing waits for the slot, or for its turn

    async def _reclaim(self) -> int:
        """Give back what nobody here knows: an answer was lost, or an earlier process or a dead host had it."""
        assigned = await self._queue.own_and_inherited(self._clock.now())
        found = [entry for entry in assigned if entry.workflow_id not in self.runs]
        for entry in found:
            if entry.execution is not None:
                await self._queue.give_back(entry.execution, "whoever held this lease is gone")
                self._events.record("lease_reclaimed", entry_id=entry.entry_id, workflow_id=entry.workflow_id)
        return len(found)

    async def _return_others(self) -> None:
        """What had to be leased on the way to the only entry goes back; at the end also what waits for its turn."""
        are_others = self._only_entry is not None or self.is_draining
        for run in list(self.runs.values()):  # while one is given back any may be cancelled
            if are_others and run.state is RunState.LEASED:
                await self._queue.give_back(run.fence, "leased, and not to be executed by this host")
                if run.may(Step.LOSE):
                    self._step(run, Step.LOSE)
                self._register.forget_if_gone(run)

    async def _renew_forever(self) -> None:
        while True:
            await self.has_leases.wait()
            now = self._clock.now()
            due = [run for run in self.runs.values() if run.may(Step.LOSE) and run.renew_at <= now]
            for run in due:
                await self._execution.renew(run)
                self._register.forget_if_gone(run)
            earliest = min((run.renew_at for run in self.runs.values() if run.may(Step.LOSE)), default=now)
            # Never longer than a new lease may wait: by a clock that was set back the others seem to have hours.
            seconds = min((earliest - now).total_seconds(), self._third_of_a_term)
            await self._clock.sleep(max(seconds, _SHORTEST_RENEWAL_SECONDS))

    async def _beat_forever(self) -> None:
        while True:
            await self._clock.sleep(self._settings.heartbeat_seconds)
            self.on_beat()
            if self._woken.is_set() or self._leasing.locked() or self._rest.lasts:
                continue  # somebody is looking already, or there was nothing to look for
            try:
                await self._beat()
            except RpcFault as fault:
                self._events.record("heartbeat_failed", reason=fault.message)
                self._must_reclaim = True

    async def _beat(self) -> None:
        """Compare the queue with what is known here; where there is nothing, one question is enough."""
        if not self.runs and await self._queue.is_empty():
            if not self.runs:
                self._rest.begin()
            return
        async with self._leasing:
            reclaimed = await self._reclaim()
            owned = {entry.workflow_id for entry in await self._queue.own_entries()}
            strange = [run for run in self.runs.values() if run.run_id not in owned and run.may(Step.LOSE)]
            for run in strange:
                await self._execution.renew(run)  # tells for certain whether the lease is lost
                self._register.forget_if_gone(run)
        leased = await self._dispatch()
        lost = sum(run.state in {RunState.GONE, RunState.STOPPING} for run in strange)
        if reclaimed or leased or lost:
            self._events.record("heartbeat_found_work", reclaimed=reclaimed, leased=leased, lost=lost)
