"""The time limit of an agent's phase: it stands still while a person is asked."""

import asyncio
import contextlib
import math
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

from animus_workflow_runner_default.clock import Clock

__all__ = ["WorkingTime"]

T = TypeVar("T")


class WorkingTime:
    """Counts from when it is made.

    Attributes:
        limit_seconds: how long may be worked; None sets no limit.
    """

    def __init__(self, limit_seconds: float | None, clock: Clock) -> None:
        self.limit_seconds = limit_seconds
        self._clock = clock
        self._began = clock.monotonic()
        self._waited = 0.0
        self._waiting_since = 0.0
        self._waiting = 0
        self._change: asyncio.Future[None] | None = None

    @contextlib.contextmanager
    def standing_still(self) -> Generator[None, None, None]:
        """Do not count the time of the block; blocks may overlap."""
        if self._waiting == 0:
            self._waiting_since = self._clock.monotonic()
        self._waiting += 1
        self._tell()
        try:
            yield
        finally:
            self._waiting -= 1
            if self._waiting == 0:
                self._waited += self._clock.monotonic() - self._waiting_since
            self._tell()

    def left(self) -> float | None:
        """Seconds that are left, at least 0; None without a limit."""
        if self.limit_seconds is None:
            return None
        until = self._waiting_since if self._waiting else self._clock.monotonic()
        return max(0.0, self.limit_seconds - (until - self._began - self._waited))

    def whole_left(self) -> int | None:
        """As `left`, in whole seconds, at least 1: for those to whom 0 means no limit."""
        left = self.left()
        return None if left is None else max(1, math.ceil(left))

    async def bound(self, work: Coroutine[Any, Any, T]) -> T:
        """Do `work` within the limit.

        Raises:
            TimeoutError: the time is over; `work` was cancelled and has ended.
        """
        task = asyncio.ensure_future(work)
        try:
            while not task.done():
                self._change = asyncio.get_running_loop().create_future()
                either: set[asyncio.Future[Any]] = {task, self._change}
                async with self._clock.timeout(None if self._waiting else self.left()):
                    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            return task.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task})

    def _tell(self) -> None:
        """Somebody began or ceased to wait for a person: `bound` sets its limit anew."""
        if self._change is not None and not self._change.done():
            self._change.set_result(None)
