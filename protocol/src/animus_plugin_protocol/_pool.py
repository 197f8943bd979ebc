"""Worker threads for handlers: none until the first is needed, never more handlers at once than the bound."""

import threading
from _queue import SimpleQueue  # of queue, which would be imported for nothing else
from collections import deque
from collections.abc import Callable
from typing import Final

__all__ = ["WAITING_LIMIT", "WorkerPool"]

WAITING_LIMIT: Final = 4096
"""Requests that wait for a worker; more are refused, so that a flood cannot grow the process without bound."""


class WorkerPool:
    """Runs jobs on daemon threads, in order of arrival, at most `size` at once.

    Attributes:
        has_room: whether one more could begin now. It only comes to be False through whoever submits.
    """

    def __init__(self, size: int, *, waiting_limit: int = WAITING_LIMIT) -> None:
        self._size = size
        self._waiting_limit = waiting_limit
        self._jobs: SimpleQueue[Callable[[], object]] = SimpleQueue()  # each has a place
        self._waiting: deque[Callable[[], object]] = deque()  # jobs without one
        self._places = threading.Lock()
        self._taken = 0
        self._started = 0
        self.has_room = size > 0

    def submit(self, job: Callable[[], object]) -> bool:
        """Have `job` run; False when too many wait already. A job must not raise."""
        with self._places:
            if self.has_room:
                self._take_place()
                self._hand_out(job)
            elif len(self._waiting) < self._waiting_limit:
                self._waiting.append(job)
            else:
                return False
        return True

    def take_place(self) -> None:
        """A handler that runs on another thread counts from now on. Only while there is room."""
        with self._places:
            self._take_place()

    def give_place(self) -> None:
        """A handler came to its end; the job that has waited longest has its place now."""
        with self._places:
            if self._waiting:
                self._hand_out(self._waiting.popleft())
            else:
                self._taken -= 1
                self.has_room = True

    def _take_place(self) -> None:
        self._taken += 1
        self.has_room = self._taken < self._size

    def _hand_out(self, job: Callable[[], object]) -> None:
        self._jobs.put(job)
        if self._started < self._taken:  # never fewer threads than jobs with a place
            self._started += 1
            threading.Thread(target=self._work, name=f"animus-worker-{self._started}", daemon=True).start()

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            job()
            del job  # an idle worker keeps no request alive
            self.give_place()
