"""A second host on the same queue: another program with a queue process of its own, which leases and works as it likes.

It speaks the protocol and nothing else; what it leases it renews, ends, gives back, or forgets as a host does that
hangs. When it dies its leases run out, and who is left has to do the work.
"""

import asyncio
import functools
import itertools
from collections.abc import Callable
from typing import Any

from animus_control.project import Project
from animus_plugin_protocol import methods
from animus_plugin_protocol.errors import RpcFault
from animus_plugin_protocol.wire import queue_v2 as wire
from animus_plugin_protocol.wire.dispatch import ExecutionFence, SubjectDispatch, SubjectRef
from animus_plugin_protocol.wire.lifecycle import InitExtensions, ProjectBinding
from animus_plugin_runtime import Connection, HostOffer
from animus_plugin_runtime.running import Launch
from animus_process import ProcessLedger
from animus_simulation.launch import Child, candidate, launch
from animus_simulation.loop import SimulatedProcess
from animus_simulation.machine import SimulatedMachine
from animus_simulation.stream import stream

__all__ = ["NEIGHBOUR", "Neighbour"]

NEIGHBOUR = "neighbour"
CALL_SECONDS = 30.0
WORK_SECONDS = (0.5, 20.0, 300.0)
RETRY_SECONDS = 2.0


class Neighbour:
    """One process of the other host, from its start to its end.

    Args:
        machine: where it runs.
        start: starts a plugin's process for a host.
        project: whose queue it is.
        ended: takes the entries whose end it tells the queue.
    """

    def __init__(
        self,
        machine: SimulatedMachine,
        start: Callable[[SimulatedProcess, str], Child],
        project: Project,
        ended: set[str],
    ) -> None:
        self.machine, self.ended = machine, ended
        self._start, self._project = start, project
        self._numbers = itertools.count(1)
        self.process = machine.start(NEIGHBOUR)
        self._chance = stream(f"{machine.seed}/neighbour/{self.process.pid}")
        self.process.spawn(self._serve())

    async def _serve(self) -> None:
        root, state_dir = self._project.root, self._project.state_dir
        binding = ProjectBinding(project_root=str(root), repo_scope=self._project.repo_scope, state_dir=str(state_dir))
        offer = HostOffer(name=NEIGHBOUR, version="1.0.0", extensions=InitExtensions(project_binding=binding))
        wanted = Launch(candidate("queue"), offer, root, ProcessLedger(state_dir / "processes"))
        start = functools.partial(self._start, self.process)
        while True:
            try:
                running = await launch(start, wanted)
                await self._live(running.connection)
            except RpcFault:
                await asyncio.sleep(RETRY_SECONDS)

    async def _live(self, queue: Connection) -> None:
        """Lease and work until the queue cannot be asked any more."""
        works: set[asyncio.Task[None]] = set()
        while queue.is_open:
            await asyncio.sleep(self._chance.expovariate(1 / self.machine.plan.neighbour_every))
            if self._chance.random() < 0.2:
                await self._enqueue(queue)
                continue
            ids = [f"away-{self.process.pid}-{next(self._numbers)}" for _ in range(self._chance.randint(1, 3))]
            params = wire.FencedLeaseParams(max=len(ids), owner_id=f"{NEIGHBOUR}:{self.process.pid}", workflow_ids=ids)
            result = await queue.call(methods.QUEUE_V2_LEASE, params, timeout_seconds=CALL_SECONDS)
            for item in result.leased:
                task = asyncio.ensure_future(self._work(queue, item))
                works.add(task)
                task.add_done_callback(works.discard)

    async def _enqueue(self, queue: Connection) -> None:
        number = self._chance.randrange(3)
        subject = SubjectRef(kind="custom", id=f"N-{number}", title="from next door")
        dispatch = SubjectDispatch(
            subject=subject, workflow_ref="plain", trigger_source="manual", requested_at=self.machine.now().isoformat()
        )
        params = wire.FencedEnqueueParams(subject_dispatch=dispatch)
        await queue.call(methods.QUEUE_V2_ENQUEUE, params, timeout_seconds=CALL_SECONDS)

    async def _work(self, queue: Connection, item: wire.LeasedEntry) -> None:
        fence, seconds = item.execution, self._chance.choice(WORK_SECONDS) * self._chance.uniform(0.5, 1.5)
        way = self._chance.choice(("end", "end", "give back", "give back", "forget"))
        try:
            if way == "forget":
                return
            if not await self._keep(queue, fence, seconds):
                return
            if way == "give back":
                params: Any = wire.FencedReleasePendingParams(execution=fence, reason="not mine")
                await queue.call(methods.QUEUE_V2_RELEASE_PENDING, params, timeout_seconds=CALL_SECONDS)
                return
            self.ended.add(item.entry.entry_id)
            status = self._chance.choice(("completed", "failed", "cancelled"))
            params = wire.FencedCompletionParams(execution=fence, status=status)
            await queue.call(methods.QUEUE_V2_COMPLETION, params, timeout_seconds=CALL_SECONDS)
        except RpcFault:
            return

    async def _keep(self, queue: Connection, fence: ExecutionFence, seconds: float) -> bool:
        """Work for so long, the lease renewed at each third of its term; False when it is lost."""
        until, pause = self.machine.loop.time() + seconds, self.machine.plan.lease_seconds / 3
        while (left := until - self.machine.loop.time()) > 0:
            await asyncio.sleep(min(left, pause))
            params = wire.FencedRenewParams(execution=fence)
            result = await queue.call(methods.QUEUE_V2_LEASE_RENEW, params, timeout_seconds=CALL_SECONDS)
            if result.outcome != "applied":
                return False
        return True
