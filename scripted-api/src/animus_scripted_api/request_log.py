"""What was asked, for assertions."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from animus_scripted_api.request import Request

__all__ = ["REQUESTS_KEPT", "Exchanged", "RequestLog"]

REQUESTS_KEPT: Final = 1000
"""Older requests are forgotten."""
PROBLEMS_KEPT: Final = 100


@dataclass
class Exchanged:
    """A request and what became of it.

    Attributes:
        status: of the answer; None while there is none, 0 when the connection was dropped without one.
        sent_bytes: of the answer's body so far.
        is_over: nothing more is sent.
        is_broken: the client went away before everything was sent.
    """

    request: Request
    status: int | None = None
    sent_bytes: int = 0
    is_over: bool = False
    is_broken: bool = False


class RequestLog:
    """The last requests, in order of arrival. Safe for many threads."""

    def __init__(self) -> None:
        """Start empty."""
        self._news = threading.Condition()
        self._kept: deque[Exchanged] = deque(maxlen=REQUESTS_KEPT)
        self._problems: deque[str] = deque(maxlen=PROBLEMS_KEPT)
        self._count = 0

    def take(self, make: Callable[[int], Request]) -> Exchanged:
        """Write down a request, which `make` makes of its number."""
        with self._news:
            self._count += 1
            exchanged = Exchanged(make(self._count))
            self._kept.append(exchanged)
            self._news.notify_all()
        return exchanged

    def change(self, change: Callable[[], None]) -> None:
        """Change an exchange so that waiters look again."""
        with self._news:
            change()
            self._news.notify_all()

    def note_problem(self, problem: str) -> None:
        """The script could not answer."""
        with self._news:
            self._problems.append(problem)

    @property
    def count(self) -> int:
        """How many requests there were, the forgotten ones too."""
        with self._news:
            return self._count

    def exchanges(self) -> list[Exchanged]:
        """The requests that are kept."""
        with self._news:
            return list(self._kept)

    def problems(self) -> list[str]:
        """Requests for which the script had no answer. A test that passes has none."""
        with self._news:
            return list(self._problems)

    def wait(self, is_met: Callable[[list[Exchanged]], bool], timeout_seconds: float) -> bool:
        """Wait until the kept exchanges satisfy `is_met`; answers whether they did in time."""
        with self._news:
            return self._news.wait_for(lambda: is_met(list(self._kept)), timeout_seconds)
