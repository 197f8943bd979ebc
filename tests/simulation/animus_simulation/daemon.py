"""The daemon in the simulation: the real kernel, started and stopped as `animus_kernel.serving.daemon` does."""

import asyncio
import functools
import itertools
from pathlib import Path
from typing import Any

from animus_composition.assembly import Assembly
from animus_composition.flavor import Flavor
from animus_composition.pack import Packs
from animus_composition.roles import REQUIRED_ROLES, RoleTable
from animus_composition.settings import DaemonSettings
from animus_control.project import Project
from animus_kernel.kernel import DAEMON, Kernel
from animus_kernel.machine import Machine
from animus_plugin_protocol import Plugin
from animus_plugin_protocol.errors import RpcFault
from animus_plugin_runtime import Discovery, SupervisedPlugin
from animus_plugin_runtime.loop_lag import LoopLag
from animus_queue_default.wire.adapter import build as build_queue
from animus_simulation.agents import build_provider
from animus_simulation.clocks import AsyncClock, QueueClock
from animus_simulation.disk import SimulatedFiles
from animus_simulation.fences import FenceWatch
from animus_simulation.journal import SimulatedJournal
from animus_simulation.launch import Child, candidate, launch
from animus_simulation.loop import SimulatedProcess
from animus_simulation.machine import SimulatedMachine
from animus_simulation.pipe import Pipe
from animus_simulation.plugin import PluginProcess
from animus_simulation.sensor import build_sensor
from animus_simulation.stream import stream
from animus_simulation.workflows import PROVIDERS, SENSOR
from animus_workflow_runner_default.engine.services import Services
from animus_workflow_runner_default.phases.command_phase import CommandPhase
from animus_workflow_runner_default.programs.processes import Processes
from animus_workflow_runner_default.wire.adapter import build as build_runner

__all__ = ["Daemon", "Ids", "RunnerServices", "start_plugin"]

ENVIRON = {"PATH": "/usr/bin:/bin", "HOME": "/nowhere"}
START_SECONDS = (0.02, 0.4)

SIGNAL_ANSWER = "signal-answer"
"""The point at which a runner has done what a signal asks and says so."""


class Ids:
    """Ids in the order in which they are asked for."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def run(self) -> str:
        return f"run-{next(self._numbers):016x}"

    def entry(self) -> str:
        return f"00000000-0000-4000-8000-{next(self._numbers):012x}"


class _Ledger:
    """The process records, as far as the runner asks."""

    def __init__(self, machine: SimulatedMachine) -> None:
        self._machine = machine

    def sweep(self, *, grace_seconds: float = 0.0) -> list[Any]:
        self._machine.programs.sweep()
        return []


class RunnerServices(Services):
    """What runs share, without threads and real processes."""

    def __init__(self, machine: SimulatedMachine, project: Project, process: SimulatedProcess) -> None:
        def open_journal(path: Path) -> SimulatedJournal:
            return SimulatedJournal(
                path,
                process,
                is_dead=machine.is_dead,
                reach=lambda point: machine.reach(process, "runner", point),
                chance=stream(f"{machine.seed}/journal/{process.pid}"),
            )

        clock = AsyncClock(machine)
        super().__init__(project.root, project.state_dir, clock=clock, environ=ENVIRON, open_journal=open_journal)
        self.processes = Processes(_Ledger(machine))
        self.commands = CommandPhase(self.processes, clock, ENVIRON, run_program=machine.programs.run)


def start_plugin(
    machine: SimulatedMachine,
    project: Project,
    ids: Ids,
    fences: FenceWatch,
    host: SimulatedProcess,
    name: str,
) -> Child:
    """Start the process of ``queue``, ``runner`` or a provider for `host`."""
    process = machine.start(name, host)
    chance = stream(f"{machine.seed}/pipes/{process.pid}")

    def to_plugin(data: bytes) -> None:
        machine.trace.tell(f"-> {name} {process.pid} {_shown(data)}")
        machine.reach(host, host.name, "frame")

    def to_host(data: bytes) -> None:
        machine.trace.tell(f"<- {name} {process.pid} {_shown(data)}")
        fences.see(data)
        point = SIGNAL_ANSWER if b'"runnable":' in data else "frame"
        machine.reach(process, "provider" if name in PROVIDERS else name, point)

    stdin = Pipe(machine.loop, chance, writer=host, reader=process, on_written=to_plugin)
    stdout = Pipe(machine.loop, chance, writer=process, reader=host, on_written=to_host)

    def begin() -> None:
        PluginProcess(machine.loop, process, _build(machine, project, ids, process), stdin=stdin, stdout=stdout)

    machine.loop.call_later(chance.uniform(*START_SECONDS), begin, context=process.context)
    return Child(process, stdin, stdout, machine.sweep)


def _build(machine: SimulatedMachine, project: Project, ids: Ids, process: SimulatedProcess) -> Plugin:
    if process.name in PROVIDERS:
        return build_provider(machine.agents, process.name, lambda point: machine.reach(process, "provider", point))
    if process.name == SENSOR:
        return build_sensor(machine.happenings, process)
    if process.name == "runner":
        return build_runner(lambda _root, _state: RunnerServices(machine, project, process))
    files = SimulatedFiles(machine.disk, process, lambda point: machine.reach(process, "queue", point))
    return build_queue(QueueClock(machine, machine.disk.settle), files, ids.entry)


def _shown(data: bytes) -> str:
    return data.decode(errors="replace").rstrip("\n")


class Daemon:
    """One daemon process.

    Attributes:
        kernel: once it is there.
        is_ready: whether it takes requests.
    """

    def __init__(self, machine: SimulatedMachine, project: Project, ids: Ids, fences: FenceWatch) -> None:
        self.machine, self.project, self.ids, self.fences = machine, project, ids, fences
        self.kernel: Kernel | None = None
        self.is_ready = False
        self.process = machine.start("daemon")
        self.process.spawn(self._serve())

    async def sweep(self) -> None:
        """End what dead hosts and runners left behind."""
        await asyncio.sleep(0.001)
        self.machine.sweep()

    def _start(self, name: str) -> Child:
        return start_plugin(self.machine, self.project, self.ids, self.fences, self.process, name)

    def _make(self) -> Kernel:
        plan = self.machine.plan
        settings = DaemonSettings(pool_size=plan.pool_size, heartbeat_seconds=plan.heartbeat_seconds)
        clock = AsyncClock(self.machine)
        supervise = functools.partial(SupervisedPlugin, clock=clock, launch=functools.partial(launch, self._start))
        kernel = Kernel(
            self.project,
            _assembly(),
            settings,
            purpose=DAEMON,
            machine=Machine(clock, supervise, self.ids.run),
        )
        kernel.lag = LoopLag(_Rarely())  # it measures the real loop, which is not here
        return kernel

    async def _serve(self) -> None:
        await self.sweep()
        kernel = self.kernel = self._make()
        try:
            for role in REQUIRED_ROLES:
                await kernel.plugins.connection_for(role, None)
            kernel.start_dispatcher()
            self.is_ready = True
            await kernel.stopping.wait()
        except RpcFault as fault:
            self.machine.trace.tell(f"the daemon does not start: {fault.message}")
        self.is_ready = False
        await kernel.close()
        self.process.end()


class _Rarely:
    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(86_400)


def _assembly() -> Assembly:
    holders = {"queue": candidate("queue")}
    holders |= dict.fromkeys(("workflow_runner", "config_source", "workflow_journal"), candidate("runner"))
    flavor = Flavor(id="simulation", schema="animus.flavor.v1", version="1.0.0", title="Simulation", roles={})
    providers = [candidate(name) for name in PROVIDERS]
    return Assembly(flavor, Packs([], []), Discovery(), RoleTable(holders, providers, {}, [candidate(SENSOR)]))
