"""The kernel in a Python program: ``from animus_kernel import Animus``.

    with Animus("path/to/project") as animus:
        result = animus.run("quick", vars={"name": "value"})
        print(result.status)

The program is the project's host for the length of the block, with the same plugins, queue and rules as a daemon;
runs that are under way at its end go on with the next host. Schedules and triggers are a daemon's business.
"""

import asyncio
import concurrent.futures
import threading
from pathlib import Path
from typing import Any, Self

from animus_composition.assembly import assemble
from animus_composition.settings import load_settings
from animus_control.errors import ControlError, error_from_fault
from animus_control.operations import OPERATIONS
from animus_control.project import find_project
from animus_kernel.kernel import LIBRARY, Kernel
from animus_kernel.serving.instance import hold_instance
from animus_kernel.serving.session import EventListener, follow_runs
from animus_plugin_protocol.errors import RpcFault
from animus_plugin_protocol.wire import control
from animus_plugin_runtime import sweep_orphans

__all__ = ["Animus"]


class Animus:
    """A project, hosted by this program while the block is entered. Its methods block and may be called by any thread.

    Args:
        root: the project, or a directory in it.
        pool_size: runs under way at once; the project's setting when left out.
        on_event: told what happens to runs, in a thread of ours; it must be quick.
    """

    def __init__(
        self, root: Path | str = ".", *, pool_size: int | None = None, on_event: EventListener | None = None
    ) -> None:
        self._project = find_project(Path(root))
        self._pool_size, self._on_event = pool_size, on_event
        self._hosted: concurrent.futures.Future[tuple[Kernel, asyncio.AbstractEventLoop]] = concurrent.futures.Future()
        self._thread = threading.Thread(target=self._serve, name="animus", daemon=True)

    def __enter__(self) -> Self:
        """Become the host.

        Raises:
            ControlError: ``conflict`` when a daemon or another program is it; what keeps the project from running.
        """
        self._project.ensure_state()
        self._thread.start()
        self._hosted.result()
        return self

    def __exit__(self, *_: object) -> None:
        kernel, loop = self._hosted.result()
        loop.call_soon_threadsafe(kernel.ask_to_stop, "the program left the block")
        self._thread.join()

    def run(self, workflow: str | None = None, **wish: Any) -> control.WorkflowRunResult:
        """Run a workflow until it has ended or waits for somebody.

        Args:
            workflow: its name; the project's default one when left out.
            wish: fields of `WorkflowRunParams`: ``subject``, ``title``, ``input``, ``vars``, ``priority``.

        Raises:
            ControlError: nothing was begun. How a run ended is in the result.
        """
        result: control.WorkflowRunResult = self.call(
            "workflow/run", control.WorkflowRunParams(definition=workflow, sync=True, **wish)
        )
        return result

    def enqueue(self, subject: str, workflow: str | None = None, **wish: Any) -> control.QueueEnqueueResult:
        """Put work on the queue and return at once; it is done while this program, or a daemon later, is the host.

        Args:
            subject: ``KIND:ID``.
            workflow: as for `run`.
            wish: fields of `QueueEnqueueParams`, as ``run_at`` and ``idempotency_key``.

        Raises:
            ControlError: nothing was enqueued.
        """
        params = control.QueueEnqueueParams(subject=subject, workflow_ref=workflow, **wish)
        result: control.QueueEnqueueResult = self.call("queue/enqueue", params)
        return result

    def call(self, operation: str, params: Any = None) -> Any:
        """Any operation of the control surface that gives one result, by its name.

        Raises:
            ControlError: as a daemon would answer.
        """
        row = OPERATIONS.get(operation)
        if row is None or row.stream is not None:
            raise ControlError("not_supported", f"there is no operation {operation!r} that gives one result")
        kernel, loop = self._hosted.result()
        work = kernel.run(row, row.params() if params is None else params)
        try:
            return asyncio.run_coroutine_threadsafe(work, loop).result()
        except RpcFault as fault:
            raise error_from_fault(fault, operation) from fault

    def _serve(self) -> None:
        try:
            with hold_instance(self._project, LIBRARY):
                asyncio.run(self._host())
        except BaseException as error:
            if self._hosted.done():
                raise
            self._hosted.set_exception(error)

    async def _host(self) -> None:
        settings = load_settings(self._project, pool_size=self._pool_size, paused=False)
        kernel = Kernel(self._project, assemble(self._project), settings, purpose=LIBRARY)
        try:
            kernel.roles.require()
            await sweep_orphans(kernel.ledger)
            kernel.start_dispatcher()
            if self._on_event is not None:
                kernel.jobs.start("events", follow_runs(kernel, self._on_event))
            self._hosted.set_result((kernel, asyncio.get_running_loop()))
            await kernel.stopping.wait()
        finally:
            await kernel.close()
