"""A person at the command line: asks for work, steers it, changes the mind, restarts the daemon; later clears up."""

import asyncio
import datetime
from collections.abc import Callable
from typing import Any

from animus_kernel.dispatch.run import ENDED_STATUSES
from animus_plugin_protocol.wire import control
from animus_plugin_protocol.wire.dispatch import SubjectDispatch, SubjectRef
from animus_simulation.client import Client, RefusedError, UnansweredError
from animus_simulation.machine import SimulatedMachine
from animus_simulation.notebook import Notebook, Wish
from animus_simulation.stream import stream

__all__ = ["User"]

SUBJECTS = 6
WISHES = 14
RETRY_SECONDS = 3.0
SETTLE_SECONDS = 1800.0
RUNS_LOOKED_AT = 4
LOOK_SECONDS = 60.0
"""How often the person looks around once things are calm."""

_STEERING = {"workflow/pause": "pause", "workflow/cancel": "cancel", "workflow/resume": "resume"}


class User:
    """Acts by chance, notes what was promised.

    Attributes:
        cleared: set when nothing is left on the queue.
        on_promise: called whenever something was acknowledged.
    """

    def __init__(self, machine: SimulatedMachine, client: Client, notebook: Notebook) -> None:
        self._machine, self._client, self._notebook = machine, client, notebook
        self._chance = stream(f"{machine.seed}/user")
        self._asking: dict[asyncio.Task[None], None] = {}
        self.cleared = asyncio.Event()
        self.on_promise: Callable[[], None] = lambda: None

    async def live(self) -> None:
        """Act until told otherwise."""
        acts = [self._wish] * 6 + [self._gate] * 4 + [self._hold, self._release] * 2
        acts += [self._steer] * 2 + [self._drop, self._pause_daemon]
        for number in range(3):
            self._begin(self._wish(number))
        while True:
            await asyncio.sleep(self._chance.expovariate(1 / self._machine.plan.act_every))
            self._begin(self._chance.choice(acts)(self._chance.randrange(10**6)))

    def _begin(self, act: Any) -> None:
        task = asyncio.ensure_future(self._quietly(act))
        self._asking[task] = None
        task.add_done_callback(self._asking.pop)

    async def _quietly(self, act: Any) -> None:
        try:
            await act
        except (RefusedError, UnansweredError):
            return

    async def settle(self) -> None:
        """Wait for what was asked for to be answered."""
        if self._asking:
            await asyncio.wait(list(self._asking), timeout=SETTLE_SECONDS)

    async def clear_up(self) -> None:
        """Free whatever waits for a person, as long as anything does."""
        while True:
            try:
                await self._client.ask("daemon/resume", control.EmptyParams(), quietly=True)
                listed = await self._client.ask("queue/list", control.QueueListParams(limit=500), quietly=True)
                if not listed.entries:
                    self.cleared.set()
                for row in listed.entries:
                    await self._free(row)
            except (RefusedError, UnansweredError):
                pass
            await asyncio.sleep(LOOK_SECONDS)

    async def _free(self, row: control.QueueEntryRow) -> None:
        if row.status == "held":
            await self._let_go(row.id)
            return
        if row.workflow_id is None:
            return
        try:
            run = await self._client.ask("workflow/get", control.WorkflowGetParams(id=row.workflow_id), quietly=True)
            if run.status != "paused" or run.waiting is None:
                return
            if run.waiting.kind == "gate":
                await self._client.ask("workflow/phase/approve", control.PhaseGateParams(id=run.id))
            else:
                await self._resume(run.id, force=True)
        except RefusedError:
            return

    async def _wish(self, number: int) -> None:
        notebook, chance = self._notebook, stream(f"{self._machine.seed}/wish/{number}")
        if len(notebook.wishes) >= WISHES:
            return
        subject = f"T-{chance.randrange(SUBJECTS)}"
        run_at = expiry = None
        if chance.random() < 0.2:
            run_at = (self._machine.now() + datetime.timedelta(seconds=chance.choice((5, 100, 2000)))).isoformat()
        if chance.random() < 0.1:
            expiry = chance.choice((30, 600))
        wish = Wish(
            f"wish-{len(notebook.wishes)}",
            f"custom:{subject}",
            chance.choice(self._machine.plan.workflows),
            expiry is not None,
        )
        notebook.wishes[wish.key] = wish
        dispatch = SubjectDispatch(
            subject=SubjectRef(kind="custom", id=subject, title=subject),
            workflow_ref=wish.workflow,
            trigger_source="manual",
            requested_at=self._machine.now().isoformat(),
            priority=chance.choice((None, "low", "critical")),
        )
        params = control.QueueEnqueueParams(
            subject_dispatch=dispatch, idempotency_key=wish.key, run_at=run_at, expire_after_secs=expiry
        )
        while wish.entry_id is None:  # until it is answered: the key makes asking again harmless
            try:
                receipt = await self._client.ask("queue/enqueue", params)
            except UnansweredError:
                await asyncio.sleep(RETRY_SECONDS)
            except RefusedError:  # the subject is at work with another workflow
                wish.is_refused = True
                return
            else:
                wish.entry_id = receipt.entry_id
                self.on_promise()

    def _entry(self) -> str | None:
        known = [wish.entry_id for wish in self._notebook.acknowledged if wish.entry_id is not None]
        return self._chance.choice(known) if known else None

    async def _hold(self, _: int) -> None:
        entry_id = self._entry()
        if entry_id is None:
            return
        released, before = self._notebook.released, self._notebook.released[entry_id]
        result = await self._client.ask("queue/hold", control.QueueHoldParams(id=entry_id, reason="wait"))
        if entry_id in result.changed and not self._notebook.releasing[entry_id] and released[entry_id] == before:
            self._notebook.held[entry_id] = self._machine.loop.time()

    async def _release(self, _: int) -> None:
        entry_id = self._entry()
        if entry_id is not None:
            await self._let_go(entry_id)

    async def _let_go(self, entry_id: str) -> None:
        self._notebook.held.pop(entry_id, None)
        self._notebook.released[entry_id] += 1
        self._notebook.releasing[entry_id] += 1
        try:
            await self._client.ask("queue/release", control.QueueEntryIdParams(id=entry_id))
        except UnansweredError:
            self._notebook.releasing[entry_id] += 1  # for ever: it may be done at any time from now on
            raise
        finally:
            self._notebook.releasing[entry_id] -= 1

    async def _drop(self, _: int) -> None:
        entry_id = self._entry()
        if entry_id is None or self._chance.random() < 0.5:
            return
        self._notebook.ending_wished.add(entry_id)
        self._notebook.held.pop(entry_id, None)
        result = await self._client.ask("queue/drop", control.QueueEntryIdParams(id=entry_id))
        if entry_id in result.changed:
            self._notebook.dropped.add(entry_id)
            self.on_promise()

    async def _run(self) -> control.WorkflowGetResult | None:
        """A run that has not ended, if a few looks find one."""
        for _ in range(RUNS_LOOKED_AT):
            entry_id = self._entry()
            if entry_id is None:
                return None
            run = await self._client.ask("workflow/get", control.WorkflowGetParams(id=entry_id), quietly=True)
            if run.id != entry_id and run.status not in ENDED_STATUSES:
                return run
        return None

    async def _gate(self, _: int) -> None:
        run = await self._run()
        if run is None or run.waiting is None or run.waiting.kind != "gate":
            return
        word = self._chance.choice(("approve", "approve", "approve", "reject"))
        await self._client.ask(f"workflow/phase/{word}", control.PhaseGateParams(id=run.id))

    async def _steer(self, _: int) -> None:
        run = await self._run()
        if run is None:
            return
        operation = self._chance.choice(("workflow/pause", "workflow/resume", "workflow/resume", "workflow/cancel"))
        if operation == "workflow/resume":
            await self._resume(run.id, force=self._chance.random() < 0.5)
            return
        if operation == "workflow/cancel":
            self._notebook.ending_wished.add(run.id)
        result = await self._client.ask(operation, control.WorkflowSteerParams(id=run.id, reason="as I like"))
        if operation == "workflow/cancel" and result.status == "cancelled":
            self._notebook.cancelled.add(run.id)

    async def _resume(self, run_id: str, *, force: bool) -> None:
        if force:
            self._notebook.forced[run_id] = self._notebook.forced.get(run_id, 0) + 1
        await self._client.ask("workflow/resume", control.WorkflowResumeParams(id=run_id, force=force))

    async def _pause_daemon(self, _: int) -> None:
        await self._client.ask("daemon/pause", control.EmptyParams())
        await asyncio.sleep(self._chance.choice((5.0, 60.0)))
        await self._client.ask("daemon/resume", control.EmptyParams())
