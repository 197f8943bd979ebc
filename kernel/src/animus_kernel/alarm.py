"""A call at a moment, without ticking."""

import asyncio
import datetime
from collections.abc import Callable
from typing import Any

from animus_control.jobs import Jobs
from animus_kernel.clock import Clock

__all__ = ["Alarm"]


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
