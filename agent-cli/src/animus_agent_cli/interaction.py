"""Who answers when an agent asks, and until when."""

import datetime
import threading
from collections.abc import Callable
from typing import Final, NamedTuple

from animus_agent_cli.conversation import Answer
from animus_agent_cli.event import InteractionRequested
from animus_agent_cli.loose import as_dict
from animus_agent_cli.request import ASK, ApprovalPolicy

__all__ = ["DENIED", "LATE", "Interactions", "answer_in", "expiry_after"]

DENIED: Final = "denied by the approval policy of this run"
NOBODY: Final = "nobody can be asked in this run; decide by your own judgement and say what you assumed"
LATE: Final = "nobody answered in time"


class _Open(NamedTuple):
    request: InteractionRequested
    drop_alarm: Callable[[], None]


class Interactions:
    """The questions of one run that wait for an answer. Whoever takes one out has the only right to answer it."""

    def __init__(self, policy: ApprovalPolicy | None) -> None:
        """Start without any. Without a policy nobody is asked."""
        self.policy = policy
        self._turn = threading.Lock()
        self._open: dict[str, _Open] = {}

    def at_once(self, request: InteractionRequested) -> Answer | None:
        """The answer that needs nobody; None when a person has to be asked."""
        if request.rule_seconds is not None or (self.policy is not None and self.policy.policy == ASK):
            return None
        if request.kind != "approval":
            return Answer(is_allowed=False, message=NOBODY)
        if self.policy is not None and self.policy.policy == "allow":
            return Answer(is_allowed=True)
        return Answer(is_allowed=False, message=DENIED)

    def add(self, request: InteractionRequested, drop_alarm: Callable[[], None]) -> None:
        """One that waits from now on; `drop_alarm` ends the watch on its time."""
        with self._turn:
            self._open[request.interaction_id] = _Open(request, drop_alarm)

    def take(self, interaction_id: str) -> InteractionRequested | None:
        """Take one out to answer it; None when it is not open (any more)."""
        with self._turn:
            found = self._open.pop(interaction_id, None)
        if found is None:
            return None
        found.drop_alarm()
        return found.request


def answer_in(response: object) -> Answer | None:
    """The answer in ``agent/respond``: ``{"decision": "allow"|"deny", "answer"?, "message"?}``; None when it is none.

    A text without a decision answers a question, so it allows; nothing at all, or a decision that is neither word, is
    no answer.
    """
    given = as_dict(response)
    decision, text, message = given.get("decision"), given.get("answer"), given.get("message")
    if decision not in {None, "allow", "deny"} or (decision is None and text is None):
        return None
    return Answer(
        is_allowed=decision != "deny",
        text=None if text is None else str(text),
        message=None if message is None else str(message),
    )


def expiry_after(seconds: float) -> str:
    """The moment `seconds` from now, as the wire writes it."""
    now = datetime.datetime.now(datetime.UTC)
    return (now + datetime.timedelta(seconds=seconds)).isoformat(timespec="seconds").replace("+00:00", "Z")
