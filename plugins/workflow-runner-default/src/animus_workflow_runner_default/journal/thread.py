"""The journal on the event loop: what is asked for in one turn, or in a few turns of a crowd, is one transaction.

A sync that takes a tenth of a millisecond is made in the loop: handing it to a thread and back takes longer, and the
thread would wait for the interpreter at each of its statements. Where the disk is slow, or somebody else writes to the
file, the loop goes on and a thread waits instead; what is asked for meanwhile is the next transaction.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from animus_workflow_runner_default.journal.gathering import MAX_BATCH, Gathering
from animus_workflow_runner_default.journal.journal import Journal, JournalError

__all__ = ["JournalThread"]

T = TypeVar("T")

SLOW_SECONDS = 0.005
"""A transaction that took longer makes the next one wait on the thread."""


class _Call(NamedTuple):
    work: Callable[[Journal], Any]
    answer: Callable[[Any, BaseException | None], None]


class _Answer(asyncio.Future[Any]):
    """What a call brings. It comes in any case: a caller that is cancelled hears of that when the answer is there."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._kept: tuple[Any, BaseException | None] = (None, JournalError("the journal's thread broke down"))

    def cancel(self, msg: Any | None = None) -> bool:  # noqa: ARG002 - the signature of a future
        return False

    def keep(self, value: Any, error: BaseException | None) -> None:
        """Keep the outcome, on any thread."""
        self._kept = (value, error)

    def give(self) -> None:
        """Give it to the caller, in the loop."""
        value, error = self._kept
        if error is None:
            self.set_result(value)
        else:
            self.set_exception(error)


class JournalThread:
    """Runs calls on one `Journal`, in order, many to a transaction.

    A call is answered after its transaction is on disk. One that raises is undone alone and does not disturb the
    others of its batch.
    """

    def __init__(
        self,
        path: Path,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        open_journal: Callable[[Path], Journal] = Journal,
    ) -> None:
        """Open the journal now, so that a file that cannot be used is refused at once.

        Raises:
            JournalError: see `Journal`.
        """
        self._journal = open_journal(path)
        self._monotonic = monotonic
        self._waiting: list[tuple[_Call, _Answer]] = []
        self._gathering = Gathering()
        self._is_due = False
        self._is_closed = False
        self._is_slow = False
        self._is_long = False
        self._is_away = False
        self._thread = ThreadPoolExecutor(1, "journal")
        self._journal.set_patient(is_patient=False)

    async def call(self, work: Callable[[Journal], T]) -> T:
        """Run `work` in a transaction; returns once it is durable.

        A caller that is cancelled meanwhile gets that after `work` is durable; if `work` failed, it gets its error.

        Raises:
            JournalError: the journal is closed.
        """
        if self._is_closed:
            raise JournalError("the journal is closed: this runner is stopping")
        loop = asyncio.get_running_loop()
        answer = _Answer(loop)
        self._waiting.append((_Call(work, answer.keep), answer))
        if not self._is_due:
            self._is_due = True
            loop.call_soon(self._begin, loop)
        try:
            value: T = await answer
        except asyncio.CancelledError:
            answer.result()
            raise
        return value

    async def read(self, work: Callable[[Journal], T]) -> T:
        """Run `work`, which only looks at what is durable: at once, without a turn of the loop, where that can be.

        Raises:
            JournalError: the journal is closed.
        """
        if not self._is_closed and not self._is_away:
            try:
                return self._journal.read(work)
            except sqlite3.OperationalError:
                pass  # somebody else holds the file: the patient way waits for that
        return await self.call(work)

    async def call_long(self, work: Callable[[Journal], T]) -> T:
        """As `call`, for what may take long: the loop goes on meanwhile."""
        self._is_long = True
        return await self.call(work)

    def close(self) -> None:
        """Finish what was asked for and close the file; in the loop, or after it."""
        self._is_closed = True
        self._thread.shutdown()
        while self._waiting:
            batch = self._take()
            self._commit([call for call, _ in batch])
            _give(batch)
        self._journal.close()

    def _take(self) -> list[tuple[_Call, _Answer]]:
        batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
        return batch

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Commit what is waiting: here if that is quick, else on the thread."""
        if self._is_closed:
            return
        if self._gathering.goes_on(len(self._waiting)):
            loop.call_soon(self._begin, loop)
            return
        batch = self._take()
        self._gathering.end(len(batch))
        is_long, self._is_long = self._is_long, self._is_long and bool(self._waiting)
        if not self._is_slow and not is_long and self._journal.try_begin():
            try:
                self._commit_timed(batch)
            finally:
                self._end(loop, batch)
            return
        self._is_away = True
        self._journal.set_patient(is_patient=True)
        committed = loop.run_in_executor(self._thread, self._commit_timed, batch)
        committed.add_done_callback(lambda _: self._end_slow(loop, batch))

    def _commit_timed(self, batch: list[tuple[_Call, _Answer]]) -> None:
        began = self._monotonic()
        self._commit([call for call, _ in batch])
        self._is_slow = self._monotonic() - began > SLOW_SECONDS

    def _end_slow(self, loop: asyncio.AbstractEventLoop, batch: list[tuple[_Call, _Answer]]) -> None:
        self._is_away = False
        if not self._is_closed:
            self._journal.set_patient(is_patient=False)
        self._end(loop, batch)

    def _end(self, loop: asyncio.AbstractEventLoop, batch: list[tuple[_Call, _Answer]]) -> None:
        _give(batch)
        self._is_due = bool(self._waiting)
        if self._is_due:
            loop.call_soon(self._begin, loop)

    def _commit(self, batch: list[_Call]) -> None:
        run = self._journal.connection.execute
        answers: list[tuple[_Call, Any, BaseException | None]] = []
        try:
            if not self._journal.connection.in_transaction:
                run("BEGIN IMMEDIATE")
            for call in batch:
                run("SAVEPOINT one")
                try:
                    value = call.work(self._journal)
                except Exception as error:  # noqa: BLE001 - handed to the caller, who may be in another thread
                    run("ROLLBACK TO one")
                    answers.append((call, None, error))
                else:
                    answers.append((call, value, None))
                run("RELEASE one")
            run("COMMIT")
        except sqlite3.Error as error:
            if self._journal.connection.in_transaction:
                run("ROLLBACK")
            answers = [(call, None, error) for call in batch]
        for call, value, problem in answers:
            call.answer(value, problem)


def _give(batch: list[tuple[_Call, _Answer]]) -> None:
    for _, answer in batch:
        answer.give()
