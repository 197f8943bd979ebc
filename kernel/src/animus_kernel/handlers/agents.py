"""Agents: who is at work, and sessions outside of any workflow, which are the daemon's own."""

import asyncio

from animus_control.errors import ControlError
from animus_kernel.kernel import Kernel
from animus_plugin_protocol.wire import control

__all__ = ["at_work", "cancel", "run", "status"]

_SESSIONS_AT_ONCE = 64


async def at_work(kernel: Kernel, _: control.EmptyParams) -> control.DaemonAgentsResult:
    """Everybody, in runs and outside."""
    return control.DaemonAgentsResult(agents=kernel.plugins.sessions.rows())


async def status(kernel: Kernel, params: control.AgentStatusParams) -> control.AgentStatusResult:
    """One session, at work or ended."""
    live = kernel.plugins.sessions.live(params.id)
    return live.status if live else await asyncio.to_thread(_kept, kernel, params.id)


async def cancel(kernel: Kernel, params: control.AgentSessionParams) -> control.UnitResult:
    """End a session at work; what a phase makes of its agent's end is the workflow's business."""
    live = kernel.plugins.sessions.live(params.session_id)
    if live is None:
        ended = await asyncio.to_thread(_kept, kernel, params.session_id)
        raise ControlError("conflict", f"session {params.session_id!r} has ended ({ended.status})")
    live.cancel()
    return control.UnitResult()


async def run(kernel: Kernel, params: control.AgentRunParams) -> control.AgentRunResult:
    """Run a session; one that is detached outlives its caller, any other ends with it."""
    if len(kernel.plugins.sessions.rows()) >= _SESSIONS_AT_ONCE:
        raise ControlError("unavailable", f"{_SESSIONS_AT_ONCE} agents are at work; wait for one to end")
    begun: asyncio.Future[control.AgentStatusResult] = asyncio.get_running_loop().create_future()
    job = kernel.jobs.start("agent", kernel.agents.run(params, begun))
    try:
        shown = await begun
        if not params.detach:
            shown = await asyncio.shield(job)
    except asyncio.CancelledError:
        job.cancel()
        await asyncio.wait([job])
        raise
    return control.AgentRunResult(
        session_id=shown.session_id,
        model=shown.model,
        output=shown.output or "",
        usage=shown.usage,
        status=shown.status,
        errors=[shown.last_error] if shown.last_error else [],
    )


def _kept(kernel: Kernel, session_id: str) -> control.AgentStatusResult:
    kept = kernel.agents.read(session_id)
    if kept is None:
        message = f"there is no session {session_id!r} of an agent; a run tells of its own"
        raise ControlError("not_found", message, next_step="animus agent status")
    return kept
