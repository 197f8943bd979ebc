"""The one clock in the shapes in which its users ask for it."""

import asyncio
import datetime
from collections.abc import Callable
from typing import Protocol

from animus_queue_default.clock import MICROSECONDS
from animus_workflow_runner_default.clock import SystemClock

__all__ = ["AsyncClock", "QueueClock", "WallClock"]


class WallClock(Protocol):
    def now(self) -> datetime.datetime: ...


class AsyncClock(SystemClock):
    """For kernel, runtime and runner: waiting is the loop's, which is virtual."""

    def __init__(self, wall: WallClock) -> None:
        self._wall = wall

    def now(self) -> datetime.datetime:
        return self._wall.now()

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


class QueueClock:
    """For the queue, which never waits here: nobody who lives holds its lock while another works.

    Args:
        wall: the clock.
        settle: has the system close what the dead had open; True if that was anything.
    """

    def __init__(self, wall: WallClock, settle: Callable[[], bool] = lambda: False) -> None:
        self._wall, self._settle = wall, settle

    def now(self) -> int:
        return round(self._wall.now().timestamp() * MICROSECONDS)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def sleep(self, seconds: float) -> None:
        if not self._settle():
            raise RuntimeError(f"the queue waits {seconds} s for its own lock")
