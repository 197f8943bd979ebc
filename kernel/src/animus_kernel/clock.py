"""Where time comes from in the kernel."""

import asyncio
import datetime
from typing import Protocol

__all__ = ["Clock", "SystemClock", "parse_moment"]


class Clock(Protocol):
    """The time of day, and waiting."""

    def now(self) -> datetime.datetime:
        """The moment, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime.datetime:
        """The moment, in UTC."""
        return datetime.datetime.now(datetime.UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


def parse_moment(text: str) -> datetime.datetime:
    """A moment from RFC 3339 text; one without an offset is taken as UTC."""
    moment = datetime.datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=datetime.UTC)
