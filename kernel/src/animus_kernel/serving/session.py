"""The kernel in the caller's own process: for reading and enqueuing without a daemon, and for synchronous runs."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from animus_composition.assembly import assemble
from animus_composition.settings import load_settings
from animus_control.client import ControlClient
from animus_control.errors import ControlError, daemon_needed, error_from_fault
from animus_control.operations import OPERATIONS, Operation, Place
from animus_control.project import Project
from animus_kernel.kernel import CLIENT, HOST, Kernel, handler_of
from animus_kernel.serving.instance import hold_instance
from animus_plugin_protocol.errors import RpcFault
from animus_plugin_protocol.wire.control import WorkflowEvent, WorkflowEventsParams, WorkflowRunParams
from animus_plugin_runtime import sweep_orphans
from animus_process import become_subreaper

__all__ = ["EventListener", "follow_runs", "run_operation"]

EventListener = Callable[[WorkflowEvent], None]


def run_operation(project: Project, name: str, params: Any = None, *, on_event: EventListener | None = None) -> Any:
    """Run an operation here. A streaming one gives a list of what there is.

    A synchronous ``workflow/run`` makes this process the project's host until the run has ended or waits for
    somebody; `on_event` is told what happens to it.

    Raises:
        ControlError: as the daemon would answer; ``conflict`` when another process is the host and this one has to be.
    """
    operation = OPERATIONS[name]
    params = operation.params() if params is None else params
    if operation.place is Place.LOCAL:
        return handler_of(operation)(project, params)
    if operation.place is Place.DAEMON:
        raise daemon_needed(f"{name!r} needs a daemon and none serves {str(project.root)!r}")
    project.ensure_state()
    if isinstance(params, WorkflowRunParams) and params.sync:
        with hold_instance(project, HOST):
            return asyncio.run(_run(project, operation, params, on_event, HOST))
    return asyncio.run(_run(project, operation, params, on_event, CLIENT))


async def _run(project: Project, row: Operation, params: Any, on_event: EventListener | None, purpose: str) -> Any:
    settings = load_settings(project, paused=False)
    kernel = Kernel(project, await asyncio.to_thread(assemble, project), settings, purpose=purpose)
    try:
        if purpose == HOST:
            become_subreaper()
            kernel.roles.require()
            await sweep_orphans(kernel.ledger)
        if on_event is not None:
            kernel.jobs.start("events", follow_runs(kernel, on_event))
        if row.stream is not None:
            return [item async for item in await handler_of(row)(kernel, params)]
        result = await kernel.run(row, params)
        if kernel.must_nudge and purpose == CLIENT:
            await asyncio.to_thread(_nudge, project)
    except RpcFault as fault:
        raise error_from_fault(fault, row.name) from fault
    else:
        return result
    finally:
        await kernel.close()


async def follow_runs(kernel: Kernel, on_event: EventListener) -> None:
    """Tell `on_event` what happens to runs, for as long as the kernel lives."""
    async for event in await handler_of(OPERATIONS["workflow/events"])(kernel, WorkflowEventsParams()):
        on_event(event)


def _nudge(project: Project) -> None:
    """A daemon may have started meanwhile; it should look at what was done here."""
    with contextlib.suppress(ControlError):
        client = ControlClient.connect(project)
        if client is not None:
            with client:
                client.call("daemon/nudge")
