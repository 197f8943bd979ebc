"""Moments at which something is due, for a loop that waits anyway."""

import threading
from collections.abc import Callable

__all__ = ["Alarms"]


class Alarms:
    """What is due when, by a clock that only grows. Any thread sets and drops; one thread rings."""

    def __init__(self) -> None:
        """Start without any."""
        self._turn = threading.Lock()
        self._due: dict[int, tuple[float, Callable[[], object]]] = {}
        self._last = 0

    def set(self, moment: float, callback: Callable[[], object]) -> int:
        """Have `callback` called at `moment`; answers the number to drop it by."""
        with self._turn:
            self._last += 1
            self._due[self._last] = (moment, callback)
            return self._last

    def drop(self, number: int) -> None:
        """Forget one; one that rang or was dropped is fine."""
        with self._turn:
            self._due.pop(number, None)

    def next(self) -> float | None:
        """When the next one is due."""
        with self._turn:
            return min((moment for moment, _ in self._due.values()), default=None)

    def ring(self, now: float) -> None:
        """Call what is due, in the order of the moments."""
        with self._turn:
            due = sorted((moment, number) for number, (moment, _) in self._due.items() if moment <= now)
            callbacks = [self._due.pop(number)[1] for _, number in due]
        for callback in callbacks:
            callback()
