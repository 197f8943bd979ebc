"""Which run a session id means."""

import threading
from collections import OrderedDict
from typing import Final, Generic, Protocol, TypeVar

__all__ = ["ENDED_REMEMBERED", "Cancellable", "Sessions"]

ENDED_REMEMBERED: Final = 1024
"""Ids of ended sessions that are still known as ended."""


class Cancellable(Protocol):
    """What is kept per session."""

    def cancel(self) -> None:
        """End it, without waiting."""
        ...

    def kill(self) -> None:
        """End it at once."""
        ...


_RunT = TypeVar("_RunT", bound=Cancellable)


class Sessions(Generic[_RunT]):
    """The active runs by the ids they answer to: their own, and the one the host controls them by."""

    def __init__(self) -> None:
        """Start without any."""
        self._turn = threading.Lock()
        self._active: dict[str, _RunT] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()

    def open(self, ids: set[str], run: _RunT) -> bool:
        """Take a run in; False when one of its ids belongs to an active run."""
        with self._turn:
            if not ids.isdisjoint(self._active):
                return False
            for session_id in ids:
                self._active[session_id] = run
                self._ended.pop(session_id, None)
            return True

    def close(self, ids: set[str]) -> None:
        """The run with these ids is over."""
        with self._turn:
            for session_id in ids:
                self._active.pop(session_id, None)
                self._ended[session_id] = None
            while len(self._ended) > ENDED_REMEMBERED:
                self._ended.popitem(last=False)

    def find(self, session_id: str) -> _RunT | None:
        """The run that `session_id` means: its own id, the host's id for it, else the only active run.

        An id of a run that is over means that run, and so nothing: the only active run is somebody else's then.
        """
        with self._turn:
            named = self._active.get(session_id)
            if named is not None or session_id in self._ended:
                return named
            active = {id(run): run for run in self._active.values()}
            return next(iter(active.values())) if len(active) == 1 else None

    def active(self) -> list[_RunT]:
        """Every active run, once."""
        with self._turn:
            return list({id(run): run for run in self._active.values()}.values())
