"""The provider kind over a program run: ``agent/run`` and ``agent/cancel``."""

import contextlib
import uuid
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from animus_agent_cli import RUNS
from animus_agent_cli.parameters import (
    CONTEXT_VARIABLE,
    RUN_VARIABLE,
    context_document,
    cwd_of,
    ledger_of,
    run_folder,
    timeout_of,
)
from animus_agent_cli.session import Sessions
from animus_plugin_protocol import Context, ErrorCode, Plugin, RefusedError, RetriableError, RpcFault, methods
from animus_plugin_protocol.agent_run import decode_agent_run
from animus_plugin_protocol.wire.provider import (
    AgentCancelParams,
    AgentCancelResult,
    AgentErrorNote,
    AgentOutputNote,
    AgentRunParams,
    AgentRunResult,
    ProviderCapabilities,
)
from animus_provider_command.request import command_of, prompt_of, refuse_what_cannot_be_done

if TYPE_CHECKING:
    from animus_agent_cli.program import ProgramCall
    from animus_provider_command.command_run import CommandEnd, CommandRun

__all__ = ["TOOL", "VERSION", "CommandProvider", "build"]

VERSION: Final = "0.1.0"
TOOL: Final = "command"
"""The tool id this provider answers for."""
_FAULT_OUTPUT_CHARACTERS: Final = 4096
_FAULT_ERROR_LINES: Final = 20


class CommandProvider:
    """The handlers. A run belongs to the thread that handles its request; cancelling comes from any other."""

    def __init__(self) -> None:
        """Start without runs."""
        self._sessions: Sessions[CommandRun] = Sessions()

    def register(self, plugin: Plugin) -> None:
        """Serve the kind, under the tool id `TOOL`."""
        plugin.register_method(methods.AGENT_RUN, self.run)
        # On the reader: a cancel must not wait for a worker while every worker is busy with a run.
        plugin.register_method(methods.AGENT_CANCEL, self.cancel, inline=True)
        plugin.advertise("provider", ProviderCapabilities(tools=[TOOL]))
        plugin.on_shutdown(self.close)

    def run(self, params: AgentRunParams, context: Context) -> AgentRunResult:
        """Run the program of the request until it, and everything it started, is gone."""
        from animus_agent_cli.program import ProgramStartError  # noqa: PLC0415 - start-up is a budget
        from animus_provider_command.command_run import CommandRun  # noqa: PLC0415 - as above

        refuse_what_cannot_be_done(params)
        session_id = params.session_id or params.control_session_id or str(uuid.uuid4())
        ids = {session_id, params.control_session_id or session_id}
        with _context_file(params, context) as context_file:
            call = _call_of(params, context, context_file)
            run = CommandRun(
                call,
                ledger_of(context.binding, "provider-command"),
                output_file=_output_file(context, params, session_id),
                on_text=_shower(params.control_session_id or session_id, context),
            )
            if not self._sessions.open(ids, run):
                raise RefusedError(
                    f"session {session_id!r} is running already; a local program runs once per session",
                    code=ErrorCode.INVALID_PARAMS,
                    data={"category": "session_start_failed"},
                )
            try:
                context.on_cancel(run.cancel)
                end = run.run()
            except ProgramStartError as error:
                raise RefusedError(
                    str(error),
                    code=ErrorCode.INTERNAL_ERROR,
                    data={"category": "unavailable", "failure": "target_unavailable", "program": call.program},
                ) from error
            finally:
                self._sessions.close(ids)
        return _result_of(end, call, session_id, context)

    def cancel(self, params: AgentCancelParams) -> AgentCancelResult:
        """End the run of a session. Answers at once; the run's own request ends when no process of it is left."""
        run = self._sessions.find(params.session_id)
        if run is not None:
            run.cancel()
        return AgentCancelResult(session_id=params.session_id, cancelled=run is not None)

    def close(self) -> None:
        """The plugin ends: end every run at once."""
        for run in self._sessions.active():
            run.kill()


@contextlib.contextmanager
def _context_file(params: AgentRunParams, context: Context) -> Generator[Path]:
    """A private file with the context document, for as long as the run lasts: among the run's files if it has any."""
    from animus_agent_cli.context_file import context_file  # noqa: PLC0415 - start-up is a budget
    from animus_plugin_protocol.codec import encode_json  # noqa: PLC0415 - with the above

    _, extras = decode_agent_run(context.raw_params)
    folder = run_folder(context.binding, params.env.get(RUN_VARIABLE))
    with context_file(encode_json(context_document(params, extras)), folder) as path:
        yield path


def _call_of(params: AgentRunParams, context: Context, context_file: Path) -> "ProgramCall":
    from animus_agent_cli.program import ProgramCall  # noqa: PLC0415 - start-up is a budget
    from animus_process import child_environment  # noqa: PLC0415 - start-up is a budget

    program, args = command_of(params)
    return ProgramCall(
        program=program,
        args=args,
        cwd=cwd_of(params, context.binding),
        input=prompt_of(params),
        environment=child_environment({**params.env, CONTEXT_VARIABLE: str(context_file)}),
        run_id=params.env.get(RUN_VARIABLE),
        timeout_seconds=timeout_of(params),
    )


def _output_file(context: Context, params: AgentRunParams, session_id: str) -> Path | None:
    """Where an output goes that is too long for a result; None when the host named no place."""
    folder = run_folder(context.binding, params.env.get(RUN_VARIABLE))
    return None if folder is None else folder / f"agent-{uuid.uuid5(uuid.NAMESPACE_OID, session_id).hex}.stdout"


def _shower(session_id: str, context: Context) -> Any:
    """Sends live output to the host. When the host is gone there is nobody to show it to."""

    def show(text: str, is_last: bool) -> None:  # noqa: FBT001 - the shape of Streamer's callback
        if text or is_last:
            note: Any = AgentOutputNote(session_id=session_id, text=text, final=is_last)
            with contextlib.suppress(RpcFault):
                context.notify(methods.AGENT_OUTPUT, note)

    return show


def _result_of(end: "CommandEnd", call: "ProgramCall", session_id: str, context: Context) -> AgentRunResult:
    """The result of a program that ended by itself; the error for one that was ended."""
    if end.how == "cancelled":
        raise RefusedError(
            f"the run of {call.program!r} was cancelled; its processes are gone",
            code=ErrorCode.REQUEST_CANCELLED,
            data={"category": "cancelled", "session_id": session_id},
        )
    if end.how == "timed_out":
        message = f"{call.program!r} ran longer than {call.timeout_seconds:g} s (timeout_secs) and was ended"
        with contextlib.suppress(RpcFault):
            context.notify(
                methods.AGENT_ERROR, AgentErrorNote(session_id=session_id, message=message, recoverable=False)
            )
        raise RetriableError(
            message,
            code=ErrorCode.TIMEOUT,
            data={
                "category": "run_failed",
                "failure": "transient",
                "session_id": session_id,
                "output_tail": end.output.text()[-_FAULT_OUTPUT_CHARACTERS:],
                "errors": end.errors[-_FAULT_ERROR_LINES:],
            },
        )
    return AgentRunResult(
        session_id=session_id,
        exit_code=end.exit_code,
        output=end.output.text(),
        duration_ms=round(end.duration_seconds * 1000),
        backend=TOOL,
        metadata=_metadata_of(end),
        errors=end.errors,
        decision_verdict=end.decision,
    )


def _metadata_of(end: "CommandEnd") -> list[Any]:
    """Where the whole output is, when the result holds only its end."""
    if not end.output.truncated:
        return []
    return [{"output_bytes": end.output.total_bytes, "output_file": str(end.output.file) if end.output.file else None}]


def build() -> Plugin:
    """The plugin, ready to run."""
    plugin = Plugin("animus-provider-command", VERSION, description="An agent that is any local program.", workers=RUNS)
    CommandProvider().register(plugin)
    return plugin
