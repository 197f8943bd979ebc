"""The pause before a phase is entered again."""

import asyncio

import pytest

from animus_workflow_runner_default.authoring.config_source import ConfigSource
from animus_workflow_runner_default.engine.runner import Runner, RunRequest
from animus_workflow_runner_default.engine.services import Services
from animus_workflow_runner_default.journal.record import Dispatch, Subject

FLOW = """
tools_allowlist: [sh]
workflows: [{id: w, worktree: skip, phases: [p]}]
phases:
  p:
    mode: command
    command: {program: sh, args: [-c, 'exit 1']}
    retry: {max_attempts: 4, backoff: BACKOFF}
"""


@pytest.mark.parametrize(
    ("backoff", "pauses"),
    [
        ("{initial_secs: 5}", [5, 5, 5, 5]),
        ("{initial_secs: 5, factor: 2}", [5, 10, 20, 40]),
        ("{initial_secs: 5, factor: 3, max_secs: 40}", [5, 15, 40, 40]),
        ("{initial_secs: 0}", []),
    ],
)
def test_pause_grows_with_every_rework_up_to_its_bound(define, project, state_dir, environ, clock, backoff, pauses):
    define(FLOW.replace("BACKOFF", backoff))

    async def run():
        runner = Runner(
            Services(project, state_dir, clock=clock, environ=environ), lambda: ConfigSource().read(project).config
        )
        subject = Subject(kind="task", id="task:T", native_id="T")
        report = await runner.execute(RunRequest("r", "w", subject, Dispatch()), None, lambda _happening: None)
        await runner.close()
        return report

    report = asyncio.run(run())
    assert (report.run.status.value, len(report.attempts)) == ("escalated", 5)
    assert [seconds for seconds in clock.slept if seconds] == pauses
