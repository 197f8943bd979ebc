"""Whether a tool can do what a phase and its agent need: what the author said of the tool, against what they ask.

Only tools under ``tools`` say what they can do; of another tool its provider knows, and refuses what it cannot do.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from animus_workflow_runner_default.authoring.model import Agent, AgentCapabilities, Hooks, McpServer, Phase, Tool

__all__ = ["LONG_CONTEXT_TOKENS", "Need", "needs_of", "too_long_for", "unmet"]

LONG_CONTEXT_TOKENS = 100_000
"""A prompt above this needs a tool that takes long ones."""
CHARACTERS_PER_TOKEN = 4
"""What English takes; text of other kinds takes fewer, so a prompt is never longer than it is said to be."""
_WRITES = ("writes_files", "requires_commit", "enforce_product_changes")
_POLICIES = ("tool_policy", "approval_policy")
_HOOKS = "hooks"


class Need(NamedTuple):
    """Something a tool has to be able to do. `key` is a field of `AgentCapabilities`, or ``hooks``."""

    key: str
    why: str
    place: tuple[str, ...]
    """The key of the phase that leads to it."""


def needs_of(phase: Phase, agent: Agent | None, servers: Mapping[str, McpServer]) -> Iterator[Need]:
    """What the phase needs of whoever plays its agent.

    Args:
        phase: what it may do.
        agent: what it says it needs, and what has to be kept to.
        servers: the MCP servers it has in the phase.
    """
    yield from (
        Need("write", f"the phase has 'capabilities.{name}'", ("capabilities", name))
        for name in _WRITES
        if getattr(phase.capabilities, name)
    )
    if servers:
        yield Need("mcp", f"the agent has MCP servers in this phase: {', '.join(servers)}", ("agent",))
    for name, server in servers.items():
        if server.tools:
            yield Need(_HOOKS, f"'mcp_servers.{name}.tools' is about calls of tools", ("agent",))
    if agent is None:
        return
    if agent.hooks is not None and agent.hooks != Hooks():
        yield Need(_HOOKS, f"agent {agent.id!r} has hooks", ("agent",))
    for name in _POLICIES:
        if getattr(agent, name) is not None:
            yield Need("tool_use", f"agent {agent.id!r} has {name!r}, which is about calls of tools", ("agent",))
    for name in AgentCapabilities.__struct_fields__:
        if name != "memory" and getattr(agent.capabilities, name):
            yield Need(name, f"agent {agent.id!r} has 'capabilities.{name}'", ("agent",))


def unmet(tool: Tool, need: Need) -> str | None:
    """Why the tool does not do for the need; None if it does, or nothing is said about that."""
    if need.key == _HOOKS:
        return f"it is a program that shows nobody its tool calls, and {need.why}"
    if getattr(tool, f"supports_{need.key}") is False:
        return f"it says 'supports_{need.key}: false', and {need.why}"
    return None


def too_long_for(tool: Tool, characters: int) -> str | None:
    """Why a prompt of so many characters is too long for the tool; None if it is not, or nothing is said about that."""
    tokens = characters // CHARACTERS_PER_TOKEN
    if tool.context_window is not None and tokens > tool.context_window:
        return f"the prompt has about {tokens} tokens, and it says 'context_window: {tool.context_window}'"
    if tool.supports_long_context is False and tokens > LONG_CONTEXT_TOKENS:
        return f"the prompt has about {tokens} tokens, and it says 'supports_long_context: false'"
    return None
