"""What an agent does, told in one vocabulary: a provider reads its program's stream into these, the rest is shared.

The words know neither the protocol nor any agent. Order is that of the stream.
"""

from typing import Any, NamedTuple

__all__ = [
    "Breach",
    "Event",
    "Finished",
    "InteractionRequested",
    "InteractionWithdrawn",
    "Problem",
    "ProgramInput",
    "SessionStarted",
    "Text",
    "Thinking",
    "ToolCall",
    "ToolResult",
    "Usage",
]


class SessionStarted(NamedTuple):
    """The agent's own session exists: `resume_id` takes it up again, in another process too."""

    resume_id: str
    model: str | None = None
    version: str | None = None


class Text(NamedTuple):
    """A piece of what the agent says, or a whole block of it."""

    text: str


class Thinking(NamedTuple):
    """A piece of the agent's reasoning."""

    text: str


class ToolCall(NamedTuple):
    """The agent calls a tool; `server` is the MCP server the tool is from, if any."""

    call_id: str
    name: str
    arguments: Any
    server: str | None = None


class ToolResult(NamedTuple):
    """A tool answered. Without a `name` it is that of the call with the same id."""

    call_id: str
    output: Any
    is_success: bool
    name: str | None = None


class Usage(NamedTuple):
    """Tokens and cost: of the run so far with `is_total`, else to be added. `input` counts uncached tokens."""

    input: int
    output: int
    cached: int | None = None
    cache_writes: int | None = None
    cost_usd: float | None = None
    model: str | None = None
    is_total: bool = True


class Problem(NamedTuple):
    """Something went wrong; the agent goes on if it `is_recoverable`."""

    message: str
    is_recoverable: bool = True


class InteractionRequested(NamedTuple):
    """The agent waits for an answer.

    Attributes:
        kind: ``approval`` or ``question``.
        payload: that of the notification.
        rule_seconds: set where a rule wants somebody asked, whatever the run's approval policy says: how long for.
    """

    interaction_id: str
    kind: str
    payload: dict[str, Any]
    rule_seconds: float | None = None


class InteractionWithdrawn(NamedTuple):
    """The agent no longer waits for this answer."""

    interaction_id: str


class ProgramInput(NamedTuple):
    """The conversation's own words for the program: `data` goes to its standard input, which ends with `is_last`."""

    data: bytes
    is_last: bool = False


class Breach(NamedTuple):
    """The agent did what nobody had let it do, or cannot be held to its rules: it is ended at once."""

    message: str


class Finished(NamedTuple):
    """The agent has said everything.

    Attributes:
        output: the final answer; None means the text since the last tool call.
        failure: what went wrong, in the agent's words; None says that it succeeded.
        status: the HTTP status behind a failure.
        retry_after_seconds: when to try again, where the agent says so.
        decision: the structured answer, where the agent has a way of its own for it.
        limit: the agent's own limit that ended the run (``turns``, ``budget``); the session can be taken up again.
        grace_seconds: how long the agent may still go on by itself, as it does when something it started ends.
    """

    output: str | None = None
    failure: str | None = None
    status: int | None = None
    retry_after_seconds: float | None = None
    decision: dict[str, Any] | None = None
    limit: str | None = None
    grace_seconds: float = 0.0


Event = (
    SessionStarted
    | Text
    | Thinking
    | ToolCall
    | ToolResult
    | Usage
    | Problem
    | InteractionRequested
    | InteractionWithdrawn
    | ProgramInput
    | Breach
    | Finished
)
"""Any of them."""
