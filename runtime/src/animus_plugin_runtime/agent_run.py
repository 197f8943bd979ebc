"""Sessions of agents that were asked for outside of a workflow: run, and written down as they begin and as they end.

So their end is known whoever died meanwhile. A session of a workflow's phase is its runner's to remember.
"""

import asyncio
import datetime
import re
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from animus_plugin_protocol import methods
from animus_plugin_protocol.codec import DECODE_ERRORS
from animus_plugin_protocol.errors import ErrorCode, RpcFault
from animus_plugin_protocol.wire import control, provider
from animus_plugin_runtime.agent_session import AgentSessions, LiveSession
from animus_plugin_runtime.durable import write_durably
from animus_plugin_runtime.note import Note
from animus_plugin_runtime.provider_processes import ProviderProcesses
from animus_plugin_runtime.redaction import redacted, secret_values

__all__ = ["KEPT_SESSIONS", "AgentHost", "AgentRuns"]

KEPT_SESSIONS = 100
"""How many sessions are remembered."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_Begun = asyncio.Future[control.AgentStatusResult]


class AgentHost(NamedTuple):
    """What sessions take from their host: who is at work, who runs agents, the time, where, and who hears of an end."""

    sessions: AgentSessions
    provider: Callable[[str | None], Awaitable[ProviderProcesses]]
    now: Callable[[], datetime.datetime]
    root: Path
    on_ended: Callable[[control.AgentStatusResult], None]


class AgentRuns:
    """Of one project; each is a file in `directory`."""

    def __init__(self, directory: Path, host: AgentHost) -> None:
        self._directory, self._host = directory, host

    async def run(self, params: control.AgentRunParams, begun: _Begun) -> control.AgentStatusResult | None:
        """Run a session from its beginning, which settles `begun`, to its end. None when it could not begin."""
        host = self._host
        try:
            processes = await host.provider(params.provider or None)
            async with processes.session() as connection:
                row = control.AgentRow(
                    session_id=f"agent-{uuid.uuid4().hex}",
                    provider=connection.plugin,
                    model=params.model or "",
                    started_at=host.now(),
                )
                with host.sessions.at_work(row, connection, secret_values(params.env)) as live:
                    self._write(live.status)
                    begun.set_result(live.status)
                    return await self._talk(params, live, processes)
        except RpcFault as fault:
            begun.set_exception(fault)  # before the beginning: no later fault gets here
            return None

    def read(self, session_id: str) -> control.AgentStatusResult | None:
        """A session that is not at work here; one that still counts as running has lost its host."""
        try:
            raw = (self._directory / f"{session_id}.json").read_bytes() if _ID.fullmatch(session_id) else None
        except FileNotFoundError:
            raw = None
        if raw is None:
            return None
        kept = msgspec.json.decode(raw, type=control.AgentStatusResult)
        if kept.status != "running":
            return kept
        return msgspec.structs.replace(kept, status="failed", last_error="the daemon that ran it is gone")

    async def _talk(
        self, params: control.AgentRunParams, live: LiveSession, processes: ProviderProcesses
    ) -> control.AgentStatusResult:
        session_id, wire = live.row.session_id, _wire(params, live.row.session_id, str(self._host.root))

        def hear(note: Note) -> None:
            processes.see(session_id, note)
            live.hear(note)

        how: dict[str, Any] = {"status": "cancelled", "last_error": "whoever asked for it, or the daemon, is gone"}
        try:
            call = live.connection.call_raw(methods.AGENT_RUN, wire, session_id=session_id, on_every_note=hear)
            how = _end(msgspec.json.decode(await live.ended(call), type=provider.AgentRunResult))
        except RpcFault as fault:
            is_cancelled = fault.code == ErrorCode.REQUEST_CANCELLED
            how = {"status": "cancelled" if is_cancelled else "failed", "last_error": fault.message}
        except DECODE_ERRORS as error:
            how = {"status": "failed", "last_error": f"the provider's answer is none: {error}"}
        finally:
            shown = msgspec.structs.replace(live.status, finished_at=self._host.now(), **redacted(how, live.secrets))
            self._write(shown)
            self._host.on_ended(shown)
        return shown

    def _write(self, status: control.AgentStatusResult) -> None:
        """The oldest ones make room."""
        write_durably(self._directory / f"{status.session_id}.json", msgspec.json.encode(status))
        files = sorted(self._directory.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        for path in files[:-KEPT_SESSIONS]:
            path.unlink(missing_ok=True)


def _wire(params: control.AgentRunParams, session_id: str, root: str) -> provider.AgentRunParams:
    return provider.AgentRunParams(
        prompt=params.prompt,
        session_id=session_id,
        project_root=root,
        cwd=params.cwd or root,
        model=params.model,
        system_prompt=params.system,
        env=params.env,
        command=params.command,
        timeout_secs=params.timeout_secs,
        permission_mode=params.permission_mode,
        reasoning_effort=params.reasoning_effort,
    )


def _end(result: provider.AgentRunResult) -> dict[str, Any]:
    used, cost = result.tokens_used, result.cost_usd
    usage = used and control.AgentUsage(
        prompt_tokens=used.input,
        completion_tokens=used.output,
        cost_micro_usd=None if cost is None else round(cost * 1e6),
    )
    reason = "; ".join(result.errors) or f"exit code {result.exit_code}"
    return {
        "status": "completed" if result.exit_code == 0 else "failed",
        "last_error": None if result.exit_code == 0 else reason,
        "output": result.output,
        "model": result.model or "",
        "usage": usage,
    }
