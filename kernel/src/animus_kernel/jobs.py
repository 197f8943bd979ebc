"""What runs beside the current call: started, awaited at the end, and never failing in silence."""

import asyncio
import datetime
from collections.abc import Callable, Coroutine
from typing import Any

from animus_kernel.clock import Clock

__all__ = ["Alarm", "Jobs"]

END_SECONDS = 10.0
"""How long jobs may take to end after they were told to."""


class Jobs:
    """A set of running coroutines. `on_failure` is told the name and the exception of one that broke."""

    def __init__(self, on_failure: Callable[[str, BaseException], None]) -> None:
        self._running: set[asyncio.Future[Any]] = set()
        self._on_failure = on_failure

    def start(self, name: str, work: Coroutine[Any, Any, Any]) -> asyncio.Future[Any]:
        """Run `work` until it ends or `close` is called."""
        job = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(job)
        job.add_done_callback(lambda done: self._ended(name, done))
        return job

    async def close(self) -> None:
        """Cancel everything and wait a bounded time for the ends."""
        running = list(self._running)
        for job in running:
            job.cancel()
        if running:
            await asyncio.wait(running, timeout=END_SECONDS)

    def _ended(self, name: str, job: asyncio.Future[Any]) -> None:
        self._running.discard(job)
        error = None if job.cancelled() else job.exception()
        if error is not None:
            self._on_failure(name, error)


class Alarm:
    """Calls `ring` at a moment; setting it again replaces the moment."""

    def __init__(self, clock: Clock, jobs: Jobs, ring: Callable[[], None]) -> None:
        self._clock, self._jobs, self._ring = clock, jobs, ring
        self._job: asyncio.Future[Any] | None = None

    def set(self, moment: datetime.datetime | None) -> None:
        """Ring at `moment`; None is never."""
        if self._job is not None:
            self._job.cancel()
        self._job = None if moment is None else self._jobs.start("alarm", self._wait(moment))

    async def _wait(self, moment: datetime.datetime) -> None:
        while (remaining := (moment - self._clock.now()).total_seconds()) > 0:
            await self._clock.sleep(remaining)
        self._ring()
