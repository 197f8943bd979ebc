"""The loop of plugins with an async handler: the same engine on asyncio. Plain handlers still get workers."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import msgspec

from animus_plugin_protocol._call import Call
from animus_plugin_protocol._declaration import Declaration, Route
from animus_plugin_protocol._host_calls import ANSWER_GRACE_SECONDS, call_timed_out
from animus_plugin_protocol._pool import WAITING_LIMIT, WorkerPool
from animus_plugin_protocol._routing import Engine
from animus_plugin_protocol._session import Session
from animus_plugin_protocol._signature import is_async
from animus_plugin_protocol._streams import Source
from animus_plugin_protocol._thread_loop import ThreadScheduler
from animus_plugin_protocol.errors import Cancelled, RpcFault
from animus_plugin_protocol.frames import LineSplitter
from animus_plugin_protocol.wire.host import HostCallParams, HostNote

__all__ = ["serve"]

LEFTOVER_SECONDS: Final = 0.1
"""How long tasks that handlers left behind get to end."""


class AsyncScheduler(ThreadScheduler):
    """Async handlers as tasks, plain ones on workers."""

    def __init__(self, loop: asyncio.AbstractEventLoop, workers: int) -> None:
        super().__init__(WorkerPool(workers))
        self._loop = loop
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, call: Call) -> bool:
        """Start a task, or hand a plain handler to a worker."""
        if not call.route.is_async:
            return super().start(call)
        if len(self._tasks) >= WAITING_LIMIT:
            return False
        task = self._loop.create_task(_run(call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # through the loop's queue: the task's first step stands before it there, so every task gets to reply
        call.interrupt = lambda: self._loop.call_soon_threadsafe(task.cancel)
        return True

    def deliverer(self, route: Route) -> Callable[[Callable[[], object]], object]:
        """Callbacks of async handlers run in the loop, those of plain ones on a thread."""
        return self._loop.call_soon_threadsafe if route.is_async else super().deliverer(route)

    def run_hook(self, hook: Callable[[], Any], timeout_seconds: float) -> None:
        """An async hook runs in the loop, a plain one on a thread."""
        if not is_async(hook):
            super().run_hook(hook, timeout_seconds)
            return
        future = asyncio.run_coroutine_threadsafe(hook(), self._loop)
        try:
            future.result(timeout_seconds)
        finally:
            future.cancel()


async def _run(call: Call) -> None:
    try:
        reply = call.result_reply(await call.invoke())
    except asyncio.CancelledError as error:
        reply = call.error_reply(Cancelled() if call.token.is_cancelled else error)
    except BaseException as error:  # noqa: BLE001 - whatever a handler raises becomes its reply
        reply = call.error_reply(error)
    call.finish(reply)


class AwaitedCall:
    """A call to the host whose caller is a coroutine. Everything happens in the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_note: Callable[[HostNote], object] | None) -> None:
        self._on_note = on_note
        self.answer: asyncio.Future[msgspec.Raw] = loop.create_future()

    def note(self, note: HostNote) -> None:
        """Hand a note on; when the caller fails over it, its wait ends with that."""
        if self._on_note is None or self.answer.done():
            return
        try:
            self._on_note(note)
        except Exception as error:  # noqa: BLE001 - it belongs to the caller, who gets it
            self.answer.set_exception(error)

    def settle(self, outcome: msgspec.Raw | RpcFault) -> None:
        """The answer."""
        if self.answer.done():
            return
        if isinstance(outcome, RpcFault):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


class _Connection:
    """One run of the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, declaration: Declaration, session: Session) -> None:
        self._loop = loop
        self._session = session
        self._scheduler = AsyncScheduler(loop, declaration.workers)
        self._engine = Engine(declaration, session, self._scheduler)
        self._splitter = LineSplitter()
        self._ended: asyncio.Future[None] = loop.create_future()
        session.call_async = self.call_host

    async def serve(self, source: Source) -> bool:
        self._read_from(source)
        await self._ended
        if source.fileno is not None:
            self._loop.remove_reader(source.fileno)
        self._engine.host_is_gone()
        idle: asyncio.Future[bool] = self._loop.create_future()

        def wind_down() -> None:
            outcome = self._engine.wind_down()
            self._loop.call_soon_threadsafe(idle.set_result, outcome)

        self._scheduler.defer(wind_down)
        return await idle

    async def call_host(
        self, call: HostCallParams, timeout_seconds: float | None, on_note: Callable[[HostNote], object] | None
    ) -> msgspec.Raw:
        pending = AwaitedCall(self._loop, on_note)
        call_id = self._session.host_calls.send(pending, call)
        try:
            grace = None if timeout_seconds is None else timeout_seconds + ANSWER_GRACE_SECONDS
            await asyncio.wait((pending.answer,), timeout=grace)
            if not pending.answer.done():
                raise call_timed_out(call)
            return pending.answer.result()
        finally:
            pending.answer.cancel()
            self._session.host_calls.abandon(call_id)  # does nothing once the answer is there

    def _read_from(self, source: Source) -> None:
        """Wait for bytes in the loop where the system can wait for that descriptor, on a thread where it cannot."""
        if source.unread:
            self._take(source.read())
        if source.fileno is not None:
            try:
                self._loop.add_reader(source.fileno, lambda: self._take(source.read()))
            except (OSError, NotImplementedError):  # a regular file, or a loop without readers
                pass
            else:
                return
            source.fileno = None

        def read() -> None:
            while True:
                chunk = source.read()
                if self._loop.is_closed():
                    return
                self._loop.call_soon_threadsafe(self._take, chunk)
                if not chunk:
                    return

        self._scheduler.defer(read)

    def _take(self, chunk: bytes) -> None:
        if self._ended.done():
            return
        if chunk:
            self._engine.receive(self._splitter.feed(chunk))
        else:
            last = self._splitter.finish()
            if last is not None:
                self._engine.receive([last])
        if not chunk or self._engine.is_stopped:
            self._ended.set_result(None)


def serve(declaration: Declaration, session: Session, source: Source) -> bool:
    """As `animus_plugin_protocol._thread_loop.serve`, in an asyncio loop of its own."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(_Connection(loop, declaration, session).serve(source))
    finally:
        # asyncio.run waits without bound for tasks that swallow their cancellation; an ending plugin does not
        leftover = asyncio.all_tasks(loop)
        for task in leftover:
            task.cancel()
        if leftover:
            loop.run_until_complete(asyncio.wait(leftover, timeout=LEFTOVER_SECONDS))
        loop.run_until_complete(loop.shutdown_asyncgens())
        asyncio.set_event_loop(None)
        loop.close()
