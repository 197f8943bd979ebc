"""The seam to a coding agent: what is asked, what comes back, and who answers is not our business."""

from typing import Any, NamedTuple, Protocol

from animus_workflow_runner_default.authoring.model import Runtime
from animus_workflow_runner_default.phases.agent_state import AgentTarget, Response

__all__ = [
    "AgentCallError",
    "AgentCaller",
    "AgentListener",
    "AgentReply",
    "AgentRequest",
    "AgentTarget",
    "CallFacts",
]


class AgentRequest(NamedTuple):
    """One call of an agent. `program` is set where the tool id stands for a program of the definitions."""

    run_id: str
    session: str
    """Our id of the call."""
    target: AgentTarget
    program: tuple[str, list[str]] | None
    prompt: str
    system_prompt: str
    cwd: str
    project_root: str
    environment: dict[str, str]
    timeout_seconds: int | None
    context: dict[str, Any]
    runtime: Runtime
    resume_id: str | None = None
    """The agent's session to go on with; None begins one."""
    response_schema: Any = None
    tools: dict[str, Any] | None = None
    """See `tool_rules`; None is the agent's own default."""
    approvals: dict[str, Any] | None = None
    """None: no approvals are asked for."""
    mcp_servers: dict[str, Any] | None = None
    extra_args: list[str] | None = None
    is_bounded: bool = False
    """The caller ends the call when its time is over, which stands still while a person is asked."""


class AgentReply(NamedTuple):
    """How the agent ended; `output` is its final answer, empty if it only streamed."""

    exit_code: int
    output: str
    errors: list[str]
    backend: str
    resume_id: str | None = None
    decision: Any = None
    tokens: dict[str, int] | None = None
    cost_usd: float | None = None
    model: str | None = None


class CallFacts(NamedTuple):
    """What is known of a call that failed."""

    failure: str | None = None
    """The provider's word for it, None if it has none."""
    is_unresumable: bool = False
    """The session to go on with is not there any more, or cannot be resumed at all."""
    has_died: bool = False
    """The provider died while it had the call: its agent may have had effects."""
    is_refused: bool = False
    """It asks for what this provider cannot do; another request may be taken."""
    is_timeout: bool = False
    """The time limit of the call ended it."""
    has_reached_turn_limit: bool = False
    """The agent stopped because of its own limit of turns."""
    retry_after_seconds: float | None = None
    """When the provider asks to be called again."""
    resume_id: str | None = None
    """The agent's session, where it is still there."""


class AgentCallError(Exception):
    """The call itself failed: no such provider, it died, it refused."""

    def __init__(self, message: str, facts: CallFacts | None = None) -> None:
        super().__init__(message)
        self.facts = CallFacts() if facts is None else facts


class AgentListener(Protocol):
    """Told what an agent does while it works: in order, before the call returns, never blocking."""

    def show(self, kind: str, text: str) -> None:
        """A piece of what it shows; `kind` is ``output``, ``thinking``, ``tool`` or ``error``."""
        ...

    def observe(self, event: str, facts: dict[str, Any]) -> None:
        """Something that hooks may observe; see `authoring.hooks.EVENTS` and `observation.LOST`."""
        ...

    def begin_session(self, resume_id: str) -> None:
        """The agent's own session is known."""
        ...

    def ask(self, native_id: str, kind: str, payload: dict[str, Any], expires_at: str | None) -> None:
        """The agent waits for a person."""
        ...


class AgentCaller(Protocol):
    """Reaches an agent; an adapter maps it to the host."""

    async def __call__(self, request: AgentRequest, listener: AgentListener) -> AgentReply:
        """Run the agent, or go on with its session.

        Raises:
            AgentCallError: see there.
        """
        ...

    async def respond(self, request: AgentRequest, native_id: str, response: Response) -> bool:
        """Answer what the agent of `request` asked; False if it does not wait for that any more.

        Raises:
            AgentCallError: its provider cannot be reached.
        """
        ...
