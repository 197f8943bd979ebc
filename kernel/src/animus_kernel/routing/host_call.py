"""``host/call``: a plugin asks the kernel for another plugin (docs/decisions/0009-host-calls.md).

The kernel checks that the caller declared what it calls, finds the callee, and passes bytes: the result, the error
with ``data.via``, the notes in order before the answer. A slow caller loses notes, never the kernel its memory; what
a run's callee said is kept in full in the run's log, up to a bound.
"""

import asyncio
import functools
import itertools
import os
from collections import Counter
from pathlib import Path
from typing import Any, Protocol, cast

import msgspec

from animus_plugin_protocol import methods
from animus_plugin_protocol.codec import DECODE_ERRORS
from animus_plugin_protocol.errors import ErrorCode, RefusedError, RetriableError, RpcFault
from animus_plugin_protocol.wire.host import HostCallParams, HostNote
from animus_plugin_protocol.wire.provider import AgentCancelParams
from animus_plugin_runtime import Connection, Note, PluginRequest
from animus_plugin_runtime.run_stream import RunStream

__all__ = ["MAX_HOPS", "HostCalls", "Routes"]

MAX_HOPS = 3
"""How long a chain of plugins calling plugins may be."""

_CALLS_AT_ONCE = 256
_AGENT_CANCEL_SECONDS = 10.0
_PROVIDER = "provider"


class Routes(Protocol):
    """Finds the plugin for a call."""

    async def connection_for(self, kind: str, name: str | None) -> Connection:
        """The plugin for `kind`, the one called `name` if given.

        Raises:
            RpcFault: -32500 when there is none, -32502 when it cannot be started.
        """
        ...


class HostCalls:
    """Serves the host calls of all plugins of a project."""

    def __init__(self, routes: Routes, run_logs: Path) -> None:
        self._routes = routes
        self._run_logs = run_logs
        self._numbers = itertools.count(1)
        self._under_way: Counter[str] = Counter()
        self._depths: dict[str, Counter[int]] = {}

    async def serve(self, caller: Connection, request: PluginRequest) -> Any:
        """Answer one ``host/call`` of `caller`; cancelled when the caller cancels or dies.

        Raises:
            RpcFault: the callee's error, or the kernel's own (-32500 to -32504).
        """
        if request.method != methods.HOST_CALL:
            raise RefusedError(f"the host has no method {request.method!r}", code=ErrorCode.METHOD_NOT_FOUND)
        try:
            params = msgspec.json.decode(request.params, type=HostCallParams)
        except DECODE_ERRORS as error:
            raise RefusedError(f"bad params for {methods.HOST_CALL!r}: {error}") from None
        self._check(caller, params)
        depth = max(self._depths.get(caller.plugin, Counter()), default=0) + 1
        if depth > MAX_HOPS:
            message = f"{caller.plugin!r} is at the end of a chain of {MAX_HOPS} host calls and may not call further"
            raise RefusedError(message, code=ErrorCode.HOST_CALL_TOO_DEEP)
        if self._under_way[caller.plugin] >= _CALLS_AT_ONCE:
            message = f"{caller.plugin!r} has {_CALLS_AT_ONCE} host calls under way; wait for some to end"
            raise RetriableError(message, code=ErrorCode.HOST_OVERLOADED)
        callee = await self._routes.connection_for(params.kind, params.name)
        depths = self._depths.setdefault(callee.plugin, Counter())
        self._under_way[caller.plugin] += 1
        depths[depth] += 1
        try:
            return await self._pass_on(caller, str(request.id), callee, params)
        finally:
            self._under_way[caller.plugin] -= 1
            depths[depth] -= 1
            if not depths[depth]:
                del depths[depth]

    def _check(self, caller: Connection, params: HostCallParams) -> None:
        capability = f"$host/call:{params.kind}"
        declared = caller.initialize_result
        if declared is None or capability not in declared.capabilities.methods:
            message = f"{caller.plugin!r} calls {params.kind!r} and did not declare {capability!r} in its capabilities"
            raise RefusedError(message, code=ErrorCode.HOST_CALL_NOT_DECLARED)
        row = methods.METHODS.get(params.method)
        shared = row is not None and row.kind == methods.EVERY_KIND and params.method != methods.HEALTH_CHECK
        if shared or (row is not None and row.kind not in {params.kind, methods.EVERY_KIND}):
            message = f"{params.method!r} is no method of kind {params.kind!r}"
            raise RefusedError(message, code=ErrorCode.METHOD_NOT_FOUND)

    async def _pass_on(self, caller: Connection, call_id: str, callee: Connection, params: HostCallParams) -> Any:
        session_id, raw = _with_session(params)
        stream = RunStream.open(self._run_logs, params.run_id, f"{callee.plugin}-{next(self._numbers)}")
        numbers = itertools.count(1)

        async def forward(note: Note) -> None:
            seq, dropped = next(numbers), note.dropped or None
            wire = HostNote(id=call_id, seq=seq, method=note.method, params=note.params, dropped=dropped)
            await caller.send_note(methods.HOST_NOTE, wire)

        seconds = params.timeout_ms / 1000 if params.timeout_ms is not None else None
        call_raw = functools.partial(callee.call_raw, on_note=forward, on_every_note=stream.write)
        call = asyncio.ensure_future(call_raw(params.method, raw, timeout_seconds=seconds, session_id=session_id))
        try:
            return await asyncio.shield(call)
        except asyncio.CancelledError:
            call.cancel()
            await self._cancel_agent(callee, params, session_id)
            await asyncio.wait([call])  # bounded: the runtime waits ten seconds for a cancelled call
            raise
        except RpcFault as fault:
            data: Any = fault.data
            said = cast("dict[str, Any]", data) if isinstance(data, dict) else {"data": data}
            fault.data = said | {"via": {"kind": params.kind, "name": callee.plugin}}
            raise
        finally:
            stream.close()

    async def _cancel_agent(self, callee: Connection, params: HostCallParams, session_id: str | None) -> None:
        if params.kind == _PROVIDER and session_id is not None:
            wire = AgentCancelParams(session_id=session_id)
            try:
                await callee.call_raw(methods.AGENT_CANCEL, wire, timeout_seconds=_AGENT_CANCEL_SECONDS)
            except RpcFault:
                return  # it has ended already, or does not know how


def _with_session(params: HostCallParams) -> tuple[str | None, msgspec.Raw]:
    """Providers tell the notes of two runs apart by a session id only, so each run gets one."""
    if params.method not in {methods.AGENT_RUN, methods.AGENT_RESUME}:
        return None, params.params
    fields = msgspec.json.decode(params.params, type=dict[str, msgspec.Raw])
    for name in ("control_session_id", "session_id"):  # of a resumed one the latter is the callee's own
        given = msgspec.json.decode(fields[name]) if name in fields else None
        if isinstance(given, str):
            return given, params.params
    made = f"{params.run_id or 'call'}-{os.urandom(6).hex()}"
    fields["session_id"] = msgspec.Raw(msgspec.json.encode(made))
    return made, msgspec.Raw(msgspec.json.encode(fields))
