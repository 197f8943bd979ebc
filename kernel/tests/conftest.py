"""Doubles at the plugin seam: a queue and a runner in memory, and a clock that tests move."""

import asyncio
import datetime
import itertools
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from animus_composition.pack import Packs
from animus_composition.settings import DaemonSettings
from animus_control.event_file import read_events
from animus_control.event_log import EventLog
from animus_control.jobs import Jobs
from animus_control.project import Project
from animus_kernel.dispatch.dispatcher import Dispatcher
from animus_kernel.dispatch.execution import Execution
from animus_kernel.dispatch.lease import FencedQueue
from animus_kernel.dispatch.projection import Projector
from animus_kernel.dispatch.run import Run
from animus_plugin_protocol import methods
from animus_plugin_protocol.errors import ErrorCode, RefusedError, RetriableError
from animus_plugin_protocol.wire import queue, queue_v2
from animus_plugin_protocol.wire.dispatch import (
    ExecutionFence,
    FenceSubject,
    QueueLease,
    SubjectDispatch,
    SubjectRef,
    qualified_id,
)
from animus_plugin_protocol.wire.workflow_runner import WaitingFor, WorkflowExecuteResult, WorkflowSignalResult
from animus_plugin_runtime.redaction import redacted

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
TTL = datetime.timedelta(seconds=120)


class HandClock:
    """Time stands still until `advance`."""

    def __init__(self) -> None:
        self.moment = START
        self._sleepers: list[tuple[datetime.datetime, asyncio.Future[None]]] = []

    def now(self) -> datetime.datetime:
        return self.moment

    async def sleep(self, seconds: float) -> None:
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.moment + datetime.timedelta(seconds=seconds), wake))
        await wake

    def set_by(self, seconds: float) -> None:
        """Somebody sets the clock; who sleeps, sleeps on for as long as before."""
        step = datetime.timedelta(seconds=seconds)
        self.moment += step
        self._sleepers = [(at + step, wake) for at, wake in self._sleepers]

    async def advance(self, seconds: float) -> None:
        """Move on, stopping at every moment at which somebody wakes."""
        end = self.moment + datetime.timedelta(seconds=seconds)
        while True:
            due = min((at for at, wake in self._sleepers if at <= end and not wake.done()), default=None)
            if due is None:
                break
            self.moment = max(due, self.moment)
            for at, wake in self._sleepers:
                if at <= self.moment and not wake.done():
                    wake.set_result(None)
            self._sleepers = [row for row in self._sleepers if not row[1].done()]
            await settle()
        self.moment = end
        await settle()


async def settle() -> None:
    """Let everything that can run, run."""
    for _ in range(60):
        await asyncio.sleep(0)


class MemoryQueue:
    """The v2 semantics of protocol section 6 that the kernel relies on."""

    def __init__(self, clock: HandClock) -> None:
        self.clock = clock
        self.entries: dict[str, queue.QueueEntry] = {}
        self.finished: dict[str, str] = {}
        self.is_away = False
        self.loses_next_answer = False
        self.calls: list[str] = []
        self.blocked: list[dict[str, str]] = []
        self._numbers = itertools.count(1)
        self._generations: dict[str, int] = {}

    def add(self, subject: str = "", *, run_at: datetime.datetime | None = None, kind: str = "thing") -> str:
        number = next(self._numbers)
        entry_id = f"e{number}"
        reference = SubjectRef(kind=kind, id=subject or f"S{number}", title="t")
        dispatch = SubjectDispatch(
            subject=reference, workflow_ref="w", trigger_source="manual", requested_at=START.isoformat()
        )
        self.entries[entry_id] = queue.QueueEntry(
            entry_id=entry_id,
            subject_id=qualified_id(kind, reference.id),
            subject_dispatch=dispatch,
            status="pending",
            enqueued_at=START.isoformat(),
            run_at=run_at.isoformat() if run_at else None,
        )
        return entry_id

    def status_of(self, entry_id: str) -> str:
        return self.finished.get(entry_id) or self.entries[entry_id].status

    def take_over(self, entry_id: str) -> None:
        """Another owner gets the lease."""
        entry = self.entries[entry_id]
        lease = entry.execution.queue_lease
        other = msgspec.structs.replace(lease, owner_id="other", generation=lease.generation + 1)
        self._put(entry, execution=msgspec.structs.replace(entry.execution, queue_lease=other))

    def handle(self, method: str, params: Any) -> Any:
        self.calls.append(method)
        if self.is_away:
            raise RetriableError("the queue is away", code=ErrorCode.HOST_PLUGIN_DIED)
        result = getattr(self, method.removeprefix("queue/").replace("v2/", "").replace("/", "_"))(params)
        if self.loses_next_answer:
            self.loses_next_answer = False
            raise RetriableError("the queue died after it wrote", code=ErrorCode.HOST_PLUGIN_DIED)
        return result

    def stats(self, _: Any) -> queue.QueueStats:
        return queue.QueueStats(total=len(self.entries), pending=len(self.entries), assigned=0, held=0)

    def lease(self, params: queue_v2.FencedLeaseParams) -> queue_v2.FencedLeaseResult:
        assert len(params.workflow_ids) == params.max
        ids = iter(params.workflow_ids)
        leased = []
        for entry in list(self.entries.values()):
            if len(leased) == params.max:
                break
            if entry.status != "pending" or not self._is_due(entry):
                continue
            generation = self._generations.get(entry.entry_id, 0) + 1
            self._generations[entry.entry_id] = generation
            fence = ExecutionFence(
                schema="animus.execution-fence.v1",
                version=1,
                workflow_id=entry.workflow_id or next(ids),
                workflow_generation=1,
                subject=FenceSubject(qualified_id=entry.subject_id, generation=1),
                queue_lease=QueueLease(
                    entry_id=entry.entry_id,
                    owner_id=params.owner_id,
                    generation=generation,
                    expires_at=self.clock.now() + TTL,
                ),
            )
            changed = self._put(entry, status="assigned", workflow_id=fence.workflow_id, execution=fence)
            leased.append(queue_v2.LeasedEntry(entry=changed, execution=fence))
        blocked = msgspec.convert(self.blocked, list[queue_v2.BlockedEntry])
        return queue_v2.FencedLeaseResult(leased=leased, blocked=blocked)

    def lease_renew(self, params: queue_v2.FencedRenewParams) -> queue_v2.FencedMutationResult:
        verdict = self._judge(params.execution)
        if verdict is not None:
            return verdict
        entry = self.entries[params.execution.queue_lease.entry_id]
        if entry.execution.queue_lease.expires_at < self.clock.now():
            return queue_v2.FencedMutationResult(outcome="stale_fence", reason="expired")
        renewed = msgspec.structs.replace(entry.execution.queue_lease, expires_at=self.clock.now() + TTL)
        fence = msgspec.structs.replace(entry.execution, queue_lease=renewed)
        self._put(entry, execution=fence)
        return queue_v2.FencedMutationResult(outcome="applied", execution=fence)

    def lease_recover(self, params: queue_v2.FencedRecoverParams) -> queue_v2.FencedMutationResult:
        verdict = self._judge(params.execution)
        if verdict is not None:
            return verdict
        entry = self.entries[params.execution.queue_lease.entry_id]
        held = entry.execution.queue_lease
        assert params.new_owner_id != held.owner_id
        if held.expires_at >= self.clock.now():
            return queue_v2.FencedMutationResult(outcome="lease_still_live")
        taken = QueueLease(
            entry_id=entry.entry_id,
            owner_id=params.new_owner_id,
            generation=held.generation + 1,
            expires_at=self.clock.now() + TTL,
        )
        self._generations[entry.entry_id] = taken.generation
        fence = msgspec.structs.replace(entry.execution, queue_lease=taken)
        self._put(entry, execution=fence)
        return queue_v2.FencedMutationResult(outcome="applied", execution=fence)

    def completion(self, params: queue_v2.FencedCompletionParams) -> queue_v2.FencedMutationResult:
        entry_id = params.execution.queue_lease.entry_id
        if entry_id in self.finished:
            return queue_v2.FencedMutationResult(outcome="already_applied")
        verdict = self._judge(params.execution)
        if verdict is None:
            self.finished[entry_id] = params.status
            del self.entries[entry_id]
        return verdict or queue_v2.FencedMutationResult(outcome="applied")

    def release_pending(self, params: queue_v2.FencedReleasePendingParams) -> queue_v2.FencedMutationResult:
        verdict = self._judge(params.execution)
        if verdict is None:
            self._put(self.entries[params.execution.queue_lease.entry_id], status="pending", execution=None)
        return verdict or queue_v2.FencedMutationResult(outcome="applied")

    def hold(self, params: queue.QueueHoldParams) -> queue.QueueMutationResult:
        self._put(self.entries[params.entry_id], status="held", hold_reason=params.reason)
        return queue.QueueMutationResult(changed=True)

    def list(self, params: queue.QueueListParams) -> queue.QueueListResult:
        rows = [entry for entry in self.entries.values() if not params.status or entry.status in params.status]
        offset = params.offset or 0
        stats = queue.QueueStats(total=len(self.entries), pending=0, assigned=0, held=0)
        return queue.QueueListResult(entries=rows[offset : offset + (params.limit or 50)], total=len(rows), stats=stats)

    def next_deadline(self, _: Any) -> queue.QueueNextDeadlineResult:
        waiting = [entry.run_at for entry in self.entries.values() if entry.status == "pending" and entry.run_at]
        return queue.QueueNextDeadlineResult(
            next_run_at=min((at for at in waiting if at > self.clock.now().isoformat()), default=None)
        )

    def _is_due(self, entry: queue.QueueEntry) -> bool:
        return entry.run_at is None or datetime.datetime.fromisoformat(entry.run_at) <= self.clock.now()

    def _judge(self, fence: ExecutionFence) -> queue_v2.FencedMutationResult | None:
        entry = self.entries.get(fence.queue_lease.entry_id)
        if entry is None:
            return queue_v2.FencedMutationResult(outcome="not_found")
        if entry.status != "assigned" or entry.execution is None:
            return queue_v2.FencedMutationResult(outcome="not_assigned")
        held, shown = entry.execution.queue_lease, fence.queue_lease
        if (held.owner_id, held.generation) != (shown.owner_id, shown.generation):
            return queue_v2.FencedMutationResult(outcome="stale_fence", reason="taken over")
        return None

    def _put(self, entry: queue.QueueEntry, **changes: Any) -> queue.QueueEntry:
        self.entries[entry.entry_id] = msgspec.structs.replace(entry, **changes)
        return self.entries[entry.entry_id]


class MemoryRunner:
    """Executes runs until the test says how they end."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.signals: list[tuple[str, str]] = []
        self.knows_signals = True
        self.waiting: dict[str, str] | None = None
        self._ends: dict[str, asyncio.Future[Any]] = {}
        self._notes: dict[str, Callable[[str, msgspec.Raw], None]] = {}

    @property
    def executing(self) -> list[str]:
        return [run_id for run_id, end in self._ends.items() if not end.done()]

    async def execute(self, params: Any, on_note: Any) -> bytes:
        assert params.workflow_id not in self.executing, "one run is executed twice at once"
        self.started.append(params.workflow_id)
        self._notes[params.workflow_id] = on_note
        end = self._ends[params.workflow_id] = asyncio.get_running_loop().create_future()
        try:
            status, reason = await end
        except asyncio.CancelledError:
            end.cancel()
            raise
        return msgspec.json.encode(
            WorkflowExecuteResult(
                workflow_id=params.workflow_id,
                workflow_ref="w",
                workflow_status=status,
                subject_id="s",
                execution_cwd="/",
                phases_requested=[],
                phases_completed=0,
                phases_total=0,
                total_duration_secs=0,
                phase_results=[],
                post_success=None,
                success=status == "completed",
                reason=reason,
                waiting=msgspec.convert(self.waiting, WaitingFor | None),
            )
        )

    async def end(self, run_id: str, status: str = "completed", reason: str | None = None) -> None:
        self._ends[run_id].set_result((status, reason))
        await settle()

    async def die(self) -> None:
        for run_id in self.executing:
            self._ends[run_id].set_exception(RetriableError("the runner died", code=ErrorCode.HOST_PLUGIN_DIED))
        await settle()

    async def refuse(self, run_id: str, message: str) -> None:
        self._ends[run_id].set_exception(RefusedError(message, code=ErrorCode.WORKFLOW_NOT_FOUND))
        await settle()

    def progress(self, run_id: str, **event: Any) -> None:
        note = {"id": 1, "value": {"phase_id": "p", "ts": START.isoformat(), **event}}
        self._notes[run_id](methods.PROGRESS, msgspec.Raw(msgspec.json.encode(note)))

    def signal(self, params: Any) -> Any:
        if not self.knows_signals:
            raise RefusedError("no such method", code=ErrorCode.METHOD_NOT_FOUND)
        self.signals.append((params.workflow_id, params.signal))
        if params.signal == "cancel" and params.workflow_id in self.executing:
            self._ends[params.workflow_id].set_result(("cancelled", params.note))
        return WorkflowSignalResult(workflow_id=params.workflow_id, status="running", runnable=False)


async def _sweep() -> None:
    await asyncio.sleep(0)


class World:
    """A dispatcher with everything around it."""

    def __init__(self, tmp_path: Path, **settings: Any) -> None:
        self.clock = HandClock()
        self.queue = MemoryQueue(self.clock)
        self.runner = MemoryRunner()
        self.failures: list[BaseException] = []
        self.subject_statuses: list[tuple[str, str]] = []
        self.packs = Packs([], [])
        self.events_path = tmp_path / "events.jsonl"
        self.settings = DaemonSettings(**settings)
        self.unreachable: RetriableError | None = None
        self.events: EventLog | None = None
        self.restart()

    def restart(self, only_entry: str | None = None) -> None:
        """A new kernel over the same queue."""
        self.close()
        self.events = EventLog(self.events_path, Path("/project"), redacted)
        self.jobs = Jobs(lambda _, error: self.failures.append(error))
        self.fenced = FencedQueue(self, "scope-1")
        projector = Projector(self, self.packs, self.events)
        execution = Execution(self, self.fenced, projector, self.events, self.clock, _sweep, self.reach)
        self.dispatcher = Dispatcher(self.fenced, execution, self.settings, self.jobs, only_entry)

    async def call(
        self,
        kind: str,
        method: str,
        params: Any = None,
        *,
        timeout_seconds: float | None = None,
        on_note: Any = None,
    ) -> bytes:
        await asyncio.sleep(0)
        if kind == "queue":
            return msgspec.json.encode(self.queue.handle(method, params))
        if method == methods.WORKFLOW_EXECUTE:
            return await self.runner.execute(params, on_note)
        if method == methods.WORKFLOW_SIGNAL:
            return msgspec.json.encode(self.runner.signal(params))
        if kind.startswith("subject_backend:"):
            self.subject_statuses.append((params.id, params.status.value))
            raise RefusedError("the double keeps no subjects")
        raise AssertionError(method)

    def close(self) -> None:
        """Let go of the file of events."""
        if self.events is not None:
            self.events.close()
            self.events = None

    async def reach(self) -> None:
        if self.unreachable is not None:
            raise self.unreachable

    async def start(self) -> None:
        self.dispatcher.start()
        await settle()

    async def settle(self) -> None:
        await settle()

    async def wake(self) -> None:
        self.dispatcher.wake()
        await settle()

    async def crash(self) -> None:
        """The kernel's process is gone, and with it the runner's."""
        await self.jobs.close()
        self.runner = MemoryRunner()
        self.restart()

    def kinds(self) -> list[str]:
        return [event.kind for event in read_events(self.events_path)]


@pytest.fixture
def drive(tmp_path: Path) -> Callable[..., None]:
    """Runs a coroutine function over a fresh world, and checks that nothing broke in silence."""

    def run(scenario: Callable[[World], Awaitable[None]], **settings: Any) -> None:
        async def scene() -> None:
            world = World(tmp_path, **settings)
            try:
                async with asyncio.timeout(60):
                    await scenario(world)
            finally:
                await world.jobs.close()
                world.close()
            assert world.failures == []

        asyncio.run(scene())

    return run


@pytest.fixture
def world_type() -> type[World]:
    return World


@pytest.fixture
def make_run() -> Callable[[], Run]:
    """A leased run."""

    def make() -> Run:
        memory = MemoryQueue(HandClock())
        memory.add()
        params = queue_v2.FencedLeaseParams(max=1, owner_id="o", workflow_ids=["run-1"])
        leased = memory.lease(params).leased[0]
        return Run(run_id="run-1", entry=leased.entry, fence=leased.execution, leased_at=START)

    return make


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root = tmp_path / "project"
    root.mkdir()
    return Project(root, "project-000000000000", tmp_path / "a" / "project-000000000000", tmp_path / "a")


@pytest.fixture
def hand_clock() -> HandClock:
    """Time that stands still until it is advanced; it begins at 2026-01-01T00:00Z."""
    return HandClock()


@pytest.fixture
def settled() -> Callable[[], Awaitable[None]]:
    """Lets everything that can run, run."""
    return settle
