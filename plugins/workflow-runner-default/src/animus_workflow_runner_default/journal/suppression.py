"""Which agent targets are suppressed, for the process after this one."""

import datetime

import msgspec

from animus_workflow_runner_default.clock import timestamp
from animus_workflow_runner_default.journal.journal import Journal
from animus_workflow_runner_default.journal.thread import JournalThread
from animus_workflow_runner_default.phases.agent_state import AgentTarget

__all__ = ["SuppressionTable"]

_TABLE = "CREATE TABLE IF NOT EXISTS runner_suppression (target TEXT PRIMARY KEY, until TEXT NOT NULL)"


class SuppressionTable:
    """A `SuppressionBook` in the journal; a row a target, its tool and model as JSON."""

    def __init__(self, journal: JournalThread) -> None:
        self._journal = journal

    async def suppressed(self, now: datetime.datetime) -> dict[AgentTarget, datetime.datetime]:
        """Until when each target is suppressed that still is; the others are forgotten."""

        def work(journal: Journal) -> dict[AgentTarget, datetime.datetime]:
            run = journal.connection.execute
            run(_TABLE)
            run("DELETE FROM runner_suppression WHERE until <= ?", (timestamp(now),))
            rows = run("SELECT target, until FROM runner_suppression").fetchall()
            return {
                msgspec.json.decode(target, type=AgentTarget): datetime.datetime.fromisoformat(until)
                for target, until in rows
            }

        return await self._journal.call(work)

    async def suppress(self, target: AgentTarget, until: datetime.datetime) -> None:
        """Write down that a target is suppressed."""
        await self._run("INSERT OR REPLACE INTO runner_suppression VALUES (?, ?)", _key(target), timestamp(until))

    async def lift(self, target: AgentTarget) -> None:
        """Write down that it is not any more."""
        await self._run("DELETE FROM runner_suppression WHERE target = ?", _key(target))

    async def _run(self, statement: str, *values: str) -> None:
        def work(journal: Journal) -> None:
            journal.connection.execute(_TABLE)
            journal.connection.execute(statement, values)

        await self._journal.call(work)


def _key(target: AgentTarget) -> str:
    return msgspec.json.encode(target).decode()
