"""An asyncio loop without selectors, threads or waiting: its time is a number that jumps to the next timer.

Simulated processes share the loop. What belongs to one carries it in its context, so that a killed process simply
never runs again: no ``finally`` of it, no answer, as after SIGKILL.
"""

import asyncio
import contextvars
import random
import signal
from collections.abc import Callable, Coroutine
from typing import Any

__all__ = ["KILLED", "Killed", "SimulatedProcess", "StuckError", "VirtualLoop", "current_process"]

_PROCESS: contextvars.ContextVar["SimulatedProcess | None"] = contextvars.ContextVar("process", default=None)

EXECUTOR_SECONDS = (0.0001, 0.003)
"""How long a job given to a thread takes, at least and at most."""


KILLED = -signal.SIGKILL
"""The exit code of what was killed."""


class Killed(BaseException):
    """The process whose code is running has just been killed; nothing may catch it."""


class StuckError(Exception):
    """Nothing is ready and no timer is set: the simulated world would wait for ever."""


class SimulatedProcess:
    """Something that lives, can be killed and can be made to stand still.

    Attributes:
        name: for the trace.
        pid: its number.
        exit_code: once it has ended.
        parent: who started it, and ends it with everything else of its own.
        on_end: called once when it is killed or has ended.
    """

    def __init__(self, loop: "VirtualLoop", name: str, pid: int, parent: "SimulatedProcess | None" = None) -> None:
        self.name, self.pid, self.parent = name, pid, parent
        self.is_alive, self.is_stalled, self.exit_code = True, False, KILLED
        self.on_end: list[Callable[[], None]] = []
        self.tasks: list[asyncio.Task[Any]] = []
        self._loop = loop
        self._backlog: list[asyncio.Handle] = []
        self.context = contextvars.copy_context()
        self.context.run(_PROCESS.set, self)

    def spawn(self, work: Coroutine[Any, Any, Any], name: str | None = None) -> "asyncio.Task[Any]":
        """Run a coroutine as part of this process."""
        task = self._loop.create_task(work, name=name, context=self.context.copy())
        task.add_done_callback(self._look)
        return task

    def _look(self, task: "asyncio.Task[Any]") -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self._loop.problems.append(f"{self.name} {self.pid} broke down: {error!r}")

    def end(self, exit_code: int | None = None) -> None:
        """It is gone, killed or by its own will."""
        if self.is_alive:
            self.is_alive = False
            self.exit_code = KILLED if exit_code is None else exit_code
            self._backlog.clear()
            for tell in self.on_end:
                tell()

    def stall(self, seconds: float) -> None:
        """Stand still, as under SIGSTOP or on a machine without a free core."""
        self.is_stalled = True
        self._loop.call_at(self._loop.time() + seconds, self._go_on, context=contextvars.Context())

    def put_off(self, handle: asyncio.Handle) -> None:
        """Run `handle` when it goes on."""
        self._backlog.append(handle)

    def _go_on(self) -> None:
        self.is_stalled = False
        backlog, self._backlog = self._backlog, []
        for handle in backlog:
            self._loop.put(handle)


def current_process() -> SimulatedProcess | None:
    """The process whose code is running."""
    return _PROCESS.get()


class _Handle(asyncio.Handle):
    __slots__ = ()

    def _run(self) -> None:
        if _may_run(self):
            super()._run()


class _TimerHandle(asyncio.TimerHandle):
    __slots__ = ()

    def _run(self) -> None:
        if _may_run(self):
            super()._run()


def _may_run(handle: Any) -> bool:
    process = handle._context.get(_PROCESS)
    if process is None:
        return True
    if process.is_stalled:
        process.put_off(handle)
        return False
    return process.is_alive


class _NoSelector:
    def __init__(self, loop: "VirtualLoop") -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise StuckError("nothing is ready and no timer is set")
        self._loop.advance(timeout)
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    """The loop of one seed. Jobs for threads run in the loop, one after the other, `EXECUTOR_SECONDS` later.

    Args:
        chance: where the length of those jobs comes from.
    """

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._selector = _NoSelector(self)
        self._moment = 0.0
        self._chance = chance
        self.set_task_factory(self._make_task)
        self.problems: list[str] = []
        self.set_exception_handler(self._note_problem)

    def time(self) -> float:
        return self._moment

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._moment += seconds

    def put(self, handle: asyncio.Handle) -> None:
        """Have a handle run in the next turn."""
        self._ready.append(handle)

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> asyncio.TimerHandle:
        import heapq

        timer = _TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True
        return timer

    def call_later(self, delay: float, callback: Any, *args: Any, context: Any = None) -> asyncio.TimerHandle:
        return self.call_at(self._moment + delay, callback, *args, context=context)

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":
        future = self.create_future()

        def work() -> None:
            try:
                value, problem = func(*args), None
            except Exception as error:  # noqa: BLE001 - the caller's
                value, problem = None, error
            self.call_later(self._chance.uniform(*EXECUTOR_SECONDS), settle, value, problem)

        def settle(value: Any, problem: Exception | None) -> None:
            if future.done():
                return
            if problem is None:
                future.set_result(value)
            else:
                future.set_exception(problem)

        self.call_later(self._chance.uniform(*EXECUTOR_SECONDS), work)
        return future

    async def connect_read_pipe(self, protocol_factory: Any, pipe: Any) -> Any:
        protocol = protocol_factory()
        return pipe.read_by(protocol), protocol

    async def connect_write_pipe(self, protocol_factory: Any, pipe: Any) -> Any:
        protocol = protocol_factory()
        return pipe.write_by(protocol), protocol

    def _call_soon(self, callback: Any, args: Any, context: Any) -> asyncio.Handle:
        handle = _Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def _process_events(self, event_list: Any) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    def _make_task(self, loop: Any, work: Any, context: Any = None) -> "asyncio.Task[Any]":
        task = asyncio.Task(work, loop=loop, context=context)
        process = _PROCESS.get() if context is None else context.get(_PROCESS)
        if process is not None:
            # Kept, so that the collector does not close what a killed process left half done.
            process.tasks.append(task)
            if len(process.tasks) > 512:
                process.tasks = [one for one in process.tasks if not one.done()]
        return task

    def _note_problem(self, _loop: Any, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.problems.append(f"{context['message']}: {error!r}" if error else context["message"])
