"""How the program is called for a request. Nothing here knows the protocol; all of it was tried on the program."""

import json
import uuid
from typing import Final

from animus_agent_cli.conversation import AgentCommand
from animus_agent_cli.request import AgentRequest, UnsupportedError
from animus_provider_codex.answer_schema import is_strict
from animus_provider_codex.login import login_of
from animus_provider_codex.policy import permission_args
from animus_provider_codex.setting import setting
from animus_provider_codex.tool_server import tool_server_args

__all__ = ["EFFORTS", "SYSTEM_PROMPT_LIMIT_BYTES", "command_of"]

EFFORTS: Final = {level: level for level in ("none", "minimal", "low", "medium", "high", "xhigh")} | {"max": "xhigh"}
SYSTEM_PROMPT_LIMIT_BYTES: Final = 64 * 1024
"""An argument holds 128 KiB at most; a longer system prompt is put before the prompt."""


def command_of(request: AgentRequest) -> AgentCommand:
    """Arguments, input and environment for `request`.

    Raises:
        UnsupportedError: the program cannot do what is asked.
    """
    login = login_of(request)
    servers, variables = tool_server_args(request)
    args = ["exec", *_session(request), "--json", "--skip-git-repo-check", *permission_args(request), *login.args]
    args += servers
    if request.model:
        args += ["--model", request.model]
    if request.reasoning_effort:
        args += setting("model_reasoning_effort", _effort(request.reasoning_effort))
    words = [request.prompt]
    if request.system_prompt:
        if len(request.system_prompt.encode("utf-8", "replace")) <= SYSTEM_PROMPT_LIMIT_BYTES:
            args += setting("developer_instructions", request.system_prompt)
        else:
            words.insert(0, request.system_prompt)
    schema = request.response_schema
    if schema is not None and is_strict(schema):
        file = request.folder / "answer-schema.json"
        file.write_text(json.dumps(schema), encoding="utf-8")
        args += ["--output-schema", str(file)]
    elif schema is not None:
        from animus_agent_cli.decision import schema_instruction  # noqa: PLC0415 - few schemas need it

        words.append(schema_instruction(schema))
    for override in request.config_overrides:
        args += ["-c", override]
    return AgentCommand(
        args=[*args, *request.extra_args, "-"],
        input="\n\n".join(words).encode("utf-8", "replace"),
        environment={**login.environment, **variables},
    )


def _session(request: AgentRequest) -> list[str]:
    if request.resume_id is None:
        return []
    try:
        return ["resume", str(uuid.UUID(request.resume_id))]
    except ValueError as error:
        raise UnsupportedError(f"{request.resume_id!r} is no session of this agent: those are UUIDs") from error


def _effort(asked: str) -> str:
    found = EFFORTS.get(asked.lower())
    if found is None:
        raise UnsupportedError(f"reasoning_effort {asked!r} is unknown to this agent; it has {', '.join(EFFORTS)}")
    return found
