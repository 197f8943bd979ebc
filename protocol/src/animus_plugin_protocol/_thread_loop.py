"""The loop of plugins whose handlers are plain functions: blocking reads, worker threads, no asyncio."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from animus_plugin_protocol._call import Call, report_exception
from animus_plugin_protocol._declaration import Declaration, Route
from animus_plugin_protocol._in_place import Reading
from animus_plugin_protocol._pool import WorkerPool
from animus_plugin_protocol._quick import QuickMethods
from animus_plugin_protocol._routing import Engine
from animus_plugin_protocol._session import Session
from animus_plugin_protocol._streams import Source

__all__ = ["serve"]


class ThreadScheduler:
    """Handlers on workers; the rare rest on a thread of its own, so that it never queues behind a handler."""

    def __init__(self, pool: WorkerPool, run: Callable[[Call], object] = Call.run) -> None:
        self._pool = pool
        self._run = run

    def start(self, call: Call) -> bool:
        """Hand the call to a worker."""
        return self._pool.submit(partial(self._run, call))

    def deliverer(self, route: Route) -> Callable[[Callable[[], object]], object]:  # noqa: ARG002 - the shape of Scheduler
        """Run callbacks each on a thread of its own."""
        return self._deliver

    def defer(self, job: Callable[[], object]) -> None:
        """Run the job on a thread of its own."""
        threading.Thread(target=job, name="animus-deferred", daemon=True).start()

    def run_hook(self, hook: Callable[[], Any], timeout_seconds: float) -> None:
        """Run the hook on a thread of its own and wait for it, but not longer than it may take."""
        failed: list[BaseException] = []

        def run() -> None:
            try:
                hook()
            except BaseException as error:  # noqa: BLE001 - handed to the waiting thread
                failed.append(error)

        thread = threading.Thread(target=run, name="animus-hook", daemon=True)
        thread.start()
        thread.join(timeout_seconds)
        if failed:
            raise failed[0]

    def _deliver(self, callback: Callable[[], object]) -> None:
        def run() -> None:
            try:
                callback()
            except Exception as error:  # noqa: BLE001 - a callback has nobody above it
                report_exception("an on_cancel callback failed", error)

        self.defer(run)


def serve(declaration: Declaration, session: Session, source: Source) -> bool:
    """Read until the host closes stdin or says ``exit``, then end in bounded time.

    Whether every handler came to its end; one that did not is left on its thread.
    """
    pool = WorkerPool(declaration.workers)
    quick = QuickMethods(declaration, session.clock)
    engine = Engine(declaration, session, ThreadScheduler(pool, quick.run))
    Reading(engine, source, pool, quick).run()
    engine.host_is_gone()
    return engine.wind_down()
