"""Where the supervisor's time comes from."""

import asyncio
import time
from typing import Protocol

__all__ = ["RuntimeClock", "SystemRuntimeClock"]


class RuntimeClock(Protocol):
    """A monotonic clock that a coroutine can wait on."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Come back after `seconds`."""
        ...


class SystemRuntimeClock:
    """The machine's own clock."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Come back after `seconds`."""
        await asyncio.sleep(seconds)
