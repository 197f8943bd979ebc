"""Worker threads for handlers: none until the first is needed, never more than the bound."""

import threading
from _queue import SimpleQueue  # of queue, which would be imported for nothing else
from collections.abc import Callable
from typing import Final

__all__ = ["WAITING_LIMIT", "WorkerPool"]

WAITING_LIMIT: Final = 4096
"""Requests that wait for a worker; more are refused, so that a flood cannot grow the process without bound."""


class WorkerPool:
    """Runs jobs on at most `size` daemon threads, in order of arrival."""

    def __init__(self, size: int, *, waiting_limit: int = WAITING_LIMIT) -> None:
        self._size = size
        self._waiting_limit = waiting_limit
        self._jobs: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._counts = threading.Lock()
        self._waiting = 0  # jobs that no thread has taken
        self._idle = 0  # threads that wait for one
        self._started = 0

    def submit(self, job: Callable[[], object]) -> bool:
        """Have `job` run; False when too many wait already. A job must not raise."""
        with self._counts:
            if self._waiting >= self._waiting_limit:
                return False
            self._waiting += 1
            starts = self._waiting > self._idle and self._started < self._size
            self._started = number = self._started + starts
        self._jobs.put(job)
        if starts:
            threading.Thread(target=self._work, name=f"animus-worker-{number}", daemon=True).start()
        return True

    def _work(self) -> None:
        while True:
            with self._counts:
                self._idle += 1
            job = self._jobs.get()
            with self._counts:
                self._idle -= 1
                self._waiting -= 1
            job()
            del job  # an idle worker keeps no request alive
