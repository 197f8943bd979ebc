"""From the definitions to the parameters of one call of an agent."""

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from animus_workflow_runner_default.authoring.interpolation import filled, resolve_environment
from animus_workflow_runner_default.authoring.mcp import PRIMARY_SERVER_NAMES, bound_servers, defined_servers
from animus_workflow_runner_default.authoring.model import Agent, CompiledConfig, McpServer, Phase, Runtime, Skill, Tool
from animus_workflow_runner_default.authoring.primary_server import primary_server
from animus_workflow_runner_default.phases.agent import AgentRequest
from animus_workflow_runner_default.phases.agent_state import AgentTarget
from animus_workflow_runner_default.phases.agent_work import AgentWork
from animus_workflow_runner_default.phases.approval import approvals_on_wire
from animus_workflow_runner_default.phases.prompt import Prompt, PromptInput, render_prompt
from animus_workflow_runner_default.phases.tool_rules import tools_on_wire

__all__ = ["CallText", "Requests", "rendered_prompt"]


class CallText(NamedTuple):
    """What one call says to whom."""

    session: str
    target: AgentTarget
    prompt: str
    system_prompt: str
    resume_id: str | None
    timeout_seconds: int | None


def skills_of(config: CompiledConfig, phase: Phase, agent: Agent | None) -> list[Skill]:
    """The skills of the phase, then those of its agent, each once."""
    names = [*phase.skills, *([] if agent is None else agent.skills)]
    return [config.skills[name] for name in dict.fromkeys(names) if name in config.skills]


def rendered_prompt(work: AgentWork, environ: Mapping[str, str]) -> Prompt:
    """The prompt of an attempt.

    Raises:
        InterpolationError: a definition names an environment variable that is not set.
    """
    agent = work.config.agents.get(work.phase.agent or "")

    def fill(template: str | None) -> str:
        return filled(template or "", environ, work.context.variables)

    return render_prompt(
        PromptInput(
            phase=work.phase,
            agent=agent,
            directive=fill(work.phase.directive or work.phase.description),
            system_prompts=[fill(None if agent is None else agent.system_prompt), fill(work.phase.system_prompt)],
            subject_id=work.subject_id,
            title=work.title,
            description=work.description,
            prior=work.prior,
            failure_context=work.failure_context,
            dispatch_input=work.dispatch_input,
            custom_verdicts=work.custom_verdicts,
            skills=skills_of(work.config, work.phase, agent),
            memory=work.memory,
            channels=work.channels,
        )
    )


class Requests:
    """Makes the requests of one attempt."""

    def __init__(
        self,
        work: AgentWork,
        runtime: Runtime,
        environ: Mapping[str, str] = os.environ,
        bearers: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare.

        Args:
            work: the attempt.
            runtime: its settings.
            environ: where references are resolved.
            bearers: the tokens of MCP servers that are signed in to, by name.
        """
        self._bearers: Mapping[str, str] = {} if bearers is None else bearers
        self._work = work
        self._runtime = runtime
        self._environ = environ
        self._agent = work.config.agents.get(work.phase.agent or "")

    def request(self, text: CallText) -> AgentRequest:
        """The request of one call.

        Raises:
            InterpolationError: a definition names an environment variable that is not set.
        """
        work, runtime, agent = self._work, self._runtime, self._agent
        tool = work.config.tools.get(text.target.tool or "")
        environment = dict(work.context.environment)
        extra = [self._fill(word) for word in runtime.extra_args]
        program: tuple[str, list[str]] | None = None
        if tool is not None:
            program = (self._fill(tool.executable), [*map(self._fill, tool.base_args), *self._flags(tool), *extra])
            environment |= {name: self._fill(value) for name, value in tool.env.items()}
        return AgentRequest(
            run_id=work.context.run_id,
            session=text.session,
            target=text.target,
            program=program,
            prompt=text.prompt,
            system_prompt=text.system_prompt,
            cwd=work.context.execution_cwd,
            project_root=work.context.project_root,
            environment=environment,
            timeout_seconds=text.timeout_seconds,
            context=work.document,
            runtime=runtime,
            resume_id=text.resume_id,
            response_schema=work.phase.output_json_schema,
            tools=tools_on_wire(agent, defined_servers(work.config, work.phase.id, agent)),
            approvals=approvals_on_wire(None if agent is None else agent.approval_policy),
            mcp_servers=self._mcp_servers(agent) or None,
            extra_args=extra if extra and program is None else None,
        )

    def _mcp_servers(self, agent: Agent | None) -> dict[str, Any]:
        """The agent's MCP servers in this phase, by name, as they go over the wire.

        The primary server's names stand for that of this installation where no definition stands behind them.
        """
        work = self._work
        config, primary = work.config, self._primary()
        servers: dict[str, Any] = {}
        for name in bound_servers(config.mcp_servers, config.phase_mcp_bindings, work.phase.id, agent):
            server = config.mcp_servers.get(name)
            if server is not None:
                servers[name] = self._server(server, self._bearers.get(name))
            elif name in PRIMARY_SERVER_NAMES:
                servers |= {} if primary is None else {name: primary}
            else:
                raise LookupError(name)  # the loader refuses such a definition
        return servers

    def _server(self, server: McpServer, bearer: str | None) -> dict[str, Any]:
        if server.is_program:
            environment = {name: self._fill(value) for name, value in server.env.items()}
            return {
                "command": self._fill(server.command or ""),
                "args": [*map(self._fill, server.args)],
                "env": environment,
            }
        headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
        return {"url": self._fill(server.url or ""), "headers": headers}

    def _primary(self) -> dict[str, Any] | None:
        """Animus's own server; out of reach in a sandbox, which has neither the project's state nor a daemon."""
        if self._runtime.sandbox == "bubblewrap":
            return None
        return primary_server(self._work.context.project_root, self._environ)

    def _flags(self, tool: Tool) -> list[str]:
        """The arguments a program takes for what the phase asks of it."""
        phase = self._work.phase
        can = phase.capabilities
        reads_only = (can.is_review or can.is_research) and not (can.writes_files or can.requires_commit)
        flags = [tool.read_only_flag] if tool.read_only_flag and reads_only else []
        if tool.response_schema_flag and phase.output_json_schema is not None:
            flags += [tool.response_schema_flag, msgspec.json.encode(phase.output_json_schema).decode()]
        return flags

    def _fill(self, text: str) -> str:
        return resolve_environment(text, self._environ, self._work.context.secrets)
