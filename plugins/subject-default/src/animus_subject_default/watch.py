"""Who wants to hear of changes. A watch lives as long as the process, or until it is taken back.

Only changes made through this process are heard of: another process on the same database is not listened to.
"""

import threading
from typing import Any, Final, NamedTuple

from animus_subject_default.errors import InvalidSubjectError
from animus_subject_default.record import Change, SubjectQuery

__all__ = ["MOST_WATCHES", "Watches"]

MOST_WATCHES: Final = 64


class _Watch(NamedTuple):
    watch_id: Any
    query: SubjectQuery


class Watches:
    """The open watches by the text of their id: a host names the id it sent as a number by its text."""

    def __init__(self) -> None:
        """Start without any."""
        self._turn = threading.Lock()
        self._open: dict[str, _Watch] = {}

    def open(self, watch_id: Any, query: SubjectQuery) -> None:
        """Remember a watch.

        Raises:
            InvalidSubjectError: there are `MOST_WATCHES` already.
        """
        with self._turn:
            if len(self._open) >= MOST_WATCHES:
                raise InvalidSubjectError(f"{MOST_WATCHES} watches are open already; end one with unwatch first")
            self._open[str(watch_id)] = _Watch(watch_id, query)

    def close(self, watch_id: str) -> bool:
        """Forget a watch; False when there is none of that id."""
        with self._turn:
            return self._open.pop(watch_id, None) is not None

    def interested(self, change: Change) -> list[Any]:
        """The ids, as they were sent, of the watches that matched the subject before or match it after."""
        sides = [side for side in (change.before, change.after) if side is not None]
        with self._turn:
            watches = list(self._open.values())
        return [watch.watch_id for watch in watches if any(watch.query.matches(side) for side in sides)]
