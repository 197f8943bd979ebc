"""The daemon itself: how it is, what happened, and what it may start."""

import asyncio
import os
from collections.abc import AsyncIterator

from animus_composition.settings import load_settings
from animus_control.audit import verify
from animus_control.endpoint import socket_path
from animus_control.event_file import read_events
from animus_control.listener import PastAndPresent
from animus_control.log_file import is_wanted, read_log
from animus_control.metrics import describe, render
from animus_control.project import Project
from animus_kernel.kernel import DAEMON, Kernel
from animus_kernel.serving.instance import instance_holder
from animus_kernel.version import VERSION
from animus_plugin_protocol.wire import control
from animus_plugin_protocol.wire.log_storage import LogEntry
from animus_process import usage_of

__all__ = [
    "drain",
    "events",
    "health",
    "logs",
    "metrics",
    "nudge",
    "pause",
    "restart",
    "resume",
    "start",
    "status",
    "stop",
    "verify_audit",
]


async def status(kernel: Kernel, _: control.EmptyParams) -> control.DaemonStatusResult:
    """In the daemon: its own numbers. Elsewhere: who holds the instance lock, if anybody."""
    project, dispatcher = kernel.project, kernel.dispatcher
    if dispatcher is None or kernel.purpose != DAEMON:
        holder = instance_holder(project)
        return control.DaemonStatusResult(
            running=holder is not None and holder.purpose == DAEMON,
            pid=holder.pid if holder else None,
            project_root=str(project.root),
            log_path=str(project.log_path),
        )
    return control.DaemonStatusResult(
        running=True,
        pid=os.getpid(),
        uptime_seconds=(kernel.clock.now() - kernel.started_at).total_seconds(),
        version=VERSION,
        project_root=str(project.root),
        log_path=str(project.log_path),
        socket_path=str(socket_path(project)),
        pool_size=kernel.settings.pool_size,
        active_runs=dispatcher.active,
        parked_runs=len(dispatcher.runs) - dispatcher.active,
        paused=dispatcher.is_paused,
        draining=dispatcher.is_draining,
    )


async def health(kernel: Kernel, _: control.EmptyParams) -> control.DaemonHealthResult:
    """A row per plugin process; the worst of them decides."""
    rows = kernel.plugins.health()
    broken = [row for row in rows if row.status in {"backoff", "cooling_down", "out_of_room"}]
    word = "healthy" if not broken else "degraded" if len(broken) < len(rows) else "unhealthy"
    return control.DaemonHealthResult(status=word, plugins=rows, last_error=broken[0].last_error if broken else None)


async def stop(kernel: Kernel, _: control.EmptyParams) -> control.UnitResult:
    """Begin to end; the answer is sent first."""
    kernel.ask_to_stop("asked over the control socket")
    return control.UnitResult()


async def start(_: Kernel, __: control.EmptyParams) -> control.UnitResult:
    """Whoever is asked runs already."""
    return control.UnitResult()


async def restart(kernel: Kernel, params: control.EmptyParams) -> control.UnitResult:
    """Begin to end, and to start again; the answer is sent first."""
    await asyncio.to_thread(load_settings, kernel.project)  # a bad file must not cost the daemon that runs
    kernel.must_restart = True
    return await stop(kernel, params)


async def nudge(kernel: Kernel, _: control.EmptyParams) -> control.UnitResult:
    """Look at the queue now."""
    kernel.wake()
    return control.UnitResult()


async def pause(kernel: Kernel, params: control.EmptyParams) -> control.DaemonStatusResult:
    """Start nothing new, also after a restart."""
    await kernel.set_paused(paused=True)
    return await status(kernel, params)


async def resume(kernel: Kernel, params: control.EmptyParams) -> control.DaemonStatusResult:
    """Start new runs again."""
    await kernel.set_paused(paused=False)
    return await status(kernel, params)


async def drain(kernel: Kernel, params: control.EmptyParams) -> control.DaemonStatusResult:
    """Start nothing new and end when no run is under way."""
    kernel.drain()
    return await status(kernel, params)


async def events(kernel: Kernel, params: control.DaemonEventsParams) -> AsyncIterator[control.DaemonEvent]:
    """The recorded events, then, if asked for, new ones as they happen."""
    live = kernel.events.listen() if params.follow and kernel.purpose == DAEMON else None
    recorded = await asyncio.to_thread(read_events, kernel.project.events_path, since=params.since, limit=params.limit)

    last = recorded[-1].seq if recorded else 0
    return PastAndPresent(recorded, live, lambda event: event.seq > last)


async def logs(kernel: Kernel, params: control.DaemonLogsParams) -> AsyncIterator[LogEntry]:
    """The entries in the files, then, if asked for, new ones as they are written."""
    live = kernel.logs.follow() if params.follow and kernel.purpose == DAEMON else None
    written = await asyncio.to_thread(read_log, kernel.project.log_path, params)

    seen = {entry.id for entry in written}
    return PastAndPresent(written, live, lambda entry: is_wanted(entry, params) and entry.id not in seen)


async def metrics(kernel: Kernel, params: control.EmptyParams) -> str:
    """The numbers of this process and of the plugins."""
    own = {"loop_lag_seconds": kernel.lag.latest, "loop_lag_max_seconds": kernel.lag.largest}
    used = usage_of(os.getpid())
    if used is not None:
        own |= {"daemon_memory_bytes": used.memory_bytes, "daemon_cpu_seconds_total": used.cpu_seconds}
    return render(describe(await status(kernel, params), await health(kernel, params), kernel.events.counts, own))


def verify_audit(project: Project, _: control.EmptyParams) -> control.AuditVerifyResult:
    """Follow the chain."""
    return control.AuditVerifyResult(**verify(project.audit_path)._asdict())
