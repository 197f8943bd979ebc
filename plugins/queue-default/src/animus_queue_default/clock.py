"""The one place the queue learns the time from.

Moments are whole microseconds since the epoch, UTC; lengths are seconds. The wall clock may jump in both
directions; nothing here assumes that it does not.
"""

import time
from typing import Protocol

__all__ = ["MICROSECONDS", "Clock", "HandClock", "SystemClock"]

MICROSECONDS = 1_000_000


class Clock(Protocol):
    """What the queue asks of time."""

    def now(self) -> int:
        """The moment it is, in microseconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards, for deadlines of waits."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait that long."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """Wall clock microseconds."""
        return time.time_ns() // 1_000

    def monotonic(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Block the thread."""
        time.sleep(seconds)


class HandClock:
    """A clock that is moved by hand; sleeping moves it too."""

    def __init__(self, now: int = 1_750_000_000 * MICROSECONDS) -> None:
        self._now = now
        self._monotonic = 0.0

    def now(self) -> int:
        """Where the hand stands."""
        return self._now

    def monotonic(self) -> float:
        """Seconds slept so far."""
        return self._monotonic

    def sleep(self, seconds: float) -> None:
        """Move on at once."""
        self._monotonic += seconds
        self.move(seconds)

    def move(self, seconds: float) -> None:
        """Move the wall clock, backwards if `seconds` is negative."""
        self._now += round(seconds * MICROSECONDS)
