"""The provider kind over an agent's program: ``agent/run``, ``resume``, ``cancel`` and ``respond``, for any agent."""

import contextlib
import os
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from animus_agent_cli.availability import AvailabilityProbe
from animus_agent_cli.conversation import Conversation
from animus_agent_cli.facts import AgentFacts
from animus_agent_cli.interaction import answer_in
from animus_agent_cli.parameters import ledger_of
from animus_agent_cli.request import AgentRequest
from animus_agent_cli.session import Sessions
from animus_plugin_protocol import Context, ErrorCode, Plugin, RefusedError, RpcFault, methods
from animus_plugin_protocol.wire.lifecycle import EnvRequirement, HealthCheckResult
from animus_plugin_protocol.wire.provider import (
    AgentCancelParams,
    AgentCancelResult,
    AgentOutputNote,
    AgentRespondParams,
    AgentRespondResult,
    AgentRunParams,
    AgentRunResult,
    ProviderCapabilities,
)

if TYPE_CHECKING:
    from animus_agent_cli.agent_run import AgentEnd, AgentRun

__all__ = ["RUNS", "CliProvider"]

RUNS: Final = 64
"""Agents at once; a further run waits for one of them to end."""


class CliProvider:
    """The handlers. A run belongs to the thread that handles its request; cancels and answers come from any other."""

    def __init__(self, facts: AgentFacts, converse: Callable[[AgentRequest], Conversation]) -> None:
        """Serve the agent of `facts`; `converse` begins one run of it."""
        self._facts = facts
        self._converse = converse
        self._sessions: Sessions[AgentRun] = Sessions()
        self._probe = AvailabilityProbe(facts)
        self._plugin: Plugin | None = None

    def register(self, plugin: Plugin) -> None:
        """Serve the kind with everything the agent can do."""
        self._plugin = plugin
        plugin.register_method(methods.AGENT_RUN, self.run)
        if self._facts.can_resume:
            plugin.register_method(methods.AGENT_RESUME, self.resume)
        # On the reader: these must not wait for a worker while every worker is busy with a run.
        plugin.register_method(methods.AGENT_CANCEL, self.cancel, inline=True)
        if self._facts.can_ask:
            plugin.register_method(methods.AGENT_RESPOND, self.respond, inline=True)
        plugin.advertise("provider", ProviderCapabilities(tools=[self._facts.tool]))
        for variable in self._facts.variables:
            plugin.require_env(
                EnvRequirement(
                    name=variable.name,
                    description=variable.description,
                    sensitive=variable.is_sensitive,
                    required=False,
                )
            )
        program = f"path of the {self._facts.program!r} program, where it is not in PATH"
        plugin.require_env(EnvRequirement(name=self._facts.program_variable, description=program))
        plugin.on_health(self.health)
        plugin.on_shutdown(self.close)

    def run(self, params: AgentRunParams, context: Context) -> AgentRunResult:
        """Begin a session and work until the agent, and everything it started, is gone."""
        return self._run(params, context, resume_id=None)

    def resume(self, params: AgentRunParams, context: Context) -> AgentRunResult:
        """Take up the agent's own session ``session_id`` again."""
        if not params.session_id:
            raise RefusedError("agent/resume needs session_id: the resume_id of the run to take up")
        return self._run(params, context, resume_id=params.session_id)

    def cancel(self, params: AgentCancelParams) -> AgentCancelResult:
        """End the run of a session. Answers at once; the run's own request ends when no process of it is left."""
        run = self._sessions.find(params.session_id)
        if run is not None:
            run.cancel()
        return AgentCancelResult(session_id=params.session_id, cancelled=run is not None)

    def respond(self, params: AgentRespondParams) -> AgentRespondResult:
        """Answer what the agent of a session asked."""
        answer = answer_in(params.response)
        if answer is None:
            raise RefusedError('response must be {"decision": "allow"|"deny", "answer"?, "message"?}')
        run = self._sessions.find(params.session_id)
        return AgentRespondResult(accepted=run is not None and run.respond(params.interaction_id, answer))

    def health(self) -> HealthCheckResult:
        """Whether the program is there, new enough, and likely to be logged in."""
        binding = None if self._plugin is None else self._plugin.extensions.project_binding
        found = self._probe.look(os.environ, ledger_of(binding, f"provider-{self._facts.tool}"))
        status = "unhealthy" if found.blocker else "degraded" if found.warning else "healthy"
        return HealthCheckResult(status=status, last_error=found.blocker or found.warning)

    def close(self) -> None:
        """The plugin ends: end every run at once."""
        self._probe.close()
        for run in self._sessions.active():
            run.kill()

    def _run(self, params: AgentRunParams, context: Context, *, resume_id: str | None) -> AgentRunResult:
        from animus_agent_cli.finding import ProgramStartError  # noqa: PLC0415 - as above
        from animus_agent_cli.launch import launched  # noqa: PLC0415 - start-up is a budget
        from animus_agent_cli.outcome import result_of, start_fault  # noqa: PLC0415 - as above

        session_id = params.control_session_id or params.session_id or str(uuid.uuid4())
        ids = {session_id, params.session_id or session_id}
        try:
            with launched(self._facts, self._converse, params, context, session_id, resume_id) as launch:
                end = self._live(launch.run, ids, session_id, context)
        except ProgramStartError as error:
            raise start_fault(self._facts, error) from error
        return result_of(self._facts, end, launch, context)

    def _live(self, run: "AgentRun", ids: set[str], session_id: str, context: Context) -> "AgentEnd":
        """Run it as the session `ids` until it is over."""
        if not self._sessions.open(ids, run):
            raise RefusedError(
                f"session {session_id!r} is running already",
                code=ErrorCode.INTERNAL_ERROR,
                data={"category": "session_start_failed", "failure": "unknown"},
            )
        try:
            context.on_cancel(run.cancel)
            return run.run()
        finally:
            self._sessions.close(ids)
            note = AgentOutputNote(session_id=session_id, text="", final=True)
            with contextlib.suppress(RpcFault):  # the host is gone: there is nobody to show it to
                context.notify(methods.AGENT_OUTPUT, note)
