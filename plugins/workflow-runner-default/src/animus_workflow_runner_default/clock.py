"""The only place where time is read: wall clock for the journal, monotonic time for lengths, waiting, deadlines."""

import asyncio
import datetime
import time
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

__all__ = ["Clock", "SystemClock", "timestamp"]


class Clock(Protocol):
    """What the runner asks of time; tests drive their own."""

    def now(self) -> datetime.datetime:
        """The wall clock, aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary origin; only differences mean something."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        ...

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[None]:
        """Bound the block: `TimeoutError` after `seconds`; None sets no bound."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime.datetime:
        """The wall clock, aware, UTC."""
        return datetime.datetime.now(tz=datetime.UTC)

    def monotonic(self) -> float:
        """Seconds of `time.monotonic`."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep on the event loop."""
        await asyncio.sleep(seconds)

    @asynccontextmanager
    async def timeout(self, seconds: float | None) -> "AsyncGenerator[None, None]":
        """Bound the block with `asyncio.timeout`."""
        async with asyncio.timeout(seconds):
            yield


def timestamp(moment: datetime.datetime) -> str:
    """RFC 3339 text in UTC with microseconds and ``Z``; the form sorts like time does."""
    in_utc = moment if moment.tzinfo is datetime.UTC else moment.astimezone(datetime.UTC)
    return in_utc.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
