"""From events to the notifications of the provider kind (protocol section 8)."""

from typing import Any

from animus_agent_cli.bounds import bounded, bounded_text
from animus_agent_cli.event import (
    Event,
    InteractionRequested,
    Problem,
    SessionStarted,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from animus_agent_cli.interaction import expiry_after
from animus_plugin_protocol import methods
from animus_plugin_protocol.wire.provider import (
    AgentErrorNote,
    AgentInteractionRequestedNote,
    AgentOutputNote,
    AgentSessionStartedNote,
    AgentThinkingNote,
    AgentToolCallNote,
    AgentToolResultNote,
)

__all__ = ["note_of"]


def note_of(  # noqa: PLR0911 - a table
    event: Event, session_id: str, *, answer_seconds: float | None = None
) -> tuple[str, Any] | None:
    """Method and params for an event; None for one that hosts are not told.

    Args:
        event: what happened. A tool result carries the name of its tool.
        session_id: the run's name on the wire.
        answer_seconds: how long an interaction waits for its answer.
    """
    match event:
        case SessionStarted():
            return methods.AGENT_SESSION_STARTED, AgentSessionStartedNote(
                session_id=session_id, resume_id=event.resume_id
            )
        case Text():
            return methods.AGENT_OUTPUT, AgentOutputNote(session_id=session_id, text=event.text)
        case Thinking():
            return methods.AGENT_THINKING, AgentThinkingNote(session_id=session_id, text=event.text)
        case ToolCall():
            return methods.AGENT_TOOL_CALL, AgentToolCallNote(
                session_id=session_id, name=event.name, arguments=bounded(event.arguments), server=event.server
            )
        case ToolResult():
            return methods.AGENT_TOOL_RESULT, AgentToolResultNote(
                session_id=session_id, name=event.name or "", output=bounded(event.output), success=event.is_success
            )
        case Problem():
            return methods.AGENT_ERROR, AgentErrorNote(
                session_id=session_id, message=bounded_text(event.message), recoverable=event.is_recoverable
            )
        case InteractionRequested():
            return methods.AGENT_INTERACTION_REQUESTED, AgentInteractionRequestedNote(
                interaction_id=event.interaction_id,
                session_id=session_id,
                kind=event.kind,
                payload={name: bounded(value) for name, value in event.payload.items()},
                expires_at=None if (seconds := event.rule_seconds or answer_seconds) is None else expiry_after(seconds),
            )
        case _:
            return None
