"""The compiled profile of an agent: who it is, what it may do, what it reaches. Import these names from `model`."""

from typing import Annotated, Any, Literal

import msgspec

from animus_workflow_runner_default.authoring.phase_model import Count, Runtime, Text

__all__ = ["Agent", "ApprovalPolicy", "McpOauth", "McpServer", "Memory", "Persona", "Skill", "ToolPolicy"]


class ToolPolicy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which tools an agent may use: names with ``*``; a denied one is denied, an empty ``allow`` allows the rest."""

    allow: list[str] = []
    deny: list[str] = []


class ApprovalPolicy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who decides when an agent asks to use a tool: the lists first (names with ``*``), then `default`."""

    auto_allow: list[str] = []
    auto_deny: list[str] = []
    default: Literal["ask", "allow", "deny", "llm"] = "ask"
    evaluator_model: str | None = None
    """Who is asked with ``llm``: a name under ``models`` or a model."""
    evaluator_instructions: str | None = None
    timeout_secs: Annotated[int, msgspec.Meta(ge=1, le=3600)] = 600
    """How long a person is waited for: then an approval is denied, a question left to the agent."""


class Persona(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an agent speaks and works; part of its system prompt."""

    style: str | None = None
    traits: list[str] = []
    instructions: str | None = None
    customizations: dict[str, Any] = {}


class Memory(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an agent remembers from one phase to the next, in this project."""

    enabled: bool = False
    max_context_chars: Count = 6_000
    max_entries: Count = 200
    write_policy: Literal["explicit", "phase_summary"] = "explicit"
    """``explicit``: what the agent says it wants to keep; ``phase_summary``: also how each of its phases ended."""


class Agent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An agent profile. `settings` keeps what this release carries but does not act on."""

    id: str
    name: str | None = None
    description: str | None = None
    role: str | None = None
    system_prompt: str | None = None
    """Env. The text of ``system_prompt_file`` if that was given."""
    runtime: Runtime = Runtime()
    models: list[str] = []
    """Names under ``models``: the first is the agent's model where it has none, the others are its first fallbacks."""
    mcp_servers: list[str] = []
    skills: list[str] = []
    tool_policy: ToolPolicy | None = None
    approval_policy: ApprovalPolicy | None = None
    persona: Persona | None = None
    memory: Memory = Memory()
    settings: dict[str, Any] = {}


class McpOauth(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an MCP server at an address is signed in to: with the token in the environment variable `bearer_env`."""

    flow: Literal["manual_bearer", "client_credentials", "refresh_token", "authorization_code"] = "manual_bearer"
    bearer_env: Text | None = None
    token_url: str | None = None
    client_id: str | None = None
    client_id_env: str | None = None
    client_secret_env: str | None = None
    refresh_token_env: str | None = None
    scopes: list[str] = []
    audience: str | None = None
    cache: bool = True


class McpServer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An MCP server: a program (``stdio``) or an address (``http``)."""

    transport: Literal["stdio", "http"] = "stdio"
    command: str | None = None
    """Env, like all of this definition."""
    args: list[str] = []
    env: dict[str, str] = {}
    url: str | None = None
    tools: list[str] = []
    config: dict[str, Any] = {}
    oauth: McpOauth | None = None
    assign_to: list[str] = []
    """Agents that have it although their profile does not name it."""


class Skill(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Text that teaches an agent something: parts of its prompt."""

    name: str
    system: str = ""
    prefix: str = ""
    suffix: str = ""
    directives: list[str] = []
    source: str = ""
