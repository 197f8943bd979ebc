"""The runner's journal in the simulation: the real one, which may be killed before and after each commit.

The database is a real file. A commit is a sync point: what is committed survives everything, what is not is rolled
back, which is SQLite's promise with ``synchronous = FULL`` and not tried again here.
"""

import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from animus_process import Liveness
from animus_simulation.loop import SimulatedProcess
from animus_workflow_runner_default.journal.journal import Journal
from animus_workflow_runner_default.journal.thread import SLOW_SECONDS, JournalThread

__all__ = ["SimulatedJournal"]

SLOW_SHARE = 0.2
"""How often a commit seems to take so long that the next one is made on the (simulated) thread."""


class SimulatedJournal(JournalThread):
    """As `JournalThread`, of one simulated process.

    Args:
        path: the database.
        process: who has it open.
        is_dead: whether the process of a number is gone.
        reach: called before and after each commit; it may kill the process, or let the disk be full.
        chance: decides how long commits seem to take.
    """

    def __init__(
        self,
        path: Path,
        process: SimulatedProcess,
        *,
        is_dead: Callable[[int], bool],
        reach: Callable[[str], None],
        chance: random.Random,
    ) -> None:
        def state_of(pid: int, _start_time: str | None) -> Liveness:
            return Liveness.DEAD if is_dead(pid) else Liveness.ALIVE

        def open_journal(path: Path) -> Journal:
            return Journal(path, identity=(process.pid, process.name), state_of=state_of)

        self._reading = 0.0
        self._process, self._reach, self._chance = process, reach, chance
        super().__init__(path, monotonic=self._seconds, open_journal=open_journal)
        process.on_end.append(self._journal.close)  # the system does; what was not committed is rolled back

    def _commit(self, batch: list[Any]) -> None:
        try:
            self._reach("before-commit")
        except OSError:
            self._fail(batch)
            return
        if self._process.is_alive:
            super()._commit(batch)
            self._reach("after-commit")

    def _fail(self, batch: list[Any]) -> None:
        """The disk is full: nothing of the transaction is there, and everybody who asked for it is told."""
        if self._journal.connection.in_transaction:
            self._journal.connection.execute("ROLLBACK")
        for call in batch:
            call.answer(None, sqlite3.OperationalError("database or disk is full"))

    def _seconds(self) -> float:
        if self._chance.random() < SLOW_SHARE:
            self._reading += 2 * SLOW_SECONDS
        return self._reading
