"""How a run is answered: a result when the agent finished, an error that says what to do when it did not."""

import contextlib
from typing import Any, Final

import msgspec

from animus_agent_cli.agent_run import AgentEnd
from animus_agent_cli.facts import AgentFacts
from animus_agent_cli.failure import AUTH, EXHAUSTION, TRANSIENT, UNAVAILABLE
from animus_agent_cli.finding import ProgramMissingError, ProgramStartError
from animus_agent_cli.launch import Launch
from animus_agent_cli.program import CANCELLED, EXITED, TIMED_OUT
from animus_plugin_protocol import Context, ErrorCode, RefusedError, RetriableError, RpcFault, methods
from animus_plugin_protocol.wire.provider import AgentErrorNote, AgentRunResult, TokenUsage

__all__ = ["result_of", "start_fault"]

_TAIL_CHARACTERS: Final = 4096
_ERROR_LINES: Final = 20
_ADVICE: Final = {
    AUTH: "log in with the program once, or give its key to the daemon",
    EXHAUSTION: "wait, raise the limit, or name another agent as fallback",
    UNAVAILABLE: "see that program, version and model are there",
    TRANSIENT: "the same may go well later",
}


def start_fault(facts: AgentFacts, error: ProgramStartError) -> RpcFault:
    """The program is not to be had."""
    hint = f"; {facts.install_hint}" if isinstance(error, ProgramMissingError) else ""
    return RefusedError(
        f"{error}{hint}",
        code=ErrorCode.INTERNAL_ERROR,
        data={"category": "unavailable", "failure": UNAVAILABLE, "program": facts.program},
    )


def result_of(facts: AgentFacts, end: AgentEnd, launch: Launch, context: Context) -> AgentRunResult:
    """The result of an agent that finished.

    Raises:
        RpcFault: it did not: cancelled, out of time, or failed. `data` says of which kind, and what was spent.
    """
    if end.program.how == CANCELLED and not end.is_breach:
        raise RefusedError(
            f"the run of {facts.tool!r} was cancelled; its processes are gone",
            code=ErrorCode.REQUEST_CANCELLED,
            data={"category": "cancelled", **_spent(end, launch)},
        )
    # An agent that had answered, and whose program then waited for something else, has not run out of time.
    if end.program.how == TIMED_OUT and end.transcript.finished is None:
        message = f"{facts.tool!r} ran longer than {launch.call.timeout_seconds:g} s (timeout_secs) and was ended"
        _tell(message, launch, context)
        data = {"category": "run_failed", "failure": TRANSIENT, **_spent(end, launch)}
        raise RetriableError(message, code=ErrorCode.TIMEOUT, data=data)
    if end.failure is not None:
        raise _fault(facts, end, launch, context)
    transcript = end.transcript
    usage = transcript.usage
    return AgentRunResult(
        session_id=launch.session_id,
        exit_code=end.program.exit_code if end.program.how == EXITED else 0,
        output=transcript.output(),
        duration_ms=round(end.program.duration_seconds * 1000),
        backend=facts.tool,
        tool_calls=transcript.tool_calls,
        tool_results=transcript.tool_results,
        thinking=transcript.thinking,
        errors=[*transcript.problems, *end.program.errors[-_ERROR_LINES:]],
        tokens_used=_tokens(end),
        decision_verdict=transcript.decision(launch.request.response_schema),
        model=transcript.model,
        cost_usd=None if usage is None else usage.cost_usd,
        resume_id=transcript.resume_id,
    )


def _fault(facts: AgentFacts, end: AgentEnd, launch: Launch, context: Context) -> RpcFault:
    failure = end.failure
    if failure is None:
        raise AssertionError("only a failed run has a fault")
    advice = _ADVICE.get(failure.failure)
    message = f"{facts.tool!r} failed: {failure.message}" + (f" ({advice})" if advice else "")
    _tell(message, launch, context)
    data: dict[str, Any] = {"category": failure.category, "failure": failure.failure, **_spent(end, launch)}
    if failure.retry_after_seconds is not None:
        data["retry_after_secs"] = failure.retry_after_seconds
    finished = end.transcript.finished
    if finished is not None and finished.limit is not None:
        data["limit"] = finished.limit
    fits_again = failure.failure == TRANSIENT
    code = ErrorCode.INVALID_PARAMS if failure.category == "model_not_supported" else ErrorCode.INTERNAL_ERROR
    return (RetriableError if fits_again else RefusedError)(message, code=code, data=data)


def _spent(end: AgentEnd, launch: Launch) -> dict[str, Any]:
    """What is known of a run that has no result."""
    transcript = end.transcript
    tokens = _tokens(end)
    found = {
        "session_id": launch.session_id,
        "resume_id": transcript.resume_id,
        "model": transcript.model,
        "tokens_used": None if tokens is None else _as_dict(tokens),
        "cost_usd": None if transcript.usage is None else transcript.usage.cost_usd,
        "tool_calls": len(transcript.tool_calls) or None,
        "output_tail": transcript.output()[-_TAIL_CHARACTERS:] or None,
        "errors": [*transcript.problems, *end.program.errors][-_ERROR_LINES:] or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _tokens(end: AgentEnd) -> TokenUsage | None:
    usage = end.transcript.usage
    if usage is None:
        return None
    return TokenUsage(input=usage.input, output=usage.output, cached=usage.cached, cache_writes=usage.cache_writes)


def _as_dict(tokens: TokenUsage) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(tokens)
    return found


def _tell(message: str, launch: Launch, context: Context) -> None:
    note: Any = AgentErrorNote(session_id=launch.session_id, message=message, recoverable=False)
    with contextlib.suppress(RpcFault):
        context.notify(methods.AGENT_ERROR, note)
