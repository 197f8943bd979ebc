"""Names of attributes, and which parts of an event leave the machine.

Agents follow the conventions of OpenTelemetry for generative AI (``gen_ai.*``); what those have no word for is
``animus.*``. Of an event only what is named here is sent: ids, words of the protocol, numbers, and the reason of a
decision, cut short. Prompts, output, questions and notes are content, and are sent only when somebody asked for that.
"""

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from animus_plugin_protocol.wire.control import DaemonEvent

__all__ = ["AttributeValue", "agent_attributes", "cut", "event_attributes", "payload_of"]

AttributeValue = str | int | float | bool

REASON_LIMIT = 1024
CONTENT_LIMIT = 8192

_SENT = {
    "workflow_id": "animus.run.id",
    "workflow_ref": "animus.workflow",
    "subject_id": "animus.subject.id",
    "entry_id": "animus.entry.id",
    "phase_id": "animus.phase.id",
    "path": "animus.phase.path",
    "attempt": "animus.phase.attempt",
    "mode": "animus.phase.mode",
    "verdict": "animus.verdict",
    "confidence": "animus.confidence",
    "status": "animus.status",
    "reason": "animus.reason",
    "duration_secs": "animus.duration",
    "model": "gen_ai.response.model",
    "cost_usd": "animus.cost.usd",
    "plugin": "animus.plugin",
    "pid": "animus.plugin.pid",
    "schedule": "animus.schedule",
    "trigger": "animus.trigger",
    "event_id": "animus.trigger.event_id",
    "signal": "animus.signal",
    "flavor": "animus.flavor",
}
_TOKENS = {
    "input": "gen_ai.usage.input_tokens",
    "output": "gen_ai.usage.output_tokens",
    "cached": "gen_ai.usage.cache_read.input_tokens",
    "cache_writes": "gen_ai.usage.cache_creation.input_tokens",
}


def payload_of(event: DaemonEvent) -> dict[str, Any]:
    """What an event says, as an object."""
    payload: Any = event.payload
    return cast("dict[str, Any]", payload) if isinstance(payload, dict) else {}


def cut(text: str, limit: int = REASON_LIMIT) -> str:
    """A text that is at most `limit` characters long and says when it was longer."""
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def event_attributes(payload: Mapping[str, Any], *, include_content: bool = False) -> dict[str, AttributeValue]:
    """What is sent of an event's payload."""
    found: dict[str, AttributeValue] = {}
    for name, value in payload.items():
        if name == "tokens":
            found |= token_attributes(value)
        elif name in _SENT and isinstance(value, str | int | float):
            found[_SENT[name]] = cut(value) if isinstance(value, str) else value
        elif include_content and value is not None:
            text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
            found[f"animus.content.{name}"] = cut(text, CONTENT_LIMIT)
    return found


def token_attributes(tokens: Any) -> dict[str, AttributeValue]:
    """Counts of tokens by their conventional names."""
    if not isinstance(tokens, dict):
        return {}
    counts = cast("dict[str, Any]", tokens)
    return {name: counts[key] for key, name in _TOKENS.items() if isinstance(counts.get(key), int)}


def agent_attributes(phase_id: str) -> dict[str, AttributeValue]:
    """What says that a span is an agent's work."""
    return {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": phase_id}
