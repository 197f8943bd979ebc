"""The daemon: the one process that runs a project's work, and the socket it is asked on."""

import asyncio
import json
import os
import resource
import signal
import sys

import msgspec

from animus_composition.assembly import assemble
from animus_composition.roles import REQUIRED_ROLES
from animus_composition.settings import DaemonSettings, load_settings
from animus_control.errors import ControlError, error_from_fault
from animus_control.listening import listen_on, prepare_endpoint
from animus_control.project import Project
from animus_control.server import ControlServer
from animus_kernel.kernel import DAEMON, Kernel, handler_of
from animus_kernel.serving.instance import hold_instance
from animus_plugin_protocol.errors import RpcFault
from animus_plugin_runtime import sweep_orphans
from animus_process import become_subreaper

__all__ = ["READY", "serve"]

READY = b"ready\n"
"""What goes into the ready pipe; anything else there is the error of a start that failed, as JSON."""


def serve(project: Project, settings: DaemonSettings, *, ready_fd: int | None = None) -> int:
    """Be the project's daemon until told to stop; returns the exit code.

    Raises:
        ControlError: it did not start. Written to `ready_fd` as well.
    """
    try:
        with hold_instance(project, DAEMON):
            must_restart = asyncio.run(_serve(project, settings, ready_fd))
    except ControlError as error:
        _report(ready_fd, json.dumps(error.to_wire()).encode())
        raise
    if must_restart:  # in the same process, so that whoever watches over it sees no end
        settings_now = msgspec.json.encode(load_settings(project)).decode()
        words = ["-P", "-m", "animus_kernel", "--project-root", str(project.root), "--settings", settings_now]
        os.execv(sys.executable, [sys.executable, *words])  # noqa: S606 - our own interpreter with our own words
    return 0


async def _serve(project: Project, settings: DaemonSettings, ready_fd: int | None) -> bool:
    become_subreaper()
    _raise_descriptor_limit()
    assembly = await asyncio.to_thread(assemble, project)
    assembly.roles.require()
    kernel = Kernel(project, assembly, settings, purpose=DAEMON)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, kernel.ask_to_stop, f"signal {number.name}")
    server = ControlServer(kernel.run, lambda row, params: handler_of(row)(kernel, params), kernel.report_failure)
    path = prepare_endpoint(project)
    try:
        swept = await sweep_orphans(kernel.ledger)
        await _start_required(kernel)
        await server.start(listen_on(path))
        kernel.events.record("daemon_started", pid=os.getpid(), flavor=kernel.flavor.id, swept=len(swept))
        for problem in (*kernel.packs.problems, *(error.message for error in kernel.roles.problems.values())):
            kernel.events.record("preflight_warning", message=problem)
        kernel.start_dispatcher()
        _report(ready_fd, READY)
        await kernel.stopping.wait()
    finally:
        await server.close()
        path.unlink(missing_ok=True)
        kernel.events.record("daemon_stopped")
        await kernel.close()
    return kernel.must_restart


async def _start_required(kernel: Kernel) -> None:
    """Fail at the start rather than at the first dispatch."""

    async def start(role: str) -> None:
        try:
            await kernel.plugins.connection_for(role, None)
        except RpcFault as fault:
            error = error_from_fault(fault, "initialize")
            message = f"the plugin for role {role!r} does not start: {error.message}"
            raise ControlError("unavailable", message, details=error.details) from fault

    await asyncio.gather(*map(start, REQUIRED_ROLES))


def _raise_descriptor_limit() -> None:
    """Every run needs a handful of pipes; the usual soft limit of 1,024 is low."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (ValueError, OSError):  # macOS says "unlimited" and means 10,240
            return


def _report(ready_fd: int | None, text: bytes) -> None:
    if ready_fd is not None:
        try:
            os.write(ready_fd, text)
            os.close(ready_fd)
        except OSError:  # whoever started us is gone, or was told already
            return
