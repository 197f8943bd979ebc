"""Agents through the host: an `AgentCaller` that asks the kernel for the provider (``host/call``)."""

import asyncio
from typing import Any

import msgspec

from animus_plugin_protocol import AsyncContext, ErrorCode, RpcFault, methods
from animus_plugin_protocol.errors import HostGoneError
from animus_plugin_protocol.wire.host import HostNote
from animus_plugin_protocol.wire.provider import (
    AgentRespondParams,
    AgentRespondResult,
    AgentRunParams,
    AgentRunResult,
)
from animus_workflow_runner_default.json_value import json_object
from animus_workflow_runner_default.phases.agent import (
    AgentCallError,
    AgentListener,
    AgentReply,
    AgentRequest,
    CallFacts,
)
from animus_workflow_runner_default.phases.agent_state import Response
from animus_workflow_runner_default.phases.observation import LOST

__all__ = ["COMMAND_TOOL", "HostAgentCaller"]

COMMAND_TOOL = "command"
"""The tool id of the provider that runs any local program."""
RESPOND_SECONDS = 30.0
CALL_GRACE_SECONDS = 30.0
"""How much longer than the agent's own time limit its provider may take to say that it was over."""

_TEXT_NOTES = {
    methods.AGENT_OUTPUT: "output",
    methods.AGENT_THINKING: "thinking",
    methods.AGENT_TOOL_CALL: "tool",
    methods.AGENT_TOOL_RESULT: "tool",
    methods.AGENT_ERROR: "error",
}
_TRANSIENT = frozenset({ErrorCode.HOST_PLUGIN_DIED, ErrorCode.HOST_OVERLOADED})
_UNAVAILABLE = frozenset({ErrorCode.HOST_NO_SUCH_PLUGIN, ErrorCode.METHOD_NOT_FOUND})
_NOT_STARTED = "session_start_failed"
_FAILURE_OF_CATEGORY = {"unavailable": "target_unavailable", "model_not_supported": "target_unavailable"}


class HostAgentCaller:
    """Calls agents for one request of the host."""

    def __init__(self, context: AsyncContext) -> None:
        self._context = context

    async def __call__(self, request: AgentRequest, listener: AgentListener) -> AgentReply:
        """Run the agent, or go on with its session.

        Raises:
            AgentCallError: the host or the provider refused or failed.
        """
        name = _name(request)
        limit = request.timeout_seconds
        try:
            raw = await self._context.call_host(
                "provider",
                methods.AGENT_RUN if request.resume_id is None else methods.AGENT_RESUME,
                _params(request),
                name=name,
                run_id=request.run_id,
                timeout_seconds=None if limit is None or request.is_bounded else limit + CALL_GRACE_SECONDS,
                on_note=lambda note: _tell(listener, note),
            )
        except RpcFault as fault:
            await self._wait_if_host_is_gone(fault)
            raise _call_error(fault, name, is_resumed=request.resume_id is not None) from fault
        try:
            result = msgspec.json.decode(raw, type=AgentRunResult)
        except msgspec.DecodeError as error:
            raise AgentCallError(f"the answer of tool {name or 'any'!r} is no agent result: {error}") from error
        used = result.tokens_used
        return AgentReply(
            exit_code=result.exit_code,
            output=result.output,
            errors=result.errors,
            backend=result.backend,
            resume_id=result.resume_id,
            decision=result.decision_verdict,
            tokens=None if used is None else _counted(msgspec.to_builtins(used)),
            cost_usd=result.cost_usd,
            model=result.model,
        )

    async def _wait_if_host_is_gone(self, fault: RpcFault) -> None:
        """Whether the agent failed is not known then: its call stays open in the journal; this process is ending."""
        if isinstance(fault, HostGoneError) or self._context.is_stopping():
            await asyncio.Event().wait()  # until the loop cancels what is left

    async def respond(self, request: AgentRequest, native_id: str, response: Response) -> bool:
        """Answer what the agent of `request` asked.

        Raises:
            AgentCallError: its provider cannot be reached.
        """
        name = _name(request)
        params = AgentRespondParams(
            interaction_id=native_id, session_id=request.session, response=msgspec.to_builtins(response)
        )
        try:
            raw = await self._context.call_host(
                "provider",
                methods.AGENT_RESPOND,
                params,
                name=name,
                run_id=request.run_id,
                timeout_seconds=RESPOND_SECONDS,
            )
            return msgspec.json.decode(raw, type=AgentRespondResult).accepted
        except RpcFault as fault:
            raise _call_error(fault, name, is_resumed=False) from fault
        except msgspec.DecodeError:
            return False


def _name(request: AgentRequest) -> str | None:
    return request.target.tool if request.program is None else COMMAND_TOOL


def _tell(listener: AgentListener, note: HostNote) -> None:
    if note.dropped:
        listener.observe(LOST, {"count": note.dropped})
        listener.show("error", f"({note.dropped} pieces left out here; the host's log of the run has them)")
    try:
        body = json_object(msgspec.json.decode(note.params)) or {}
    except msgspec.DecodeError:
        return
    kind = _TEXT_NOTES.get(note.method)
    if kind is not None:
        listener.show(kind, _note_text(body))
        _observe(listener, note.method, body)
    elif note.method == methods.AGENT_SESSION_STARTED:
        resume_id = body.get("resume_id")
        if isinstance(resume_id, str) and resume_id:
            listener.begin_session(resume_id)
    elif note.method == methods.AGENT_INTERACTION_REQUESTED:
        native_id, asked, expires_at = body.get("interaction_id"), body.get("kind"), body.get("expires_at")
        if isinstance(native_id, str) and native_id and isinstance(asked, str):
            payload = json_object(body.get("payload")) or {}
            listener.ask(native_id, asked, payload, expires_at if isinstance(expires_at, str) else None)


def _observe(listener: AgentListener, method: str, body: dict[str, Any]) -> None:
    name = body.get("name")
    if method == methods.AGENT_TOOL_CALL:
        listener.observe("pre_tool_use", {"name": name, "input": body.get("arguments")})
    elif method == methods.AGENT_TOOL_RESULT:
        listener.observe("post_tool_use", {"name": name, "output": body.get("output"), "success": body.get("success")})


def _call_error(fault: RpcFault, name: str | None, *, is_resumed: bool) -> AgentCallError:
    data = json_object(fault.data) or {}
    category = data.get("category")
    said = data.get("failure")
    failure = said if isinstance(said, str) else _FAILURE_OF_CATEGORY.get(str(category))
    if fault.code in _TRANSIENT:
        failure = "transient"
    elif fault.code in _UNAVAILABLE:
        failure = "target_unavailable"
    retry_after, resume_id = data.get("retry_after_secs"), data.get("resume_id")
    is_lost = is_resumed and (fault.code == ErrorCode.METHOD_NOT_FOUND or category == _NOT_STARTED)
    facts = CallFacts(
        failure=failure,
        is_unresumable=is_lost,
        has_died=fault.code == ErrorCode.HOST_PLUGIN_DIED and data.get("in_flight") is True,
        is_refused=category == _NOT_STARTED,
        is_timeout=fault.code == ErrorCode.TIMEOUT,
        has_reached_turn_limit=data.get("limit") == "turns",
        retry_after_seconds=float(retry_after) if isinstance(retry_after, int | float) else None,
        resume_id=resume_id if isinstance(resume_id, str) and resume_id else None,
    )
    return AgentCallError(f"{fault.message} (code {fault.code}, tool {name or 'any'!r})", facts)


def _params(request: AgentRequest) -> AgentRunParams:
    program = request.program
    runtime = request.runtime
    return AgentRunParams(
        prompt=request.prompt,
        session_id=request.resume_id or request.session,
        control_session_id=request.session,
        system_prompt=request.system_prompt or None,
        model=request.target.model,
        cwd=request.cwd,
        project_root=request.project_root,
        permission_mode=runtime.permission_mode,
        timeout_secs=request.timeout_seconds or 0,
        env=request.environment,
        mcp_servers=request.mcp_servers,
        tools=request.tools,
        approvals=request.approvals,
        response_schema=request.response_schema,
        reasoning_effort=runtime.reasoning_effort,
        command=None if program is None else {"program": program[0], "args": program[1]},
        context=request.context,
        sandbox=runtime.sandbox,
        web_search=runtime.web_search,
        network_access=runtime.network_access,
        config_overrides=runtime.codex_config_overrides or None,
        extra_args=request.extra_args,
        tool_profile=runtime.tool_profile,
    )


def _counted(tokens: dict[str, Any]) -> dict[str, int]:
    return {name: count for name, count in tokens.items() if isinstance(count, int)}


def _note_text(note: dict[str, Any]) -> str:
    for key in ("text", "message"):
        if isinstance(note.get(key), str):
            return str(note[key])
    if not note:
        return ""
    if "arguments" in note:
        return f"{note.get('name')} {msgspec.json.encode(note['arguments']).decode()}"
    return f"{note.get('name')}: {note.get('output')}"
