"""A plugin in the simulation: its own engine, handlers and end, behind simulated pipes instead of a process.

The engine (`animus_plugin_protocol`) is the real one: handshake, cancellation, group commit, replies. What a real
plugin does with threads happens in the loop: plain handlers, and the bounded waits of its end.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from animus_plugin_protocol import Plugin
from animus_plugin_protocol._async_loop import AsyncScheduler, _Connection
from animus_plugin_protocol._call import Call
from animus_plugin_protocol._ending import CANCELLED_SECONDS, FINISH_SECONDS, HOOK_SECONDS
from animus_plugin_protocol._host_calls import HostCalls
from animus_plugin_protocol._outbox import Outbox
from animus_plugin_protocol._routing import Engine
from animus_plugin_protocol._session import Session
from animus_plugin_protocol._signature import is_async
from animus_plugin_protocol.frames import LineSplitter
from animus_simulation.loop import Killed, SimulatedProcess, VirtualLoop
from animus_simulation.pipe import Pipe

__all__ = ["PluginProcess"]

LOOK_SECONDS = 0.02
"""How often an ending plugin looks whether its handlers have ended."""


class _Sink:
    """Writes to the host."""

    def __init__(self, process: SimulatedProcess, pipe: Pipe) -> None:
        self._process, self._pipe = process, pipe

    def write(self, data: bytes | memoryview) -> int:
        if self._process.is_alive:
            self._pipe.write(bytes(data))
        return len(data)

    def wait_writable(self, timeout_seconds: float) -> bool:
        return True


class _Scheduler(AsyncScheduler):
    """Plain handlers as jobs of the loop's executor; the end as a task."""

    def __init__(self, loop: VirtualLoop, on_stop: Callable[[], None]) -> None:
        super().__init__(loop, 1)
        self._virtual, self._on_stop = loop, on_stop

    def start(self, call: Call) -> bool:
        if call.route.is_async:
            return super().start(call)
        self._virtual.run_in_executor(None, call.run)
        return True

    def deliverer(self, route: Any) -> Callable[[Callable[[], object]], object]:
        return self._virtual.call_soon

    def defer(self, job: Callable[[], object]) -> None:
        self._on_stop()  # the engine defers nothing else


class PluginProcess(_Connection):
    """The process of a plugin, from its start to its end.

    Args:
        loop: the loop.
        process: what may be killed.
        plugin: not yet running.
        stdin: from the host.
        stdout: to the host.
    """

    def __init__(
        self, loop: VirtualLoop, process: SimulatedProcess, plugin: Plugin, *, stdin: Pipe, stdout: Pipe
    ) -> None:
        declaration = plugin.declaration()
        outbox = Outbox(_Sink(process, stdout))
        self._session = Session(outbox, HostCalls(outbox, plugin.name, declaration.callable_kinds), loop.time)
        plugin._session = self._session
        self._loop, self._process = loop, process
        self._scheduler = _Scheduler(loop, lambda: process.spawn(self._stop(0.0)))
        self._engine = Engine(declaration, self._session, self._scheduler)
        self._splitter = LineSplitter()
        self._ended = loop.create_future()
        self._stopping = asyncio.Lock()
        self._session.call_async = self.call_host
        process.spawn(self._serve())
        stdin.connect(self._feed)

    def _feed(self, data: bytes) -> None:
        try:
            self._take(data)
        except Killed:
            self._process.end()

    async def _serve(self) -> None:
        await self._ended
        self._engine.host_is_gone()
        await self._stop(0.0 if self._engine.is_stopped else FINISH_SECONDS)
        self._process.end(0)

    async def _stop(self, finish_seconds: float) -> None:
        """What `animus_plugin_protocol._ending` does with threads, in virtual time."""
        ending, running = self._engine._ending, self._engine.running
        async with self._stopping:
            if not await self._wait_idle(finish_seconds):
                for call in list(running.ids.values()):
                    call.cancel(is_stopping=True)
                await self._wait_idle(CANCELLED_SECONDS)
            hooks, ending._hooks = ending._hooks, ()
            for hook in hooks:
                if is_async(hook):
                    await asyncio.wait({asyncio.ensure_future(hook())}, timeout=HOOK_SECONDS)
                else:
                    hook()
            while ending._replies:
                self._session.outbox.put(ending._replies.popleft())

    async def _wait_idle(self, seconds: float) -> bool:
        until = self._loop.time() + seconds
        while self._engine.running._calls and self._loop.time() < until:  # noqa: ASYNC110 - looking costs nothing here
            await asyncio.sleep(LOOK_SECONDS)
        return not self._engine.running._calls
