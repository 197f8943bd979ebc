"""Sessions of agents, on the control socket."""

import datetime
from typing import Annotated, Any

from msgspec import Meta

from animus_plugin_protocol.wire.presence import Wire, always

__all__ = [
    "AgentRow",
    "AgentRunParams",
    "AgentRunResult",
    "AgentSessionParams",
    "AgentStatusParams",
    "AgentStatusResult",
    "AgentUsage",
    "DaemonAgentsResult",
]


class AgentRunParams(Wire, frozen=True, kw_only=True):
    """Run one session of an agent, outside of any workflow. With `detach` the answer comes once it has begun."""

    provider: Annotated[str, Meta(description="The provider, by its name or one of its tools.")]
    prompt: Annotated[str, Meta(description="What to do.")]
    model: Annotated[str | None, Meta(description="The model; the agent's own default if left out.")] = None
    system: Annotated[str | None, Meta(description="What the agent is.")] = None
    cwd: Annotated[str | None, Meta(description="Where it works; the project if left out.")] = None
    env: Annotated[dict[str, str], Meta(description="Variables that it gets.")] = {}
    detach: Annotated[bool, Meta(description="Answer once it has begun.")] = False
    timeout_secs: Annotated[int, Meta(description="When it is ended.", ge=1)] | None = None
    permission_mode: Annotated[str | None, Meta(description="What it may do unasked, in the agent's words.")] = None
    reasoning_effort: Annotated[str | None, Meta(description="low, medium or high, where the agent has that.")] = None
    command: Annotated[Any, Meta(description="For the provider that runs any program: program and args.")] = None


class AgentUsage(Wire, frozen=True, kw_only=True):
    """What a session used."""

    prompt_tokens: int
    completion_tokens: int
    cost_micro_usd: int | None = None


class AgentRunResult(Wire, frozen=True, kw_only=True):
    """How the session ended, or with `detach` that it has begun. `model` is empty where nobody says which it is."""

    session_id: str
    model: str
    output: str
    usage: AgentUsage | None = None
    status: str = always("completed")
    """``running``, ``completed``, ``failed`` or ``cancelled``."""
    errors: list[str] = []


class AgentStatusParams(Wire, frozen=True, kw_only=True):
    """Which session."""

    id: Annotated[str, Meta(description="The session's id.")]


class AgentSessionParams(Wire, frozen=True, kw_only=True):
    """Which session."""

    session_id: Annotated[str, Meta(description="The session's id.")]


class AgentStatusResult(Wire, frozen=True, kw_only=True):
    """One session: ``running``, ``completed``, ``failed`` or ``cancelled``. `output` is the end of what it said."""

    session_id: str
    status: str
    provider: str
    model: str
    started_at: datetime.datetime
    finished_at: datetime.datetime | None = None
    last_error: str | None = None
    output: str | None = None
    usage: AgentUsage | None = None
    workflow_id: str | None = None
    phase_id: str | None = None


class AgentRow(Wire, frozen=True, kw_only=True):
    """An agent at work: in a phase of a run, or asked for with ``agent/run``."""

    session_id: str
    provider: str
    model: str
    started_at: datetime.datetime
    workflow_id: str | None = None
    phase_id: str | None = None


class DaemonAgentsResult(Wire, frozen=True, kw_only=True):
    """The agents at work, the oldest first."""

    agents: list[AgentRow]
