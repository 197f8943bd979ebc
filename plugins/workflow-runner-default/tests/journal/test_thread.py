"""The journal on the event loop: one transaction a turn, a thread where that would hold the loop up."""

import asyncio
import sqlite3
import threading

import pytest

from animus_workflow_runner_default.journal.journal import Journal, JournalError
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


def test_calls_of_a_crowd_share_a_transaction_though_they_come_turns_apart(tmp_path):
    commits: list[str] = []

    def watched(path) -> Journal:
        journal = Journal(path)
        journal.connection.set_trace_callback(lambda text: commits.append(text) if text == "COMMIT" else None)
        return journal

    async def run() -> None:
        thread = JournalThread(tmp_path / "workflow.db", open_journal=watched)
        await asyncio.gather(thread.call(remember("a")), thread.call(remember("b")))

        async def late() -> None:
            await asyncio.sleep(0)
            await thread.call(remember("d"))

        await asyncio.gather(thread.call(remember("c")), late())
        thread.close()

    asyncio.run(run())
    assert kept(tmp_path / "workflow.db") == {"a", "b", "c", "d"}
    assert len(commits) == 2


def count(journal: Journal) -> int:
    return journal.connection.execute("SELECT COUNT(*) FROM runner_config").fetchone()[0]


def test_look_takes_no_turn_of_the_loop(tmp_path):
    async def run() -> int:
        thread = JournalThread(tmp_path / "workflow.db")
        await thread.call(remember("a"))
        waiting = asyncio.ensure_future(thread.call(remember("b")))
        with pytest.raises(StopIteration) as found:
            thread.read(count).send(None)
        await waiting
        thread.close()
        return found.value.value

    assert asyncio.run(run()) == 1


def test_look_waits_for_what_is_done_beside_the_loop(tmp_path):
    def slow(journal: Journal) -> None:
        remember("a")(journal)
        assert looked.wait(30), "the look was not asked for"

    looked = threading.Event()

    async def run() -> int:
        thread = JournalThread(tmp_path / "workflow.db")
        writing = asyncio.ensure_future(thread.call_long(slow))
        for _ in range(3):
            await asyncio.sleep(0)
        looking = asyncio.ensure_future(thread.read(count))
        await asyncio.sleep(0)
        looked.set()
        await writing
        found = await looking
        thread.close()
        return found

    assert asyncio.run(run()) == 1


def test_look_that_fails_leaves_the_journal_as_it_was(tmp_path):
    def failing(_journal: Journal) -> None:
        raise ValueError("no")

    async def run() -> int:
        thread = JournalThread(tmp_path / "workflow.db")
        with pytest.raises(ValueError, match="no"):
            await thread.read(failing)
        await thread.call(remember("a"))
        found = await thread.read(count)
        thread.close()
        with pytest.raises(JournalError, match="closed"):
            await thread.read(count)
        return found

    assert asyncio.run(run()) == 1
