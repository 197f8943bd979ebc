"""What the journal keeps of the agents of one attempt: each call, and each thing an agent asked a person.

It is written before a call begins, when the agent's own session is known, when somebody is asked or answers, and when
the call ends; so a process that takes the attempt over knows which session to resume, which targets have failed how
often, and what was answered already.
"""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

__all__ = [
    "MAX_ANSWER_CHARS",
    "AgentCall",
    "AgentState",
    "AgentTarget",
    "Interaction",
    "Purpose",
    "Response",
    "current_chain",
    "fingerprint",
]

Purpose = Literal["run", "resume", "continue", "repair"]
"""Why an agent is called: for the work, to go on after an interruption, to go on to the end, to mend its answer."""

MAX_ANSWER_CHARS = 64_000
"""How much of an answer the journal keeps while its attempt is under way; the log has all of it."""


class AgentTarget(msgspec.Struct, frozen=True, array_like=True):
    """Who is asked: a tool id and a model; both None leaves the choice to the host."""

    tool: str | None
    model: str | None

    def __str__(self) -> str:
        if self.model is None:
            return self.tool or "any agent"
        return self.model if self.tool is None else f"{self.tool} ({self.model})"


class AgentCall(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call of an agent. Without `finished_at` it is under way, or its runner died."""

    session: str
    """The host's id of the call: notes and cancellation go by it."""
    target: AgentTarget
    purpose: Purpose
    started_at: str
    number: int = 1
    """Which try in a row at this target it is."""
    resume_id: str | None = None
    """The agent's own session, as soon as it is known."""
    has_acted: bool = False
    """It said or did something before it failed."""
    finished_at: str | None = None
    failure: str | None = None
    """None once it is finished: it came to a clean end."""
    reason: str | None = None
    is_refused: bool = False
    """Its provider cannot do what this request asks for; nothing is wrong with the target."""
    retry_after_seconds: float | None = None
    answer: str | None = None
    decision: Any = None
    """What the provider read out of the answer itself."""
    backend: str | None = None
    model: str | None = None
    tokens: dict[str, int] | None = None
    cost_usd: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether it has no end."""
        return self.finished_at is None

    @property
    def is_clean(self) -> bool:
        """Whether it came to a clean end."""
        return self.finished_at is not None and self.failure is None


class Response(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is answered to an agent."""

    decision: Literal["allow", "deny"]
    answer: Any = None
    message: str | None = None


class Interaction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something an agent asked. `status` is ``pending``, ``answered``, ``expired`` or ``withdrawn``."""

    id: str
    kind: Literal["approval", "question"]
    payload: dict[str, Any] = {}
    session: str
    """The call in which it was asked."""
    native_id: str
    """What its provider calls it."""
    asked_at: str
    expires_at: str | None = None
    status: Literal["pending", "answered", "expired", "withdrawn"] = "pending"
    response: Response | None = None
    answered_at: str | None = None
    answered_by: str | None = None
    is_replayed: bool = False
    """Its answer was already given to a session that a crash ended."""

    @property
    def question(self) -> str | None:
        """The question, or what is to be done."""
        text = self.payload.get("question") or self.payload.get("action")
        return text if isinstance(text, str) else None

    @property
    def tool(self) -> str | None:
        """The tool that wants to be allowed."""
        name = self.payload.get("tool_name")
        return name if isinstance(name, str) else None


class AgentState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All calls and interactions of an attempt, in order."""

    calls: tuple[AgentCall, ...] = ()
    interactions: tuple[Interaction, ...] = ()

    @property
    def last(self) -> AgentCall | None:
        """The latest call."""
        return self.calls[-1] if self.calls else None

    @property
    def pending(self) -> tuple[Interaction, ...]:
        """What waits for a person."""
        return tuple(item for item in self.interactions if item.status == "pending")

    def with_call(self, call: AgentCall) -> "AgentState":
        """With `call` in the place of the one of its session, or after the others."""
        kept = {item.session: item for item in self.calls} | {call.session: call}
        return msgspec.structs.replace(self, calls=tuple(kept.values()))

    def with_interaction(self, interaction: Interaction) -> "AgentState":
        """With `interaction` in the place of the one of its id, or after the others."""
        kept = {item.id: item for item in self.interactions} | {interaction.id: interaction}
        return msgspec.structs.replace(self, interactions=tuple(kept.values()))

    def settled(self) -> "AgentState":
        """What stays once the attempt has ended: answers are in its outcome, and nobody is waited for."""
        replace = msgspec.structs.replace
        calls = tuple(replace(call, answer=None, decision=None) for call in self.calls)
        asked = tuple(
            replace(item, status="withdrawn") if item.status == "pending" else item for item in self.interactions
        )
        return AgentState(calls=calls, interactions=asked)


def current_chain(calls: Sequence[AgentCall]) -> list[AgentCall]:
    """The calls of the latest conversation: from the last fresh ``run`` on."""
    start = next((index for index in reversed(range(len(calls))) if calls[index].purpose == "run"), 0)
    return list(calls[start:])


def fingerprint(kind: str, payload: dict[str, Any]) -> str:
    """Equal for the same question asked again by a resumed session."""
    asked = {key: payload.get(key) for key in ("action", "tool_name", "arguments", "question", "options")}
    return kind + msgspec.json.encode(asked, order="deterministic").decode()
