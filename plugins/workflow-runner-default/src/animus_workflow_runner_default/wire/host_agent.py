"""Agents through the host: an `AgentCaller` that asks the kernel for the provider (``host/call``)."""

from typing import Any

import msgspec

from animus_plugin_protocol import AsyncContext, RpcFault, methods
from animus_plugin_protocol.wire.host import HostNote
from animus_plugin_protocol.wire.provider import AgentRunParams, AgentRunResult
from animus_workflow_runner_default.json_value import json_object
from animus_workflow_runner_default.phases.agent import AgentCallError, AgentReply, AgentRequest, OnText

__all__ = ["COMMAND_TOOL", "HostAgentCaller"]

COMMAND_TOOL = "command"
"""The tool id of the provider that runs any local program."""

_TEXT_NOTES = {
    methods.AGENT_OUTPUT: "output",
    methods.AGENT_THINKING: "thinking",
    methods.AGENT_TOOL_CALL: "tool",
    methods.AGENT_TOOL_RESULT: "tool",
    methods.AGENT_ERROR: "error",
}


class HostAgentCaller:
    """Calls agents for one request of the host."""

    def __init__(self, context: AsyncContext) -> None:
        self._context = context

    async def __call__(self, request: AgentRequest, on_text: OnText) -> AgentReply:
        """Run the agent.

        Raises:
            AgentCallError: the host or the provider refused or failed.
        """

        def on_note(note: HostNote) -> None:
            kind = _TEXT_NOTES.get(note.method)
            if note.dropped:
                on_text("error", f"({note.dropped} pieces left out here; the host's log of the run has them)")
            if kind is not None:
                on_text(kind, _note_text(msgspec.json.decode(note.params)))

        name = request.target.tool if request.program is None else COMMAND_TOOL
        try:
            raw = await self._context.call_host(
                "provider",
                methods.AGENT_RUN,
                _params(request),
                name=name,
                run_id=request.run_id,
                timeout_seconds=request.timeout_seconds,
                on_note=on_note,
            )
        except RpcFault as fault:
            raise AgentCallError(f"{fault.message} (code {fault.code}, tool {name or 'any'!r})") from fault
        try:
            result = msgspec.json.decode(raw, type=AgentRunResult)
        except msgspec.DecodeError as error:
            raise AgentCallError(f"the answer of tool {name or 'any'!r} is no agent result: {error}") from error
        return AgentReply(
            exit_code=result.exit_code,
            output=result.output,
            errors=result.errors,
            backend=result.backend,
            session_id=result.session_id,
            decision=result.decision_verdict,
            tokens=None if result.tokens_used is None else msgspec.to_builtins(result.tokens_used),
        )


def _params(request: AgentRequest) -> AgentRunParams:
    program = request.program
    return AgentRunParams(
        prompt=request.prompt,
        system_prompt=request.system_prompt or None,
        model=request.target.model,
        cwd=request.cwd,
        project_root=request.project_root,
        permission_mode=request.runtime.permission_mode,
        timeout_secs=request.timeout_seconds or 0,
        env=request.environment,
        response_schema=request.response_schema,
        reasoning_effort=request.runtime.reasoning_effort,
        command=None if program is None else {"program": program[0], "args": program[1]},
        context=request.context,
    )


def _note_text(body: Any) -> str:
    note = json_object(body) or {}
    for key in ("text", "message"):
        if isinstance(note.get(key), str):
            return str(note[key])
    if not note:
        return ""
    if "arguments" in note:
        return f"{note.get('name')} {msgspec.json.encode(note['arguments']).decode()}"
    return f"{note.get('name')}: {note.get('output')}"
