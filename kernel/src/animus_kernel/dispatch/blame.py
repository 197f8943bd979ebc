"""Whose doing it is that attempts break off: found by elimination, for all runs that a runner executed die with it.

| attempts of an entry that broke off in a row, without progress | what follows |
|---|---|
| 1 | it is executed again |
| 2 | it is a suspect: executed again after a pause, and beside no other suspect |
| 3 | it was the only suspect: its entry is held |
"""

from collections import Counter
from collections.abc import Iterable

from animus_kernel.dispatch.run import Run, RunState

__all__ = ["MAX_BROKEN_ATTEMPTS", "PAUSE_SECONDS", "Blame"]

MAX_BROKEN_ATTEMPTS = 3
"""After so many attempts in a row that broke off without any progress an entry is held."""

PAUSE_SECONDS = 5.0
"""Before an entry is tried for the last time."""


class Blame:
    """What is held against the entries of a project by this process."""

    def __init__(self) -> None:
        self._broken: Counter[str] = Counter()

    def count(self, run: Run) -> int:
        """An attempt broke off; how many have in a row."""
        entry_id = run.entry.entry_id
        self._broken[entry_id] += 1
        return self._broken[entry_id]

    def clear(self, run: Run) -> None:
        """It ended or completed a phase: nothing is held against its entry any more."""
        self._broken.pop(run.entry.entry_id, None)

    def is_suspect(self, run: Run) -> bool:
        """Whether the next attempt that breaks off is its own doing."""
        return self._broken[run.entry.entry_id] >= MAX_BROKEN_ATTEMPTS - 1

    def is_culprit(self, run: Run) -> bool:
        """Whether its entry is to be held."""
        return self._broken[run.entry.entry_id] >= MAX_BROKEN_ATTEMPTS

    def has_turn(self, run: Run, runs: Iterable[Run]) -> bool:
        """Whether `run` may be executed now, beside `runs`; one that waits for a person inside does not count."""
        if not self.is_suspect(run):
            return True
        return not any(
            other.state is RunState.RUNNING and other.holds_slot and self.is_suspect(other) for other in runs
        )
