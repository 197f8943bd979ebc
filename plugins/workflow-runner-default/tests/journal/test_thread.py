"""The journal on the event loop: one transaction a turn, a thread where that would hold the loop up."""

import asyncio
import sqlite3
import threading

import pytest

from animus_workflow_runner_default.journal.journal import Journal
from animus_workflow_runner_default.journal.thread import JournalThread


def remember(text: str):
    def work(journal: Journal) -> str:
        journal.connection.execute("INSERT INTO runner_config VALUES (?, 'x')", (text,))
        return threading.current_thread().name

    return work


def kept(path) -> set[str]:
    connection = sqlite3.connect(path)
    found = {row[0] for row in connection.execute("SELECT hash FROM runner_config")}
    connection.close()
    return found


def test_caller_that_is_cancelled_hears_of_it_once_the_work_is_durable(tmp_path):
    path = tmp_path / "workflow.db"

    async def run() -> set[str]:
        thread = JournalThread(path)
        caller = asyncio.create_task(thread.call(remember("a")))
        await asyncio.sleep(0)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        found = kept(path)
        thread.close()
        return found

    assert asyncio.run(run()) == {"a"}


def test_caller_that_is_cancelled_is_told_that_the_work_failed(tmp_path):
    def failing(_journal: Journal) -> None:
        raise ValueError("no")

    async def run() -> None:
        thread = JournalThread(tmp_path / "workflow.db")
        caller = asyncio.create_task(thread.call(failing))
        await asyncio.sleep(0)
        caller.cancel()
        with pytest.raises(ValueError, match="no"):
            await caller
        thread.close()

    asyncio.run(run())


def test_slow_transaction_makes_the_next_one_wait_beside_the_loop(tmp_path):
    now = iter([0.0, 1.0, 1.0, 1.0, 1.0, 1.0])

    async def run() -> list[str]:
        thread = JournalThread(tmp_path / "workflow.db", monotonic=lambda: next(now))
        names = [await thread.call(remember(str(number))) for number in range(3)]
        thread.close()
        return names

    first, second, third = asyncio.run(run())
    assert first == third == threading.current_thread().name
    assert second.startswith("journal")


def test_what_may_take_long_is_done_beside_the_loop(tmp_path):
    async def run() -> str:
        thread = JournalThread(tmp_path / "workflow.db")
        name = await thread.call_long(remember("a"))
        thread.close()
        return name

    assert asyncio.run(run()).startswith("journal")


def test_loop_goes_on_while_somebody_else_writes(tmp_path):
    path = tmp_path / "workflow.db"

    async def run() -> bool:
        thread = JournalThread(path)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        caller = asyncio.create_task(thread.call(remember("a")))
        for _ in range(5):
            await asyncio.sleep(0)
        was_waiting = not caller.done()
        other.execute("COMMIT")
        other.close()
        assert (await caller).startswith("journal")
        thread.close()
        return was_waiting

    assert asyncio.run(run())
    assert kept(path) == {"a"}


def test_what_waits_is_written_when_the_journal_is_closed(tmp_path):
    path = tmp_path / "workflow.db"

    async def run() -> None:
        thread = JournalThread(path)
        callers = [asyncio.create_task(thread.call(remember(str(number)))) for number in range(40)]
        await asyncio.sleep(0)
        thread.close()
        await asyncio.gather(*callers)

    asyncio.run(run())
    assert len(kept(path)) == 40
