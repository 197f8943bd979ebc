"""Worker threads for handlers: none until the first is needed, never more than the bound."""

import threading
from collections import deque
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
        self._ready = threading.Condition(threading.Lock())
        self._jobs: deque[Callable[[], object]] = deque()
        self._idle = 0
        self._started = 0

    def submit(self, job: Callable[[], object]) -> bool:
        """Have `job` run; False when too many wait already. A job must not raise."""
        with self._ready:
            if len(self._jobs) >= self._waiting_limit:
                return False
            self._jobs.append(job)
            if self._idle >= len(self._jobs) or self._started >= self._size:
                self._ready.notify()
                return True
            self._started += 1
            number = self._started
        threading.Thread(target=self._work, name=f"animus-worker-{number}", daemon=True).start()
        return True

    def _work(self) -> None:
        while True:
            with self._ready:
                self._idle += 1
                while not self._jobs:
                    self._ready.wait()
                self._idle -= 1
                job = self._jobs.popleft()
            job()
            del job  # an idle worker keeps no request alive
