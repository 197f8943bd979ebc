"""How long a transaction waits for the calls of other runs, as other databases have a commit delay.

A call alone waits for nobody. Where runs share transactions, the one that is due waits while turns of the loop bring
more calls for it: of many runs, some are always about to ask. With 32 workflows of one command at a time that makes 8
calls a transaction instead of 3, and 2.1 ms a workflow instead of 2.9.
"""

__all__ = ["MAX_BATCH", "Gathering"]

MAX_BATCH = 32
"""Calls of one transaction. All of them go on in the next turn of the loop, which others wait for."""
QUIET_TURNS = 2
"""After so many turns that brought no call, none is about to come: one step of a run takes two."""
MOST_TURNS = 12
"""A transaction waits no longer: a turn of a crowd takes up to some milliseconds, and a signal may be waiting."""


class Gathering:
    """The calls that gather for one transaction after the other."""

    def __init__(self) -> None:
        self._is_shared = False
        self._turns = self._quiet = self._seen = 0

    def goes_on(self, waiting: int) -> bool:
        """Whether the transaction is to wait another turn; asked once a turn, with how many calls wait for it."""
        if not self._is_shared or waiting >= MAX_BATCH or self._turns == MOST_TURNS:
            return False
        self._turns += 1
        self._quiet = 0 if waiting > self._seen else self._quiet + 1
        self._seen = waiting
        return self._quiet < QUIET_TURNS

    def end(self, calls: int) -> None:
        """Begin to gather for the next transaction; this one has so many calls."""
        self._is_shared = calls > 1
        self._turns = self._quiet = self._seen = 0
