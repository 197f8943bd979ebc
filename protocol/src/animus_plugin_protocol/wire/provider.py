"""The provider kind: coding agents (protocol section 8)."""

from typing import Any

from animus_plugin_protocol.wire.presence import Wire, always, always_list, always_null

__all__ = [
    "AgentCancelParams",
    "AgentCancelResult",
    "AgentErrorNote",
    "AgentInteractionRequestedNote",
    "AgentOutputNote",
    "AgentRespondParams",
    "AgentRespondResult",
    "AgentRunParams",
    "AgentRunResult",
    "AgentSessionStartedNote",
    "AgentThinkingNote",
    "AgentToolCallNote",
    "AgentToolResultNote",
    "ProviderCapabilities",
    "TokenUsage",
]


class AgentRunParams(Wire, frozen=True, kw_only=True):
    """Run an agent (``agent/run``, ``agent/resume``).

    Keys not listed are the extras of the wire type. They are kept by `decode_agent_run` in
    ``animus_plugin_protocol.agent_run``: dropping one (``approvals``) would fail open.
    """

    prompt: str
    session_id: str | None = None
    model: str | None = None
    system_prompt: str | None = None
    cwd: str | None = None
    project_root: str | None = None
    permission_mode: str | None = None
    timeout_secs: int | None = None
    env: dict[str, str] = {}
    mcp_servers: Any = None
    tools: Any = None
    response_schema: Any = None
    runtime_contract: Any = None
    control_session_id: str | None = None
    reasoning_effort: str | None = None
    approvals: Any = None
    command: Any = None
    """Ours, for provider-command: ``{"program": str, "args": [str]}``."""
    context: Any = None
    """Ours: the JSON document an agent finds at ``ANIMUS_CONTEXT_FILE``."""
    sandbox: str | None = None
    """Ours: ``none`` or ``bubblewrap``. A provider that cannot sandbox refuses the latter; it never runs open."""
    web_search: bool | None = None
    """Ours, like all below: whether the agent may search the web; None is its own default. What a provider is sent and
    cannot honour it refuses."""
    network_access: bool | None = None
    """Whether the agent's commands may use the network; None is its own default."""
    config_overrides: list[str] | None = None
    """``key=value`` settings of the agent program, in its own terms."""
    extra_args: list[str] | None = None
    """More arguments for the agent program."""
    tool_profile: str | None = None
    """Which of the agent program's settings folders on this machine."""


class TokenUsage(Wire, frozen=True, kw_only=True):
    """Tokens of one run."""

    input: int
    output: int
    cached: int | None = None
    cache_writes: int | None = None


class AgentRunResult(Wire, frozen=True, kw_only=True):
    """How the agent ended."""

    session_id: str
    exit_code: int
    output: str
    duration_ms: int
    backend: str
    metadata: list[Any] = always_list()
    tool_calls: list[Any] = always_list()
    tool_results: list[Any] = always_list()
    thinking: list[str] = always_list()
    errors: list[str] = always_list()
    tokens_used: TokenUsage | None = None
    decision_verdict: Any = None
    model: str | None = None
    """Ours: the model that answered, as its provider names it."""
    cost_usd: float | None = None
    """Ours: what the run cost, where the agent says so."""
    resume_id: str | None = None
    """Ours: the agent's own session, which ``agent/resume`` takes as ``session_id``."""


class AgentCancelParams(Wire, frozen=True, kw_only=True):
    """Names the session to cancel: the provider's own id or the host's ``control_session_id``."""

    session_id: str


class AgentCancelResult(Wire, frozen=True, kw_only=True):
    """The cancel was taken; the run itself ends with -32002."""

    session_id: str
    cancelled: bool


class AgentRespondParams(Wire, frozen=True, kw_only=True):
    """The answer to an interaction: ``{"decision": "allow" | "deny", "answer"?, "message"?}``."""

    interaction_id: str
    session_id: str
    response: Any


class AgentRespondResult(Wire, frozen=True, kw_only=True):
    """Whether the answer was taken."""

    accepted: bool


class AgentSessionStartedNote(Wire, frozen=True, kw_only=True):
    """Ours: the agent's own session has begun; a host that keeps `resume_id` can resume it after any crash."""

    session_id: str
    resume_id: str


class AgentOutputNote(Wire, frozen=True, kw_only=True):
    """A piece of the agent's answer."""

    session_id: str
    text: str
    final: bool = always(default=False)


class AgentThinkingNote(Wire, frozen=True, kw_only=True):
    """A piece of the agent's reasoning."""

    session_id: str
    text: str


class AgentToolCallNote(Wire, frozen=True, kw_only=True):
    """The agent called a tool."""

    session_id: str
    name: str
    arguments: Any
    server: str | None = always_null()


class AgentToolResultNote(Wire, frozen=True, kw_only=True):
    """A tool answered."""

    session_id: str
    name: str
    output: Any
    success: bool


class AgentErrorNote(Wire, frozen=True, kw_only=True):
    """Something went wrong; `recoverable` says whether the run goes on."""

    session_id: str
    message: str
    recoverable: bool = always(default=True)


class AgentInteractionRequestedNote(Wire, frozen=True, kw_only=True):
    """The agent waits for a person; kind is ``approval`` or ``question``."""

    interaction_id: str
    session_id: str
    kind: str
    payload: Any
    expires_at: str | None = None


class ProviderCapabilities(Wire, frozen=True, kw_only=True):
    """Ours, in ``kind_capabilities.provider.extra``: the tool ids this provider answers for."""

    tools: list[str] = []
