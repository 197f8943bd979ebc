"""From a request to an agent that is ready to run, with everything it needs around it and nothing of it left behind."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, Final, NamedTuple

from animus_agent_cli.agent_run import AgentRun
from animus_agent_cli.conversation import Conversation
from animus_agent_cli.event import Event
from animus_agent_cli.facts import AgentFacts
from animus_agent_cli.notes import note_of
from animus_agent_cli.parameters import (
    CONTEXT_VARIABLE,
    RUN_VARIABLE,
    approvals_of,
    context_document,
    cwd_of,
    invalid,
    ledger_of,
    mcp_servers_of,
    response_schema_of,
    rules_of,
    run_folder,
    timeout_of,
    tools_of,
)
from animus_agent_cli.program import ProgramCall
from animus_agent_cli.request import ASK, AgentRequest, UnsupportedError
from animus_agent_cli.sandboxing import broker_url_of, sandboxed
from animus_plugin_protocol import Context, ErrorCode, RefusedError, RpcFault
from animus_plugin_protocol.agent_run import decode_agent_run
from animus_plugin_protocol.codec import encode_json
from animus_plugin_protocol.wire.provider import AgentRunParams
from animus_process import child_environment

__all__ = ["Launch", "launched"]

_OPTIONAL: Final = ("web_search", "network_access", "config_overrides", "extra_args", "tool_profile")
_SANDBOXES: Final = {None: False, "none": False, "bubblewrap": True}


class Launch(NamedTuple):
    """An agent that is ready to run."""

    run: AgentRun
    request: AgentRequest
    call: ProgramCall
    session_id: str


@contextlib.contextmanager
def launched(
    facts: AgentFacts,
    converse: Callable[[AgentRequest], Conversation],
    params: AgentRunParams,
    context: Context,
    session_id: str,
    resume_id: str | None,
) -> Generator[Launch]:
    """Prepare a run; its files and its sandbox are gone when this is left.

    Raises:
        RefusedError: the request cannot be meant, or the agent cannot do what it asks.
        ProgramStartError: in a sandbox, there is no such program.
    """
    _check(facts, params)
    run_id = params.env.get(RUN_VARIABLE)
    place = run_folder(context.binding, run_id)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(_folder(place))
        request = _request_of(facts, params, context, folder, resume_id)
        if request.sandbox and facts.sandbox is not None:
            home = (place or folder) / f"{facts.tool}-sandbox-home"
            request = request._replace(broker_url=broker_url_of(request.environment, facts.sandbox), sandbox_home=home)
        conversation = _begin(converse, request)
        call = ProgramCall(
            program=request.environment.get(facts.program_variable) or facts.program,
            args=conversation.command.args,
            cwd=request.cwd,
            environment={**request.environment, **conversation.command.environment},
            input=conversation.command.input,
            is_input_open=conversation.command.is_input_open,
            run_id=run_id,
            timeout_seconds=timeout_of(params),
        )
        started = call
        if request.sandbox_home is not None and facts.sandbox is not None:
            started = stack.enter_context(sandboxed(call, facts.sandbox, folder, request.sandbox_home))
        run = AgentRun(
            started,
            conversation,
            ledger_of(context.binding, f"provider-{facts.tool}"),
            policy=request.approvals,
            tell=_teller(session_id, context, request),
            rows=facts.failures,
        )
        yield Launch(run, request, call, session_id)


def _check(facts: AgentFacts, params: AgentRunParams) -> None:
    """Refuse what would have to be ignored.

    Raises:
        RefusedError: the agent cannot honour a field of the request.
    """
    if params.command is not None:
        raise invalid(f"command is for the provider 'command'; tool {facts.tool!r} runs {facts.program!r}")
    if params.sandbox not in _SANDBOXES:
        raise invalid(f"sandbox {params.sandbox!r} is unknown; it is 'none' or 'bubblewrap'")
    if _SANDBOXES[params.sandbox] and facts.sandbox is None:
        raise _unsupported(f"tool {facts.tool!r} cannot run in a sandbox")
    for name in _OPTIONAL:
        if getattr(params, name) not in (None, []) and name not in facts.honours:
            raise _unsupported(f"tool {facts.tool!r} cannot honour {name}; leave it out or use a tool that can")


def _begin(converse: Callable[[AgentRequest], Conversation], request: AgentRequest) -> Conversation:
    try:
        return converse(request)
    except UnsupportedError as error:
        if error.is_model:
            data = {"category": "model_not_supported", "failure": "target_unavailable"}
            raise RefusedError(str(error), code=ErrorCode.INVALID_PARAMS, data=data) from error
        raise _unsupported(str(error)) from error


def _unsupported(message: str) -> RefusedError:
    data = {"category": "session_start_failed", "failure": "target_unavailable"}
    return RefusedError(message, code=ErrorCode.INVALID_PARAMS, data=data)


@contextlib.contextmanager
def _folder(place: Path | None) -> Generator[Path]:
    """A private folder for as long as the run lasts: among the run's files if it has any."""
    if place is not None:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="animus-agent-", dir=place))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _request_of(
    facts: AgentFacts, params: AgentRunParams, context: Context, folder: Path, resume_id: str | None
) -> AgentRequest:
    _, extras = decode_agent_run(context.raw_params)
    context_file = folder / "context.json"
    context_file.write_bytes(encode_json(context_document(params, extras)))
    approvals = approvals_of(params)
    if approvals is not None and approvals.policy != "allow" and not facts.can_ask:
        words = "ask a person" if approvals.policy == ASK else "be stopped"
        raise _unsupported(f"approvals are asked for, and tool {facts.tool!r} has no way to {words} at its tool calls")
    rules = rules_of(params)
    if rules is not None and not facts.can_judge:
        raise _unsupported(
            f"rules about tool calls (an agent's hooks) are given, and tool {facts.tool!r} has no way to be stopped at "
            "its tool calls; use a tool that has, or leave them out"
        )
    return AgentRequest(
        prompt=params.prompt,
        cwd=cwd_of(params, context.binding),
        folder=folder,
        environment=child_environment(
            {**params.env, CONTEXT_VARIABLE: str(context_file)}, keep=facts.variable_names, environ=os.environ
        ),
        system_prompt=params.system_prompt,
        model=params.model,
        resume_id=resume_id,
        permission_mode=params.permission_mode,
        reasoning_effort=params.reasoning_effort,
        mcp_servers=mcp_servers_of(params),
        tools=tools_of(params),
        rules=rules,
        approvals=approvals,
        response_schema=response_schema_of(params),
        sandbox=_SANDBOXES[params.sandbox],
        web_search=params.web_search,
        network_access=params.network_access,
        config_overrides=tuple(params.config_overrides or ()),
        extra_args=tuple(params.extra_args or ()),
        tool_profile=params.tool_profile,
    )


def _teller(session_id: str, context: Context, request: AgentRequest) -> Callable[[Event], Any]:
    """Sends live notes to the host. When the host is gone there is nobody to show them to."""
    seconds = None if request.approvals is None else request.approvals.timeout_seconds

    def tell(event: Event) -> None:
        note = note_of(event, session_id, answer_seconds=seconds)
        if note is not None:
            with contextlib.suppress(RpcFault):
                context.notify(*note)

    return tell
