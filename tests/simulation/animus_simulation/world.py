"""One seed: a machine, a daemon that is started again whenever it dies, a user, and what goes wrong."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from animus_control.project import Project
from animus_plugin_protocol.wire import control
from animus_queue_default.model.lease import TTL_SETTING
from animus_queue_default.wire.desk import FLOOR_SETTING
from animus_simulation.client import Client, RefusedError, UnansweredError
from animus_simulation.daemon import Daemon, Ids, start_plugin
from animus_simulation.faults import NEVER, Plan
from animus_simulation.fences import FenceWatch
from animus_simulation.launch import Child
from animus_simulation.loop import SimulatedProcess, VirtualLoop
from animus_simulation.machine import SimulatedMachine
from animus_simulation.neighbour import Neighbour
from animus_simulation.notebook import Notebook
from animus_simulation.stream import stream
from animus_simulation.trace import Trace
from animus_simulation.user import User
from animus_simulation.why import states_of
from animus_simulation.workflows import write_project

__all__ = ["World", "settings_of"]

RESTART_SECONDS = (0.2, 30.0)
ASK_AGAIN_SECONDS = 5.0
STALLS = (2.0, 20.0, 45.0, 200.0)
JUMPS = (-7200.0, -90.0, -2.0, 2.0, 90.0, 2400.0, 90_000.0)


def settings_of(plan: Plan) -> dict[str, str]:
    """The environment variables of a plan."""
    return {TTL_SETTING: str(plan.lease_seconds), FLOOR_SETTING: str(plan.compaction_floor)}


class World:
    """Everything of one seed. Attributes are for who judges it afterwards."""

    def __init__(self, loop: VirtualLoop, seed: int, plan: Plan, root: Path, *, keep_all: bool = False) -> None:
        self.loop, self.seed, self.plan = loop, seed, plan
        self.trace = Trace(loop.time, str(root), keep_all=keep_all)
        self.machine = SimulatedMachine(loop, seed, plan, self.trace, root)
        self.project = Project(root / "project", "simulation", root / "state", root / "config")
        write_project(self.project.root, has_schedules=plan.has_schedules, has_triggers=plan.happens_every < NEVER)
        self.project.ensure_state()
        self.ids, self.notebook = Ids(), Notebook()
        self.daemon: Daemon | None = None
        self.daemons: list[Daemon] = []
        self.client = Client(self.machine, lambda: self.daemon)
        self.user = User(self.machine, self.client, self.notebook)
        self.fences = FenceWatch()
        self.unexplained: list[str] = []
        self.on_daemon: list[Callable[[Daemon], None]] = []
        self._chance = stream(f"{seed}/world")

    def everybody(self) -> list[SimulatedProcess]:
        """Every process there ever was."""
        return self.machine.everybody

    async def live(self) -> None:
        """Chaos, then calm until nothing is left to do or time is up."""
        keeping = asyncio.ensure_future(self._keep_daemon())
        troubles = [
            self.user.live(),
            self._stall(),
            self._jump(),
            self._restart(),
            self._happen(),
            self._keep_neighbour(),
        ]
        tasks = [asyncio.ensure_future(work) for work in troubles]
        await asyncio.sleep(self.plan.chaos_seconds)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        self.machine.is_calm = True
        self.trace.tell("calm")
        await self.user.settle()
        await self._ask_why()
        clearing = asyncio.ensure_future(self.user.clear_up())
        with contextlib.suppress(TimeoutError):  # the end comes at once: a schedule may fire in the next moment
            async with asyncio.timeout(self.plan.calm_seconds):
                await self.user.cleared.wait()
        for task in (clearing, keeping):
            task.cancel()
        await asyncio.wait([clearing, keeping])
        self.trace.tell("the end")

    async def _ask_why(self) -> None:
        """Have everything explained that has not ended, once there is a daemon to ask."""
        with contextlib.suppress(UnansweredError, RefusedError):
            listed = await self.client.ask("queue/list", control.QueueListParams(limit=500), quietly=True)
            for row in listed.entries:
                states = await states_of(self.machine, self.client, row.id)
                if "unknown" in states:  # the command asks one thing after another, and a run may end in between
                    await asyncio.sleep(ASK_AGAIN_SECONDS)
                    states = await states_of(self.machine, self.client, row.id)
                self.trace.tell(f"why {row.id}: {', '.join(states)}")
                if "unknown" in states:
                    self.unexplained.append(f"why does not know what keeps entry {row.id}, which is {row.status}")

    async def _keep_daemon(self) -> None:
        """As an init system: there is a daemon, or there will soon be one."""
        while True:
            gone = asyncio.Event()
            self.daemon = Daemon(self.machine, self.project, self.ids, self.fences)
            self.daemons.append(self.daemon)
            self.daemon.process.on_end.append(gone.set)
            for tell in self.on_daemon:
                tell(self.daemon)
            await gone.wait()
            self.daemon = None
            await asyncio.sleep(self._chance.uniform(*RESTART_SECONDS))

    async def _keep_neighbour(self) -> None:
        """While things go wrong there is another host now and then; with the calm it dies, and its leases run out."""

        def start(host: SimulatedProcess, name: str) -> Child:
            return start_plugin(self.machine, self.project, self.ids, self.fences, host, name)

        while self.plan.neighbour_every < NEVER:
            gone = asyncio.Event()
            neighbour = Neighbour(self.machine, start, self.project, self.notebook.ended_elsewhere)
            neighbour.process.on_end.append(gone.set)
            try:
                await gone.wait()
                await asyncio.sleep(self._chance.uniform(*RESTART_SECONDS))
            finally:
                neighbour.process.end()

    async def _stall(self) -> None:
        async for process in self._moments(self.plan.stall_every):
            seconds = self._chance.choice(STALLS)
            self.machine.disturb("stall", f"{process.name} {process.pid} stands still for {seconds:g} s")
            process.stall(seconds)

    async def _jump(self) -> None:
        async for _ in self._moments(self.plan.jump_every):
            self.machine.set_clock(self._chance.choice(JUMPS))

    async def _happen(self) -> None:
        async for _ in self._moments(self.plan.happens_every):
            self.machine.happenings.happen()

    async def _restart(self) -> None:
        async for _ in self._moments(self.plan.restart_every):
            daemon = self.daemon
            if daemon is not None and daemon.kernel is not None and daemon.is_ready:
                self.machine.disturb("restart", "the user restarts the daemon")
                daemon.process.context.copy().run(daemon.kernel.ask_to_stop, "restart")

    async def _moments(self, mean: float) -> Any:
        while mean < NEVER:
            await asyncio.sleep(self._chance.expovariate(1 / mean))
            living = [one for one in self.machine.processes.values() if not one.is_stalled]
            if living:
                yield self._chance.choice(living)
        await asyncio.sleep(NEVER)
