"""The script: which conversation is answered with which replies, in which order."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from animus_scripted_api.request import Request
from animus_scripted_api.step import Reply, Step

__all__ = ["Conversation", "ExhaustedError", "Script", "Turn", "When", "reply_of"]

Turn = Step | Reply | Sequence[Step] | Callable[[Request], "Reply | Step | Sequence[Step]"]
"""One answer: a step, several of them, a `Reply` with its usage, or a function that makes one of the request."""


class ExhaustedError(Exception):
    """A request came for which the script has no reply."""


@dataclass(frozen=True)
class When:
    """Which conversations a part of the script answers; everything that is given must hold."""

    model: str | None = None
    contains: str | None = None
    """Text that occurs in the system prompt or a message of the conversation's first request."""
    lacks: str | None = None
    """Text that does not."""
    dialect: str | None = None
    has_tools: bool | None = None
    api_key: str | None = None

    def holds(self, request: Request) -> bool:
        """Whether `request` is meant."""
        checks = (
            self.model is None or self.model == request.model,
            self.contains is None or self.contains in request.text,
            self.lacks is None or self.lacks not in request.text,
            self.dialect is None or self.dialect == request.dialect,
            self.has_tools is None or self.has_tools is bool(request.tools),
            self.api_key is None or self.api_key == request.api_key,
        )
        return all(checks)


@dataclass(frozen=True)
class Conversation:
    """Replies in order, for each conversation of a client that is meant.

    Attributes:
        turns: a request takes the next one, a failed request too.
        when: which conversations.
        times: how many conversations take it, one after the other; None for any number.
        repeat_last: the last reply answers every further request.
    """

    turns: Sequence[Turn]
    when: When | Callable[[Request], bool] = field(default_factory=When)
    times: int | None = None
    repeat_last: bool = False

    def is_meant(self, request: Request) -> bool:
        """Whether the conversation that begins with `request` belongs here."""
        return self.when.holds(request) if isinstance(self.when, When) else self.when(request)


class _Place:
    def __init__(self, part: Conversation) -> None:
        self.part = part
        self.used = 0


class Script:
    """Hands out replies. Safe for many threads."""

    def __init__(self, *parts: Conversation | Turn) -> None:
        """Start at the beginning. Bare turns together are one conversation that everybody gets."""
        turns: list[Turn] = [part for part in parts if not isinstance(part, Conversation)]
        self._parts = [part for part in parts if isinstance(part, Conversation)]
        if turns:
            self._parts.append(Conversation(turns))
        self._turn = threading.Lock()
        self._claims = [0] * len(self._parts)
        self._places: dict[str, _Place] = {}

    def next_reply(self, request: Request) -> Reply:
        """The reply to `request`.

        Raises:
            ExhaustedError: no part of the script is meant, or its turns are used up.
        """
        with self._turn:
            place = self._places.get(request.conversation) or self._claim(request)
            turns = place.part.turns
            if place.used >= len(turns) and not (place.part.repeat_last and turns):
                raise ExhaustedError(
                    f"all {len(turns)} turns of conversation {request.conversation!r} are used up; "
                    f"request {request.number} ends with {request.last_text[-200:]!r}"
                )
            turn = turns[min(place.used, len(turns) - 1)]
            place.used += 1
        return reply_of(turn, request)

    def _claim(self, request: Request) -> _Place:
        for index, part in enumerate(self._parts):
            if (part.times is None or self._claims[index] < part.times) and part.is_meant(request):
                self._claims[index] += 1
                self._places[request.conversation] = _Place(part)
                return self._places[request.conversation]
        raise ExhaustedError(
            f"no conversation of the script is meant by request {request.number} "
            f"(model {request.model!r}, dialect {request.dialect!r}, text ends with {request.text[-200:]!r})"
        )


def reply_of(turn: Turn, request: Request) -> Reply:
    """`turn` as a reply."""
    if isinstance(turn, Reply):
        return turn
    if isinstance(turn, Step):
        return Reply((turn,))
    if callable(turn):
        return reply_of(turn(request), request)
    return Reply(tuple(turn))
