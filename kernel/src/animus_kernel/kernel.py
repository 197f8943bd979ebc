"""The kernel of one project in one process: everything put together, in a daemon or in a short-lived host."""

import asyncio
import datetime
import functools
import importlib
import traceback
from typing import Any

import msgspec

from animus_composition.assembly import Assembly
from animus_composition.settings import MIB, DaemonSettings, load_settings, save_settings
from animus_control.audit import AuditLog
from animus_control.event_log import EventLog
from animus_control.jobs import Jobs
from animus_control.log_file import DaemonLog
from animus_control.operations import Operation, Place
from animus_control.project import Project
from animus_control.subject_changes import SubjectChanges
from animus_kernel.dispatch.dispatcher import PILLARS, Dispatcher
from animus_kernel.dispatch.door import Door
from animus_kernel.dispatch.execution import Execution
from animus_kernel.dispatch.lease import FencedQueue
from animus_kernel.dispatch.projection import Projector
from animus_kernel.machine import THIS_MACHINE, Machine
from animus_kernel.routing.plugins import ProjectPlugins
from animus_kernel.timing.timekeeper import Timekeeper
from animus_kernel.timing.triggers import Triggers
from animus_plugin_protocol.wire.control import AgentStatusResult
from animus_plugin_protocol.wire.dispatch import Actor
from animus_plugin_runtime import PluginEvent, sweep_orphans
from animus_plugin_runtime.agent_run import AgentHost, AgentRuns
from animus_plugin_runtime.crash_report import write_crash_report
from animus_plugin_runtime.loop_lag import LoopLag
from animus_plugin_runtime.redaction import redacted
from animus_plugin_runtime.run_stream import forget_streams
from animus_process import ProcessLedger

__all__ = ["CLIENT", "DAEMON", "HOST", "LIBRARY", "Kernel", "handler_of"]

DAEMON, HOST, CLIENT, LIBRARY = "daemon", "synchronous run", "client", "program"

FORGET_EVERY = datetime.timedelta(hours=1)
"""How often what belongs to runs that are forgotten is looked for."""

STOP_SECONDS = 20.0
"""How long runs may take to be given back at the end."""


class Kernel:
    """What the handlers of operations work on.

    Attributes:
        purpose: `DAEMON`; `HOST` to run one entry and end; `CLIENT` to ask and to enqueue; `LIBRARY` inside a program.
        dispatcher: None in a process that does not run work.
        stopping: set when the process is to end.
        must_nudge: something was done that a living daemon elsewhere should look at.
        must_restart: a daemon that has ended is to begin again.
    """

    def __init__(
        self,
        project: Project,
        assembly: Assembly,
        settings: DaemonSettings,
        *,
        purpose: str,
        machine: Machine = THIS_MACHINE,
    ) -> None:
        self.project, self.settings, self.purpose = project, settings, purpose
        self.flavor, self.packs, self.roles = assembly.flavor, assembly.packs, assembly.roles
        self.clock = machine.clock
        self.started_at = self._forget_at = self.clock.now()
        kept, now = settings.events_mib * MIB, self.clock.now
        self.events = EventLog(project.events_path, project.root, redacted, now=now, kept_bytes=kept)
        self.jobs = Jobs(self.report_failure)
        self.ledger = ProcessLedger(project.state_dir / "processes")
        self.logs = DaemonLog(project.log_path, redacted, is_stamped=purpose == DAEMON)
        supervise = functools.partial(machine.supervise, on_event=self._on_plugin_event, on_stderr=self.logs.write)
        self.plugins = ProjectPlugins(project, assembly, settings, self.ledger, supervise, self.clock)
        self.subject_changes = SubjectChanges(self.plugins)
        host = AgentHost(self.plugins.sessions, self.plugins.provider, self.clock.now, project.root, self._agent_ended)
        self.agents = AgentRuns(project.state_dir / "agents", host)
        self.queue = FencedQueue(self.plugins, project.repo_scope, machine.new_run_id)
        self.door = Door(self.plugins, project, self.clock)
        self.timekeeper = Timekeeper(project, self.door, self.events, self.clock, self.jobs, self.wake)
        self.triggers = Triggers(self.plugins, self.door, self.events, self.clock, self.jobs, self.wake)
        self.timekeeper.on_automation = lambda automation: self.triggers.apply(automation.triggers)
        self.dispatcher: Dispatcher | None = None
        self.lag = LoopLag()
        self.audit = AuditLog(project.audit_path, redacted, kept_bytes=settings.audit_mib * MIB)
        self.stopping = asyncio.Event()
        self.must_nudge = self.must_restart = False

    def start_dispatcher(self, only_entry: str | None = None) -> Dispatcher:
        """Begin to run what is queued, or one entry of it. Only for the holder of the instance lock."""
        projector = Projector(self.plugins, self.packs, self.events)
        sweep = functools.partial(sweep_orphans, self.ledger)
        reach = functools.partial(self.plugins.connection_for, "workflow_runner", None)
        execution = Execution(self.plugins, self.queue, projector, self.events, self.clock, sweep, reach)
        self.dispatcher = Dispatcher(self.queue, execution, self.settings, self.jobs, only_entry)
        self.dispatcher.start()
        self.jobs.start("lag", self.lag.watch(self.dispatcher.has_leases))
        if self.purpose == DAEMON:
            self.dispatcher.on_beat = self._beat
            self.jobs.start("schedules", self.timekeeper.keep())
            self._forget_if_due()
        return self.dispatcher

    def dispatcher_for(self, entry_id: str) -> Dispatcher | None:
        """Who runs the entry in this process: the daemon's dispatcher, or one made for this entry alone."""
        if self.dispatcher is None and self.purpose == HOST:
            return self.start_dispatcher(entry_id)
        return self.dispatcher

    def wake(self) -> None:
        """Something may be due."""
        self.must_nudge = True
        if self.dispatcher is not None:
            self.dispatcher.wake()

    async def set_paused(self, *, paused: bool) -> None:
        """Start nothing new, or start again; remembered for the next daemon."""
        stored = await asyncio.to_thread(load_settings, self.project, paused=paused)  # they may have changed meanwhile
        await asyncio.to_thread(save_settings, self.project, stored)
        if self.dispatcher is not None:
            self.dispatcher.is_paused = paused
        self.events.record("daemon_paused" if paused else "daemon_resumed")
        self.wake()

    def drain(self) -> None:
        """Start nothing new and end when no run is under way."""
        if self.dispatcher is not None and not self.dispatcher.is_draining:
            self.dispatcher.drain()
            self.events.record("daemon_draining")
            self.jobs.start("drain", self._stop_when_idle(self.dispatcher))

    def ask_to_stop(self, reason: str) -> None:
        """End soon."""
        if not self.stopping.is_set():
            self.events.record("daemon_stopping", reason=reason)
            self.stopping.set()

    async def close(self) -> None:
        """Give back what runs, stop every plugin, leave nothing behind. Runs go on at the next start."""
        if self.dispatcher is not None:
            self.dispatcher.drain()
            await self.plugins.stop("workflow_runner")  # its runs break off and their entries go back
            try:
                await asyncio.wait_for(self._wait_idle(self.dispatcher), STOP_SECONDS)
            except TimeoutError:
                self.events.record("stop_incomplete", runs=[run.run_id for run in self.dispatcher.runs.values()])
        await self.jobs.close()
        await self.plugins.close()
        self.events.close()

    async def run(self, operation: Operation, params: Any) -> Any:
        """Run an operation that gives one result."""
        handler = handler_of(operation)
        actor: Actor | None = getattr(params, "actor", None)
        with self.audit.around(operation.name, msgspec.to_builtins(params), actor.user_id if actor else None):
            if operation.place is Place.LOCAL:
                return await asyncio.to_thread(handler, self.project, params)
            return await handler(self, params)

    def report_failure(self, name: str, error: BaseException) -> None:
        """A defect of the kernel: into the events and, whole, into the log."""
        traceback.print_exception(error)
        self.events.record("internal_error", where=name, error=repr(error))
        if name in {*PILLARS, "schedules"}:
            self.ask_to_stop(f"{name} broke")  # better gone and started again than alive and idle

    async def _stop_when_idle(self, dispatcher: Dispatcher) -> None:
        await self._wait_idle(dispatcher)
        self.ask_to_stop("drained")

    async def _wait_idle(self, dispatcher: Dispatcher) -> None:
        while not all(run.is_idle for run in dispatcher.runs.values()):
            await dispatcher.wait_change()

    def _beat(self) -> None:
        self.timekeeper.wake()
        self.jobs.start("care", self.plugins.tend())
        self._forget_if_due()

    def _forget_if_due(self) -> None:
        if self.clock.now() >= self._forget_at:
            self._forget_at = self.clock.now() + FORGET_EVERY
            where = self.project.state_dir / "logs" / "runs", self.project.state_dir / "runs"
            self.jobs.start("forget", asyncio.to_thread(forget_streams, *where, self.clock.now().timestamp()))

    def _agent_ended(self, status: AgentStatusResult) -> None:
        self.events.record("agent_ended", session_id=status.session_id, provider=status.provider, status=status.status)

    def _on_plugin_event(self, event: PluginEvent) -> None:
        died, crashes = event.kind == "died", self.project.state_dir / "crashes"
        report = str(write_crash_report(crashes, event)) if died else None
        swept = [record.pid for record in event.swept]
        facts = {"pid": event.pid, "detail": event.detail or None, "swept": swept or None, "report": report}
        self.events.record(f"plugin_{event.kind}", plugin=event.plugin, **facts)


def handler_of(operation: Operation) -> Any:
    """The function that the table names."""
    module, _, name = operation.handler.partition(":")
    whole = module if "." in module else f"animus_kernel.handlers.{module}"
    return getattr(importlib.import_module(whole), name)
