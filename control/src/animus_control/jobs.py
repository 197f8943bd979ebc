"""What runs beside the current call: started, awaited at the end, and never failing in silence."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

__all__ = ["Jobs"]

END_SECONDS = 10.0
"""How long jobs may take to end after they were told to."""


class Jobs:
    """A set of running coroutines. `on_failure` is told the name and the exception of one that broke."""

    def __init__(self, on_failure: Callable[[str, BaseException], None]) -> None:
        self._running: set[asyncio.Future[Any]] = set()
        self._on_failure = on_failure

    def start(self, name: str, work: Coroutine[Any, Any, Any]) -> asyncio.Future[Any]:
        """Run `work` until it ends or `close` is called."""
        job = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(job)
        job.add_done_callback(lambda done: self._ended(name, done))
        return job

    async def close(self) -> None:
        """Cancel everything and wait a bounded time for the ends."""
        running = list(self._running)
        for job in running:
            job.cancel()
        if running:
            await asyncio.wait(running, timeout=END_SECONDS)

    def _ended(self, name: str, job: asyncio.Future[Any]) -> None:
        self._running.discard(job)
        error = None if job.cancelled() else job.exception()
        if error is not None:
            self._on_failure(name, error)
