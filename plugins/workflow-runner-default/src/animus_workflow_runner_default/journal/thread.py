"""The journal's thread: keeps SQLite out of the event loop and commits what arrived together in one fsync."""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from animus_workflow_runner_default.journal.journal import Journal, JournalError

__all__ = ["JournalThread"]

T = TypeVar("T")

MAX_BATCH = 256
CLOSE_TIMEOUT_SECONDS = 10.0


class _Call(NamedTuple):
    work: Callable[[Journal], Any]
    answer: Callable[[Any, BaseException | None], None]


class JournalThread:
    """Runs calls on one `Journal`, in order, many to a transaction.

    A call is answered after its transaction is on disk. One that raises is undone alone and does not disturb the
    others of its batch.
    """

    def __init__(self, path: Path) -> None:
        """Open the journal now, so that a file that cannot be used is refused at once.

        Raises:
            JournalError: see `Journal`.
        """
        self._journal = Journal(path)
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._is_closed = False
        self._thread = threading.Thread(target=self._work, name="journal", daemon=True)
        self._thread.start()

    async def call(self, work: Callable[[Journal], T]) -> T:
        """Run `work` in a transaction of the journal's thread; returns once it is durable.

        A caller that is cancelled does not know whether `work` was done: use `unbroken` where that matters.

        Raises:
            JournalError: the journal is closed.
        """
        if self._is_closed:
            raise JournalError("the journal is closed: this runner is stopping")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def answer(value: Any, error: BaseException | None) -> None:
            loop.call_soon_threadsafe(_resolve, future, value, error)

        self._calls.put(_Call(work, answer))
        return await future

    def close(self) -> None:
        """Finish what was asked for and close the file."""
        self._is_closed = True
        self._calls.put(None)
        self._thread.join(CLOSE_TIMEOUT_SECONDS)

    def _work(self) -> None:
        while True:
            batch, is_last = self._next_batch()
            if batch:
                self._commit(batch)
            if is_last:
                self._journal.close()
                return

    def _next_batch(self) -> tuple[list[_Call], bool]:
        batch: list[_Call] = []
        call = self._calls.get()
        while call is not None:
            batch.append(call)
            if len(batch) == MAX_BATCH:
                return batch, False
            try:
                call = self._calls.get_nowait()
            except queue.Empty:
                return batch, False
        return batch, True

    def _commit(self, batch: list[_Call]) -> None:
        run = self._journal.connection.execute
        answers: list[tuple[_Call, Any, BaseException | None]] = []
        try:
            run("BEGIN IMMEDIATE")
            for call in batch:
                run("SAVEPOINT one")
                try:
                    value = call.work(self._journal)
                except Exception as error:  # noqa: BLE001 - handed to the caller, who is in another thread
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


def _resolve(future: asyncio.Future[Any], value: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(value)
    else:
        future.set_exception(error)
