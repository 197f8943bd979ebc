"""One run between its request and its result: puts the parts together and turns every end into the host's terms."""

import os
import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, NoReturn, cast

from animus_agent_cli.context_file import context_file
from animus_agent_cli.parameters import CONTEXT_VARIABLE, RUN_VARIABLE, context_document, ledger_of, run_folder
from animus_plugin_protocol import Context, ErrorCode, RefusedError, RetriableError, RpcFault
from animus_plugin_protocol.agent_run import decode_agent_run
from animus_plugin_protocol.codec import encode_json
from animus_plugin_protocol.wire.provider import AgentRunParams, AgentRunResult, TokenUsage
from animus_process import child_environment
from animus_provider_oai.answer import Usage
from animus_provider_oai.approval import ALLOW, DENY, Answer, Interactions
from animus_provider_oai.connection import Connections
from animus_provider_oai.enclosure import enclosed
from animus_provider_oai.ending import CANCELLED, RunControl, RunEndedError, RunFailedError
from animus_provider_oai.endpoint import KEY, Endpoint, Price, endpoint_in, limits_in, price_in
from animus_provider_oai.loop import Agent
from animus_provider_oai.model import Model
from animus_provider_oai.notes import Notes
from animus_provider_oai.request import task_of
from animus_provider_oai.task import AgentEnd, Task
from animus_provider_oai.toolbox import Toolbox
from animus_provider_oai.transcript import Transcript, sweep_sessions

__all__ = ["BACKEND", "OUTPUT_CHARACTERS", "ActiveRun"]

BACKEND: Final = "oai"
OUTPUT_CHARACTERS: Final = 1024 * 1024
"""The end of a longer answer is the result's output; the host has had all of it in notes."""


class ActiveRun:
    """A run. `run` belongs to one thread; everything else may come from any."""

    def __init__(
        self, params: AgentRunParams, context: Context, resume_id: str | None, *, folder: Path, told_id: str
    ) -> None:
        """Check the request and start its time.

        Args:
            params: of the request.
            context: of the request.
            resume_id: the session to take up.
            folder: where sessions are kept.
            told_id: the session id that the host knows the run by.

        Raises:
            RefusedError: the request cannot be meant.
        """
        self._params = params
        self._context = context
        self._folder = folder / "sessions"
        self._told_id = told_id
        self._environment: Mapping[str, str] = {**os.environ, **params.env}
        self._task = task_of(params, context.binding, _without_key(child_environment(params.env)), resume_id)
        self._control = RunControl(self._task.timeout_seconds)
        self._notes = Notes(told_id, context.notify)
        self._interactions = Interactions(self._task.approvals, self._control, self._notes.question)
        self._resume_id = resume_id
        self._price: Price | None = None
        self._is_over = threading.Event()

    def cancel(self) -> None:
        """End the run, without waiting."""
        self._control.cancel()

    def kill(self) -> None:
        """End it at once."""
        self._control.kill()

    def wait_over(self, seconds: float) -> None:
        """Wait until nothing of it is left, but no longer than that."""
        self._is_over.wait(seconds)

    def respond(self, interaction_id: str, response: Any) -> bool:
        """Take an answer to a question; whether somebody waits for it."""
        said = cast("dict[str, Any]", response) if isinstance(response, dict) else {}
        decision, text = said.get("decision"), said.get("answer") or said.get("message")
        if decision not in (None, ALLOW, DENY) or (decision is None and text is None):
            return False
        # A plain answer to a question needs no decision; leave is only what says so.
        answer = Answer(is_allowed=decision == ALLOW, text=None if text is None else str(text))
        return self._interactions.respond(interaction_id, answer)

    def run(self) -> AgentRunResult:
        """Work until the final answer.

        Raises:
            RpcFault: there is none.
        """
        started = time.monotonic()
        try:
            with self._context_file() as context_file:
                environment = {**self._task.environment, CONTEXT_VARIABLE: str(context_file)}
                end = self._work(self._task._replace(environment=environment), context_file)
        except RunEndedError as ended:
            self._raise_ended(ended)
        except RunFailedError as failed:
            self._raise_failed(failed)
        finally:
            self._is_over.set()
        self._notes.end()
        return self._result(end, time.monotonic() - started)

    def _work(self, task: Task, context_file: Path) -> AgentEnd:
        endpoint = endpoint_in(self._environment, task.model)
        limits = limits_in(self._environment)
        self._price = price_in(self._environment, endpoint.model)
        ledger = ledger_of(self._context.binding, "provider-oai")
        with (
            enclosed(task, endpoint, context_file) as enclosure,
            self._transcript(task) as transcript,
            Connections(endpoint.base_url, limits.stall_seconds) as connections,
        ):
            self._resume_id = transcript.session_id
            self._notes.started(transcript.session_id)
            may_ask = self._interactions.may_ask
            toolbox = Toolbox(task, ledger, self._control, limits, enclosure=enclosure, may_ask=may_ask)
            model = self._model(endpoint, connections, limits, transcript.session_id)
            return Agent(task, model, toolbox, transcript, self._interactions, self._notes, limits).run()

    def _model(self, endpoint: Endpoint, connections: Connections, limits: Any, session: str) -> Model:
        return Model(
            endpoint,
            connections,
            self._control,
            self._notes,
            session=session,
            limits=limits,
            reasoning_effort=self._task.reasoning_effort,
        )

    def _transcript(self, task: Task) -> Transcript:
        if task.resume_id is not None:
            return Transcript.resume(self._folder, task.resume_id)
        sweep_sessions(self._folder)
        return Transcript.begin(self._folder, task.system_prompt)

    def _context_file(self) -> AbstractContextManager[Path]:
        """A private file with the host's context document, for as long as the run lasts."""
        _, extras = decode_agent_run(self._context.raw_params)
        folder = run_folder(self._context.binding, self._params.env.get(RUN_VARIABLE))
        return context_file(encode_json(context_document(self._params, extras)), folder)

    def _result(self, end: AgentEnd, seconds: float) -> AgentRunResult:
        cut = [{"output_characters": len(end.output)}] if len(end.output) > OUTPUT_CHARACTERS else []
        usage = end.usage
        return AgentRunResult(
            session_id=self._told_id,
            exit_code=0,
            output=end.output[-OUTPUT_CHARACTERS:],
            duration_ms=round(seconds * 1000),
            backend=BACKEND,
            metadata=[{"turns": end.turns}, *cut],
            tool_calls=self._notes.tool_calls,
            tool_results=self._notes.tool_results,
            thinking=self._notes.thinking_texts,
            errors=self._notes.errors,
            tokens_used=None if usage is None else _tokens(usage),
            decision_verdict=end.decision,
            model=end.model,
            cost_usd=None if usage is None or self._price is None else self._price.cost(**usage._asdict()),
            resume_id=self._resume_id,
        )

    def _raise_ended(self, ended: RunEndedError) -> NoReturn:
        data = self._data("cancelled" if ended.how == CANCELLED else "run_failed", "unknown")
        if ended.how == CANCELLED:
            raise RefusedError(
                "the run was cancelled; nothing of it is left", code=ErrorCode.REQUEST_CANCELLED, data=data
            ) from ended
        message = f"the agent worked longer than {self._task.timeout_seconds:g} s (timeout_secs) and was ended"
        self._notes.problem(message, is_recoverable=False)
        raise RetriableError(message, code=ErrorCode.TIMEOUT, data=data) from ended

    def _raise_failed(self, failed: RunFailedError) -> NoReturn:
        self._notes.problem(failed.message, is_recoverable=False)
        data = self._data(failed.category, failed.failure)
        data |= {"limit": failed.limit} if failed.limit else {}
        data |= {} if failed.retry_after_seconds is None else {"retry_after_secs": failed.retry_after_seconds}
        raise RpcFault(failed.message, code=ErrorCode.INTERNAL_ERROR, data=data) from failed

    def _data(self, category: str, failure: str) -> dict[str, Any]:
        data: dict[str, Any] = {"category": category, "failure": failure, "session_id": self._told_id}
        return data | ({"resume_id": self._resume_id} if self._resume_id else {})


def _without_key(environment: dict[str, str]) -> dict[str, str]:
    """A host may send the key among the variables of a run; it is for the endpoint, not for commands."""
    return {name: value for name, value in environment.items() if name != KEY}


def _tokens(usage: Usage) -> TokenUsage:
    return TokenUsage(input=usage.fresh, output=usage.output, cached=usage.cached or None)
