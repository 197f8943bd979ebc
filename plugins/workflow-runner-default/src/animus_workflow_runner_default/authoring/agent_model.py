"""The compiled profile of an agent: who it is, what it may do, what it reaches. Import these names from `model`."""

from typing import Annotated, Any, Literal

import msgspec

from animus_workflow_runner_default.authoring.hook_model import Hooks
from animus_workflow_runner_default.authoring.phase_model import Count, Runtime, Text

__all__ = [
    "Agent",
    "AgentCapabilities",
    "ApprovalPolicy",
    "Channel",
    "Communication",
    "McpOauth",
    "McpServer",
    "Memory",
    "Persona",
    "Skill",
    "ToolPolicy",
]


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


class Channel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A place where agents of this project write to each other."""

    participants: Annotated[list[str], msgspec.Meta(min_length=1)]
    """Those who read and write it unless their profile names its channels."""
    description: str | None = None
    max_context_chars: Count = 4_000


class Communication(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which channels an agent reads and writes, and to whom else it may write."""

    enabled: bool = False
    channels: list[str] = []
    """None named: those it is a participant of."""
    can_message: list[str] = []
    """Agents; ``*`` is every one."""
    max_context_chars: Count = 4_000
    """Of all channels together."""


class AgentCapabilities(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an agent needs of the tool that plays it: one that says it has not got that is refused.

    `memory` is no matter of tools: it turns the agent's memory on.
    """

    memory: bool = False
    mcp: bool = False
    write: bool = False
    streaming: bool = False
    tool_use: bool = False
    vision: bool = False
    long_context: bool = False


class Agent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An agent profile."""

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
    hooks: Hooks | None = None
    persona: Persona | None = None
    memory: Memory = Memory()
    communication: Communication | None = None
    capabilities: AgentCapabilities = AgentCapabilities()
    abilities: list[str] = []
    """Names under ``capabilities`` that are the author's own: part of its system prompt."""


class McpOauth(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an MCP server at an address is signed in to.

    ``manual_bearer``: with the token in the environment variable `bearer_env`. ``client_credentials`` and
    ``refresh_token``: with one that `token_url` gives for what stands in the variables ``*_env``.
    """

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
    type: Literal["stdio", "http"] | None = None
    """Another name of `transport`."""
    description: str | None = None
    """What it is for; shown to people."""
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

    @property
    def is_program(self) -> bool:
        """Whether it is started, not called."""
        return (self.type or self.transport) == "stdio"


class Skill(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Text that teaches an agent something: parts of its prompt."""

    name: str
    system: str = ""
    prefix: str = ""
    suffix: str = ""
    directives: list[str] = []
    source: str = ""
