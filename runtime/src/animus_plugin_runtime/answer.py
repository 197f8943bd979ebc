"""What a task waits on for a plugin's answer: a future of one waiter, which the reader wakes in place.

asyncio's own future wakes its waiter a turn of the loop later, which costs a poll of every pipe for each answer. The
reader runs outside of any task, so that it may run the waiting task where it stands. Whoever else sets an outcome may
be a task itself: then the waiter runs in the next turn, as with asyncio's future.
"""

import asyncio
from collections.abc import Callable, Generator
from contextvars import Context
from typing import Any, Final

import msgspec

__all__ = ["Answer"]


_RAISED: Final = asyncio.InvalidStateError("the failure of this call was raised before")


class Answer:
    """Awaited by the task that made it, and cancelled with it. The first outcome stays.

    Attributes:
        loop: where the waiting task runs.
        is_settled: whether the plugin has answered, though nobody may have seen it: the waiter may be gone.
    """

    # Defaults of the class, and no slots: what a call does not use costs it nothing.
    is_settled = False
    _asyncio_future_blocking = False  # with the methods below: what a task knows a future by
    _outcome: msgspec.Raw | BaseException | None = None
    _wake: "Callable[[Answer], object] | None" = None
    _context: Context | None = None
    _settled: "asyncio.Future[None] | None" = None

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop

    def __await__(self) -> Generator[Any, None, msgspec.Raw]:
        if self._outcome is None:
            self._asyncio_future_blocking = True
            yield self
        return self.result()

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Where the waiting task runs."""
        return self.loop

    def result(self) -> msgspec.Raw:
        """The answer, once it is there. Raises: BaseException: the outcome is that."""
        outcome = self._outcome
        if isinstance(outcome, msgspec.Raw):
            return outcome
        if outcome is None:
            raise asyncio.InvalidStateError("there is no answer yet")
        self._outcome = _RAISED  # an exception that is kept would keep the frames it went through, and they keep this
        raise outcome

    def add_done_callback(self, wake: "Callable[[Answer], object]", *, context: Context) -> None:
        """The task waits from now on."""
        self._wake, self._context = wake, context

    def cancel(self, msg: object = None) -> bool:
        """The task is cancelled; whether it still waited."""
        return self._end(asyncio.CancelledError() if msg is None else asyncio.CancelledError(msg))

    def expire(self, reason: BaseException) -> None:
        """Nobody waits any longer, for a reason that is no answer."""
        self._end(reason)

    def settle(self, outcome: msgspec.Raw | BaseException) -> None:
        """The plugin answered, or never will; the waiter runs in the next turn of the loop."""
        self._mark_settled()
        self._end(outcome)

    def settle_in_place(self, outcome: msgspec.Raw | BaseException) -> None:
        """As `settle`, but the waiter runs before this returns. Only outside of any task."""
        self._mark_settled()
        if self._outcome is None:
            self._outcome = outcome
            wake, context = self._wake, self._context
            if wake is not None and context is not None:
                self._wake = self._context = None
                context.run(wake, self)

    async def wait_settled(self, timeout_seconds: float) -> None:
        """Wait for the plugin's answer once more, after the wait for it was cancelled."""
        if not self.is_settled:
            self._settled = self.loop.create_future()
            await asyncio.wait({self._settled}, timeout=timeout_seconds)

    def _mark_settled(self) -> None:
        self.is_settled = True
        if self._settled is not None and not self._settled.done():
            self._settled.set_result(None)

    def _end(self, outcome: msgspec.Raw | BaseException) -> bool:
        if self._outcome is not None:
            return False
        self._outcome = outcome
        wake, self._wake = self._wake, None
        if wake is not None:
            self.loop.call_soon(wake, self, context=self._context)
        return True
