"""Targets that are asked last for a while, in this process and in the one after it."""

import asyncio

from animus_workflow_runner_default.journal.suppression import SuppressionTable
from animus_workflow_runner_default.journal.thread import JournalThread
from animus_workflow_runner_default.phases.agent_state import AgentTarget
from animus_workflow_runner_default.phases.suppression import LONGEST_SUPPRESSION_SECONDS, Suppression

ONE, TWO = AgentTarget("one", None), AgentTarget("two", "large")


def test_suppression_is_bounded_and_lifted_by_success(clock):
    async def run() -> None:
        suppression = Suppression(clock)
        await suppression.suppress(ONE, 1e9)
        clock.advance(LONGEST_SUPPRESSION_SECONDS - 1)
        assert suppression.is_suppressed(ONE)
        clock.advance(2)
        assert not suppression.is_suppressed(ONE)
        await suppression.suppress(ONE, None)
        await suppression.lift(ONE)
        assert not suppression.is_suppressed(ONE)

    asyncio.run(run())


def test_next_process_knows_what_is_suppressed_and_for_how_long(clock, tmp_path):
    async def process(*, suppress: float | None = None, lift: bool = False) -> list[AgentTarget]:
        journal = JournalThread(tmp_path / "workflow.db")
        suppression = Suppression(clock, SuppressionTable(journal))
        await suppression.recall()
        if suppress is not None:
            await suppression.suppress(ONE, suppress)
        if lift:
            await suppression.lift(ONE)
        journal.close()
        return suppression.ordered([ONE, TWO])

    assert asyncio.run(process()) == [ONE, TWO]
    assert asyncio.run(process(suppress=60.0)) == [TWO, ONE]
    clock.advance(59)
    assert asyncio.run(process()) == [TWO, ONE]
    clock.advance(2)
    assert asyncio.run(process()) == [ONE, TWO]
    assert asyncio.run(process(suppress=60.0)) == [TWO, ONE]
    assert asyncio.run(process(lift=True)) == [ONE, TWO]
    assert asyncio.run(process()) == [ONE, TWO]
