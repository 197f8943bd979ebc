"""``host/call``: a plugin asks its host for another plugin (docs/decisions/0009-host-calls.md).

The host checks that the caller declared what it calls, finds the callee, and passes bytes: the result, the error
with ``data.via``, the notes in order before the answer. A slow caller loses notes, never the host its memory; what
a run's callee said is kept in full in the run's log, up to a bound.
"""

import datetime
import functools
import itertools
import os
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

import msgspec

from animus_plugin_protocol import methods
from animus_plugin_protocol.codec import DECODE_ERRORS
from animus_plugin_protocol.errors import ErrorCode, RefusedError, RetriableError, RpcFault
from animus_plugin_protocol.wire.control import AgentRow
from animus_plugin_protocol.wire.host import HostCallParams
from animus_plugin_runtime.agent_session import AgentSessions, LiveSession
from animus_plugin_runtime.connection import Connection
from animus_plugin_runtime.inbound import PluginRequest
from animus_plugin_runtime.note import Note
from animus_plugin_runtime.provider_processes import PROVIDER, ProviderProcesses
from animus_plugin_runtime.redaction import secret_values
from animus_plugin_runtime.relay import NoteSender, Relay, with_via
from animus_plugin_runtime.run_stream import RunStream

__all__ = ["MAX_HOPS", "HostCalls", "Routes"]

MAX_HOPS = 3
"""How long a chain of plugins calling plugins may be."""

_CALLS_AT_ONCE = 256
_params_decoder = msgspec.json.Decoder(HostCallParams)
_PHASE_VARIABLE = "ANIMUS_PHASE_ID"
_SESSIONS = frozenset({methods.AGENT_RUN, methods.AGENT_RESUME})
_OF_A_SESSION = frozenset({methods.AGENT_RESPOND, methods.AGENT_CANCEL})


class Routes(Protocol):
    """Finds the plugin for a call."""

    async def connection_for(self, kind: str, name: str | None) -> Connection:
        """The plugin for `kind`, the one called `name` if given.

        Raises:
            RpcFault: -32500 when there is none, -32502 when it cannot be started.
        """
        ...

    def open_connection(self, kind: str, name: str | None) -> Connection | None:
        """As `connection_for` where nothing has to be started or asked for it; else None."""
        ...

    async def provider(self, name: str | None) -> ProviderProcesses:
        """The provider called `name`, whose sessions may need processes of their own. Raises as `connection_for`."""
        ...


class HostCalls:
    """Serves the host calls of all plugins of a project; agents at work are noted in `sessions`."""

    def __init__(
        self, routes: Routes, run_logs: Path, sessions: AgentSessions, now: Callable[[], datetime.datetime]
    ) -> None:
        self._routes, self._sessions, self._now = routes, sessions, now
        self._run_logs = run_logs
        self._numbers = itertools.count(1)
        self._under_way: dict[str, int] = {}
        self._depths: dict[str, dict[int, int]] = {}

    def serve(self, caller: Connection, request: PluginRequest) -> "Coroutine[Any, Any, Any] | Relay":
        """Answer one ``host/call`` of `caller`; given up when the caller cancels or dies.

        Raises:
            RpcFault: the callee's error, or the kernel's own (-32500 to -32504).
        """
        if request.method != methods.HOST_CALL:
            raise RefusedError(f"the host has no method {request.method!r}", code=ErrorCode.METHOD_NOT_FOUND)
        try:
            params = _params_decoder.decode(request.params)
        except DECODE_ERRORS as error:
            raise RefusedError(f"bad params for {methods.HOST_CALL!r}: {error}") from None
        self._check(caller, params)
        depth = self._depth_below(caller)
        session = _session_of(params)
        callee = None if session else self._routes.open_connection(params.kind, params.name)
        if callee is None or not callee.channel.has_room:
            return self._serve(caller, request, params, session, depth)
        relay = Relay(caller, request, callee, params, depth, self._leave, self._open_stream)
        self._enter(caller.plugin, callee.plugin, depth)
        return relay

    async def _serve(
        self, caller: Connection, request: PluginRequest, params: HostCallParams, session: "_Session | None", depth: int
    ) -> Any:
        if session is None or params.method not in _SESSIONS:
            known = None if session is None else self._sessions.live(session.id)
            connection = known.connection if known else await self._routes.connection_for(params.kind, params.name)
            return await self._count(caller, request, _Callee(connection, params.params), params, depth)
        async with self._session(params, session) as callee:
            return await self._count(caller, request, callee, params, depth)

    async def _count(
        self, caller: Connection, request: PluginRequest, callee: "_Callee", params: HostCallParams, depth: int
    ) -> Any:
        self._enter(caller.plugin, callee.connection.plugin, depth)
        try:
            return await self._pass_on(caller, request, callee, params)
        finally:
            self._leave(caller.plugin, callee.connection.plugin, depth)

    def _depth_below(self, caller: Connection) -> int:
        """How deep in a chain of calls one of `caller` would be. Raises: RpcFault: it has to wait, or may not call."""
        plugin, depth = caller.plugin, 1
        if self._depths.get(plugin):
            depth += max(self._depths[plugin])
        if depth > MAX_HOPS:
            message = f"{plugin!r} is at the end of a chain of {MAX_HOPS} host calls and may not call further"
            raise RefusedError(message, code=ErrorCode.HOST_CALL_TOO_DEEP)
        if self._under_way.get(plugin, 0) >= _CALLS_AT_ONCE:
            message = f"{plugin!r} has {_CALLS_AT_ONCE} host calls under way; wait for some to end"
            raise RetriableError(message, code=ErrorCode.HOST_OVERLOADED)
        return depth

    def _enter(self, caller: str, callee: str, depth: int) -> None:
        self._under_way[caller] = self._under_way.get(caller, 0) + 1
        depths = self._depths.setdefault(callee, {})
        depths[depth] = depths.get(depth, 0) + 1

    def _leave(self, caller: str, callee: str, depth: int) -> None:
        self._under_way[caller] -= 1
        depths = self._depths[callee]
        depths[depth] -= 1
        if not depths[depth]:
            del depths[depth]

    def _open_stream(self, plugin: str, run_id: str | None, secrets: Sequence[str] = ()) -> RunStream:
        return RunStream.open(self._run_logs, run_id, f"{plugin}-{next(self._numbers)}", secrets)

    @asynccontextmanager
    async def _session(self, params: HostCallParams, session: "_Session") -> AsyncGenerator["_Callee"]:
        """Who runs a session of an agent; it may need a process of its own, and what is about it goes there."""
        await self._sessions.settle(params.run_id)
        provider = await self._routes.provider(params.name)
        async with provider.session() as connection:
            row = AgentRow(
                session_id=session.id,
                provider=connection.plugin,
                model=session.model,
                started_at=self._now(),
                workflow_id=params.run_id,
                phase_id=session.env.get(_PHASE_VARIABLE),
            )
            with self._sessions.at_work(row, connection, secret_values(session.env)) as live:
                yield _Callee(connection, session.params, live, functools.partial(provider.see, session.id))

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

    async def _pass_on(
        self, caller: Connection, request: PluginRequest, callee: "_Callee", params: HostCallParams
    ) -> Any:
        plugin, live, see = callee.connection.plugin, callee.live, callee.see
        stream = self._open_stream(plugin, params.run_id, live.secrets if live else ())

        def keep(note: Note) -> None:
            if see is not None:
                see(note)
            stream.write(note)

        call = callee.connection.call_raw(
            params.method,
            callee.params,
            timeout_seconds=params.timeout_ms / 1000 if params.timeout_ms is not None else None,
            session_id=live.row.session_id if live else None,
            on_note=NoteSender(caller, request.id).send,
            on_every_note=keep,
        )
        try:
            return await (live.ended(call) if live else call)
        except RpcFault as fault:
            raise with_via(fault, params.kind, plugin) from None
        finally:
            stream.close()


class _Callee(NamedTuple):
    """Who answers a call, with which params; for a session of an agent also that, and who learns from its notes."""

    connection: Connection
    params: msgspec.Raw
    live: LiveSession | None = None
    see: Callable[[Note], None] | None = None


class _Session(NamedTuple):
    """What a call says about the session of an agent that it is about, and its params with an id for it."""

    id: str
    params: msgspec.Raw
    env: dict[str, str]
    model: str


class _Agent(msgspec.Struct):
    session_id: Any = None
    control_session_id: Any = None
    model: Any = None
    env: Any = None


def _session_of(params: HostCallParams) -> _Session | None:
    """Providers tell the notes of two runs apart by a session id only, so each run gets one."""
    if params.kind != PROVIDER or params.method not in _SESSIONS | _OF_A_SESSION:
        return None
    try:
        agent = msgspec.json.decode(params.params, type=_Agent)
        fields = msgspec.json.decode(params.params, type=dict[str, msgspec.Raw])
    except DECODE_ERRORS as error:
        raise RefusedError(f"bad params for {params.method!r}: {error}") from None
    given_env: Any = agent.env
    variables = cast("dict[str, Any]", given_env) if isinstance(given_env, dict) else {}
    env = {name: value for name, value in variables.items() if isinstance(value, str)}
    model = agent.model if isinstance(agent.model, str) else ""
    for given in (agent.control_session_id, agent.session_id):  # of a resumed one the latter is the callee's own
        if isinstance(given, str):
            return _Session(given, params.params, env, model)
    made = f"{params.run_id or 'call'}-{os.urandom(6).hex()}"
    fields["session_id"] = msgspec.Raw(msgspec.json.encode(made))
    return _Session(made, msgspec.Raw(msgspec.json.encode(fields)), env, model)
