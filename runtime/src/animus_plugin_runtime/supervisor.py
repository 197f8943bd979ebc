"""A plugin that is started when it is needed, again when it dies, and not too often."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path

from animus_plugin_protocol import methods
from animus_plugin_protocol.errors import ErrorCode, RetriableError, RpcFault
from animus_plugin_runtime.candidate import Candidate
from animus_plugin_runtime.care import PING_SECONDS, PINGS, Care, CpuMeter, judge
from animus_plugin_runtime.clock import RuntimeClock, SystemRuntimeClock
from animus_plugin_runtime.connection import Connection, OnRequest
from animus_plugin_runtime.handshake import HostOffer
from animus_plugin_runtime.observer import FrameObserver, report_failure
from animus_plugin_runtime.plugin_event import PluginEvent
from animus_plugin_runtime.process_cap import ProcessCap
from animus_plugin_runtime.running import Launch, RunningPlugin, launch_plugin
from animus_plugin_runtime.supervision import State, Supervision
from animus_plugin_runtime.traffic import Quota
from animus_process import ProcessLedger, Usage, usage_of

__all__ = ["SupervisedPlugin"]

_CARE, _QUOTA = Care(), Quota()


class SupervisedPlugin:
    """One plugin under supervision.

    Args:
        candidate: what to start.
        offer: what the host says of itself.
        project_root: the working directory.
        ledger: the project's process records.
        on_request: serves requests of the plugin; see `Connection`.
        on_event: told of starts and deaths, in the loop.
        on_stderr: gets plugin and line.
        observers: see every frame.
        clock: for back-off and cool-down.
        environ: the environment to choose from; our own when None.
        care: what it may be; looked after at each `tend`.
        quota: what it may send.
        launch: starts a process of it and shakes hands.
        cap: how many processes of this host there may be.
    """

    def __init__(  # noqa: PLR0913 - one argument for each seam, all named
        self,
        candidate: Candidate,
        offer: HostOffer,
        *,
        project_root: Path,
        ledger: ProcessLedger,
        on_request: OnRequest | None = None,
        on_event: Callable[[PluginEvent], None] | None = None,
        on_stderr: Callable[[str, str], None] | None = None,
        observers: tuple[FrameObserver, ...] = (),
        clock: RuntimeClock | None = None,
        environ: Mapping[str, str] | None = None,
        care: Care = _CARE,
        quota: Quota = _QUOTA,
        launch: Callable[[Launch], Awaitable[RunningPlugin]] = launch_plugin,
        cap: ProcessCap | None = None,
    ) -> None:
        self.candidate = candidate
        self._start_process = launch
        self.last_error: str | None = None
        self._clock = clock or SystemRuntimeClock()
        seams = on_request, on_stderr, observers, environ, quota, self._clock.monotonic
        self._launch = Launch(candidate, offer, project_root, ledger, *seams)
        self._care, self._missed_pings, self._cpu = care, 0, CpuMeter()
        self._cap = cap or ProcessCap(sys.maxsize)
        self._on_event = on_event
        self._supervision = Supervision()
        self._running: RunningPlugin | None = None
        self._starting: asyncio.Task[Connection] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._is_closed = False

    @property
    def name(self) -> str:
        """Of the plugin."""
        return self.candidate.name

    @property
    def state(self) -> State:
        """Where it is."""
        return self._supervision.state

    @property
    def restarts(self) -> int:
        """How often it was started after a failure."""
        return self._supervision.restarts

    @property
    def current(self) -> Connection | None:
        """The open connection, if there is one; never starts anything."""
        running = self._running
        return running.connection if running is not None and running.connection.is_open else None

    @property
    def ready(self) -> Connection | None:
        """As `current`, of a plugin that may be given work."""
        return self.current if self.state is State.READY else None

    @property
    def pid(self) -> int | None:
        """Of the running process."""
        return None if self._running is None else self._running.connection.pid

    async def connection(self) -> Connection:
        """The open connection; starts the plugin when it does not run.

        Waits for a start that is under way and for a short back-off. A start that fails is told to everybody who
        waits for it; the next call tries again.

        Raises:
            RetriableError: it could not be started, is cooling down after too many restarts, or was stopped (-32502).
            HandshakeError: host and plugin do not fit.
        """
        current = self.ready
        if current is not None:
            return current
        if self._is_closed:
            raise self._refusal("it was stopped")
        if self._starting is None:
            if self.state is State.COOLING_DOWN and self._supervision.wait_seconds(self._clock.monotonic()) > 0:
                raise self._cooling_down()
            self._starting = asyncio.create_task(self._start(), name=f"start {self.name}")
            self._starting.add_done_callback(self._forget_start)
        starting = self._starting
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            if starting.cancelled():  # not the caller but the start was cancelled: by stop
                raise self._refusal("it was stopped") from None
            raise

    async def connection_with(self, variables: Collection[str]) -> Connection:
        """As `connection`, of a plugin that was started with these variables of ours; one without them starts anew."""
        current = await self.connection()
        if self._launch.forward.issuperset(variables):
            return current
        self._launch = self._launch._replace(forward=self._launch.forward.union(variables))
        if self._running is not None and self.state is State.READY:
            await self._rest(self._running)
        return await self.connection()

    async def stop(self) -> None:
        """Stop the plugin for good; returns when nothing of it runs any more."""
        self._is_closed = True
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait({self._starting})
        running, watching = self._running, self._watching
        if self.state is not State.STOPPING:
            self._supervision.stop()
            if running is not None:
                await running.stop()
        if watching is not None:
            await asyncio.shield(watching)

    @property
    def usage(self) -> Usage | None:
        """What the running process uses; None when none runs."""
        return None if self.pid is None else usage_of(self.pid)

    async def tend(self) -> None:
        """Look after it: call this from time to time. Asks the plugin nothing unless it owes an answer for long."""
        running, current = self._running, self.current
        if running is None or current is None or self.state is not State.READY:
            return
        now, traffic, usage = self._clock.monotonic(), current.traffic, self.usage
        judgement = judge(
            self._care,
            open_calls=current.work,
            is_watched=current.is_watched,
            silent_seconds=now - max(traffic.heard_at, traffic.used_at),
            unused_seconds=now - traffic.used_at,
            memory_bytes=usage.memory_bytes if usage else 0,
            cpu_cores=self._cpu.cores(now, usage.cpu_seconds) if usage else 0.0,
        )
        if judgement.act == "ping":
            await self._ping(running)
        elif judgement.act == "replace":
            running.end(judgement.reason)
        elif judgement.act == "rest":
            await self._rest(running)

    @property
    def unused_seconds(self) -> float | None:
        """Since it was last asked something; None when it has to stay or is at work."""
        current, is_resident = self.current, self._care.idle_seconds is None
        if current is None or is_resident or current.work or current.is_watched or self.state is not State.READY:
            return None
        return self._clock.monotonic() - current.traffic.used_at

    async def rest(self) -> None:
        """Stop until somebody needs it; returns once its process is gone."""
        running, watching = self._running, self._watching
        if running is not None and watching is not None and self.state is State.READY:
            await self._rest(running)
            await asyncio.shield(watching)

    async def _rest(self, running: RunningPlugin) -> None:
        self._supervision.stop()
        await running.stop()

    async def _ping(self, running: RunningPlugin) -> None:
        try:
            await running.connection.call_raw(methods.PING, timeout_seconds=PING_SECONDS)
        except RpcFault as fault:
            self._missed_pings = self._missed_pings + 1 if fault.code == ErrorCode.TIMEOUT else 0
        else:
            self._missed_pings = 0
        if self._missed_pings >= PINGS:
            self._missed_pings = 0
            running.end(f"it owes answers and did not answer {PINGS} pings of {PING_SECONDS:g} s")

    async def _start(self) -> Connection:
        if self._watching is not None:
            # The dead one's processes are ended before a new one starts.
            await asyncio.shield(self._watching)
        wait = self._supervision.wait_seconds(self._clock.monotonic())
        if self.state is State.COOLING_DOWN and wait > 0:
            raise self._cooling_down()
        while wait > 0:
            await self._clock.sleep(wait)
            wait = self._supervision.wait_seconds(self._clock.monotonic())
        try:
            await self._cap.take(self)
        except RetriableError as refusal:  # no failure of the plugin: it may be started as soon as there is room
            self._tell_failed_start(refusal)
            raise
        self._supervision.start(self._clock.monotonic())
        try:
            running = await self._start_process(self._launch)
        except BaseException as error:
            self._supervision.failed(self._clock.monotonic())
            self._cap.leave(self)
            self._tell_failed_start(error)
            raise
        self._supervision.started()
        self._running = running
        self._watching = asyncio.create_task(self._watch(running), name=f"watch {self.name}")
        self._tell(PluginEvent(plugin=self.name, kind="started", pid=running.connection.pid))
        return running.connection

    async def _watch(self, running: RunningPlugin) -> None:
        ending = await asyncio.shield(running.ended)
        pid = running.connection.pid
        self._running = self._watching = None
        self._cap.leave(self)
        if self.state is State.STOPPING:
            self._supervision.ended()
            kind = "stopped"
        else:
            self.last_error = ending.detail
            self._supervision.failed(self._clock.monotonic())
            kind = "died"
        last = {"stderr": ending.stderr, "frames": ending.frames} if kind == "died" else {}
        swept = tuple(ending.swept)
        self._tell(PluginEvent(plugin=self.name, kind=kind, pid=pid, detail=ending.detail, swept=swept, **last))

    def _tell_failed_start(self, error: BaseException) -> None:
        self.last_error = str(error) or type(error).__name__
        self._tell(PluginEvent(plugin=self.name, kind="start_failed", detail=self.last_error))

    def _forget_start(self, done: "asyncio.Task[Connection]") -> None:
        self._starting = None
        if not done.cancelled():
            done.exception()  # counts as looked at: whoever waited for it has it

    def _cooling_down(self) -> RetriableError:
        seconds = self._supervision.wait_seconds(self._clock.monotonic())
        return self._refusal(f"it failed too often and is left alone for another {seconds:.0f} s")

    def _refusal(self, why: str) -> RetriableError:
        last = f"; the last time: {self.last_error}" if self.last_error else ""
        return RetriableError(
            f"plugin {self.name!r} is not available: {why}{last}",
            code=ErrorCode.HOST_PLUGIN_DIED,
            data={"plugin": self.name, "state": self.state.value},
        )

    def _tell(self, event: PluginEvent) -> None:
        if self._on_event is None:
            return
        try:
            self._on_event(event)
        except Exception as error:  # noqa: BLE001 - supervision outlives its listeners
            report_failure(f"a listener failed on {event.kind!r} of plugin {self.name!r}", error)
