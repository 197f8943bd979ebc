"""Leave for what changes things: asked of a person, or settled beforehand."""

import threading
import uuid
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from animus_agent_cli.request import ApprovalPolicy
from animus_provider_oai.ending import RunControl

__all__ = ["ALLOW", "DENY", "Answer", "Asked", "Interactions", "Question"]

ALLOW: Final = "allow"
DENY: Final = "deny"
_ASK: Final = "ask"


class Question(NamedTuple):
    """What somebody is asked. `kind` is ``approval`` or ``question``; the time is in seconds."""

    interaction_id: str
    kind: str
    payload: dict[str, Any]
    timeout_seconds: float


class Answer(NamedTuple):
    """What they said."""

    is_allowed: bool
    text: str | None = None
    is_late: bool = False


class Asked:
    """A question on its way; settled once."""

    def __init__(self, interaction_id: str) -> None:
        """Wait for an answer to the question with this id."""
        self.interaction_id = interaction_id
        self.answer: Answer | None = None
        self.has_news = threading.Event()


class Interactions:
    """The questions of one run. The run's thread asks, any other answers."""

    def __init__(
        self, policy: ApprovalPolicy | None, control: RunControl, on_question: Callable[[Question], object]
    ) -> None:
        """Ask through `on_question`. Without a policy everything is allowed and nobody asked."""
        self._policy = policy
        self._control = control
        self._on_question = on_question
        self._turn = threading.Lock()
        self._open: Asked | None = None

    @property
    def may_ask(self) -> bool:
        """Whether somebody can be asked."""
        return self._policy is not None and self._policy.policy == _ASK

    def approve(self, tool: str, action: str, arguments: dict[str, Any]) -> Answer:
        """Whether the tool may do that.

        Raises:
            RunEndedError: the run ended meanwhile.
        """
        if self._policy is None or self._policy.policy == ALLOW:
            return Answer(is_allowed=True)
        if not self.may_ask:
            return Answer(is_allowed=False, text="the host allows no tool that changes things")
        return self._ask("approval", {"action": action, "tool_name": tool, "arguments": arguments})

    def ask_for_rule(self, rule: str, seconds: float, tool: str, action: str, arguments: dict[str, Any]) -> Answer:
        """A person's leave, which a rule wants whatever the policy says.

        Raises:
            RunEndedError: the run ended meanwhile.
        """
        payload = {"action": action, "tool_name": tool, "arguments": arguments, "rule": rule}
        return self._ask("approval", payload, seconds)

    def question(self, text: str, options: list[str]) -> Answer:
        """A person's answer to a question.

        Raises:
            RunEndedError: the run ended meanwhile.
        """
        payload: dict[str, Any] = {"question": text}
        return self._ask("question", payload | ({"options": options} if options else {}))

    def respond(self, interaction_id: str, answer: Answer) -> bool:
        """Take an answer; whether somebody waits for it."""
        with self._turn:
            if self._open is None or self._open.interaction_id != interaction_id or self._open.answer is not None:
                return False
            self._open.answer = answer
            self._open.has_news.set()
            return True

    def _ask(self, kind: str, payload: dict[str, Any], seconds: float | None = None) -> Answer:
        if seconds is None:
            seconds = self._policy.timeout_seconds if self._policy is not None else 0.0
        asked = Asked(f"oai-{uuid.uuid4()}")
        with self._turn:
            self._open = asked
        try:
            with self._control.waking(asked.has_news.set):
                self._on_question(Question(asked.interaction_id, kind, payload, seconds))
                asked.has_news.wait(self._control.within(seconds))
        finally:
            with self._turn:
                self._open = None
        self._control.check()
        return asked.answer or Answer(is_allowed=False, is_late=True)
