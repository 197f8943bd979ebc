"""One agent at a time works for a run, also while the one before it takes its time to end."""

import asyncio
import datetime

from animus_plugin_protocol.wire.control import AgentRow
from animus_plugin_runtime.agent_session import AgentSessions

ROW = AgentRow(
    session_id="s", provider="p", model="", started_at=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    workflow_id="run-1", phase_id="build",
)  # fmt: skip


class Provider:
    async def call_raw(self, *_words, **_options):
        return b"{}"


async def turns():
    for _ in range(10):
        await asyncio.sleep(0)


def test_the_next_agent_of_a_run_waits_for_the_end_of_one_that_was_given_up(run):
    async def main():
        sessions, may_end = AgentSessions(), asyncio.Event()

        async def agent():
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                await may_end.wait()
                raise

        async def call():
            with sessions.at_work(ROW, Provider(), []) as live:
                await live.ended(agent())

        caller = asyncio.ensure_future(call())
        await turns()
        await sessions.settle("run-1")  # it is at work and wanted: a second opinion need not wait
        caller.cancel()
        await turns()
        next_one = asyncio.ensure_future(sessions.settle("run-1"))
        await sessions.settle("run-2")
        await turns()
        was_waiting = not next_one.done()
        may_end.set()
        await next_one
        await asyncio.wait({caller})
        return was_waiting

    assert run(main())
