"""What is asked of an agent, with the wire behind it: checked, complete, and the same for every agent."""

import fnmatch
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from animus_agent_cli.tool_rules import ASK, ToolRules

__all__ = ["ASK", "AgentRequest", "ApprovalPolicy", "McpServer", "ToolPolicy", "UnsupportedError"]


class UnsupportedError(Exception):
    """The agent cannot do what is asked. With `is_model` it is the model that it does not have."""

    def __init__(self, message: str, *, is_model: bool = False) -> None:
        """Say what cannot be done, and what to do instead."""
        super().__init__(message)
        self.is_model = is_model


class ToolPolicy(NamedTuple):
    """Which tools the agent may use: names with ``*``. A denied one is denied; no `allow` allows every other."""

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()

    def may_use(self, name: str) -> bool:
        """Whether the tool `name` may be used. A rule's arguments (``Bash(git *)``) are for the agent to judge."""
        if any(_matches(name, rule) and "(" not in rule for rule in self.deny):
            return False
        return not self.allow or any(_matches(name, rule) for rule in self.allow)

    def may_use_freely(self, name: str) -> bool:
        """Whether it may be used with any arguments: what a rule with arguments allows is for the agent to judge."""
        plain = tuple(rule for rule in self.allow if "(" not in rule)
        return self.may_use(name) and (not self.allow or any(_matches(name, rule) for rule in plain))


def _matches(name: str, rule: str) -> bool:
    return fnmatch.fnmatchcase(name, rule.partition("(")[0])


class ApprovalPolicy(NamedTuple):
    """Who decides when the agent wants leave for something: ``ask`` a person, or ``allow`` or ``deny`` at once."""

    policy: str = ASK
    timeout_seconds: float = 600.0


class McpServer(NamedTuple):
    """A server of tools: a program (`command`), or one that listens at `url`; `optional`: the agent can do without."""

    command: str | None = None
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = {}
    url: str | None = None
    headers: Mapping[str, str] = {}
    optional: bool = False


class AgentRequest(NamedTuple):
    """One run.

    Attributes:
        prompt: what to do.
        cwd: the folder to work in; it exists.
        folder: a private folder for files of this run (0700); it is removed when the run is over.
        environment: everything the program will see.
        resume_id: the agent's own session to take up; None begins one.
        tools: None leaves it to the agent.
        rules: what is decided about single tool calls; None where there are no rules.
        approvals: None means that nobody is asked.
        response_schema: a JSON schema for the answer.
        sandbox: whether the program will run in a sandbox.
        broker_url: in a sandbox, where the program reaches its model.
        sandbox_home: in a sandbox, the agent's own folder; it stays for as long as the run's files do.
        web_search: whether the agent may search the web; None leaves it to the agent.
        network_access: whether what the agent runs may use the network; None leaves it to the agent.
        config_overrides: settings of the agent's own configuration.
        extra_args: more arguments for the program.
        tool_profile: which of the program's settings folders on this machine; None is its own.
    """

    prompt: str
    cwd: Path
    folder: Path
    environment: Mapping[str, str]
    system_prompt: str | None = None
    model: str | None = None
    resume_id: str | None = None
    permission_mode: str | None = None
    reasoning_effort: str | None = None
    mcp_servers: Mapping[str, McpServer] = {}
    tools: ToolPolicy | None = None
    rules: ToolRules | None = None
    approvals: ApprovalPolicy | None = None
    response_schema: dict[str, Any] | None = None
    sandbox: bool = False
    broker_url: str | None = None
    sandbox_home: Path | None = None
    web_search: bool | None = None
    network_access: bool | None = None
    config_overrides: tuple[str, ...] = ()
    extra_args: tuple[str, ...] = ()
    tool_profile: str | None = None
