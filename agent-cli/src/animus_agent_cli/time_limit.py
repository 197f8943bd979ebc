"""A time limit that stands still while a person is waited for."""

import threading

from animus_process import Clock

__all__ = ["TimeLimit"]


class TimeLimit:
    """Counts from `start`. Any thread holds and releases."""

    def __init__(self, seconds: float | None, clock: Clock) -> None:
        """Without `seconds` there is no limit."""
        self._seconds = seconds
        self._clock = clock
        self._turn = threading.Lock()
        self._started = clock.monotonic()
        self._held_since = 0.0
        self._holds = 0
        self._held_seconds = 0.0

    def start(self) -> None:
        """Count from now."""
        with self._turn:
            self._started = self._held_since = self._clock.monotonic()

    def hold(self) -> None:
        """Stand still until `release`. Holds are counted."""
        with self._turn:
            if self._holds == 0:
                self._held_since = self._clock.monotonic()
            self._holds += 1

    def release(self) -> None:
        """One hold less."""
        with self._turn:
            self._holds -= 1
            if self._holds == 0:
                self._held_seconds += self._clock.monotonic() - self._held_since

    def deadline(self) -> float | None:
        """When it is over; None while it is held, or without a limit."""
        with self._turn:
            if self._seconds is None or self._holds:
                return None
            return self._started + self._seconds + self._held_seconds
