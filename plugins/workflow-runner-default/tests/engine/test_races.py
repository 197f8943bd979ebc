"""Two askers, one run: what is decided rests on what the journal says at that moment."""

import asyncio
import threading

import pytest

from animus_workflow_runner_default.authoring.config_source import ConfigSource
from animus_workflow_runner_default.authoring.interpolation import InterpolationError, filled
from animus_workflow_runner_default.engine.machine import RunStatus
from animus_workflow_runner_default.engine.refusal import RefusalError
from animus_workflow_runner_default.engine.runner import Runner, RunRequest
from animus_workflow_runner_default.engine.services import Services
from animus_workflow_runner_default.engine.steering import Signal
from animus_workflow_runner_default.journal.record import Dispatch, Subject
from animus_workflow_runner_default.phases.agent_stream import AgentStream
from animus_workflow_runner_default.phases.failure import failing_tests
from animus_workflow_runner_default.unbroken import unbroken

GATE = """
workflows: [{id: w, worktree: skip, phases: [g]}]
phases: {g: {mode: manual, manual: {instructions: look}}}
"""


def test_approval_and_rejection_of_one_gate_are_never_both_accepted(define, project, state_dir, environ):
    define(GATE)
    subject = Subject(kind="task", id="task:T", native_id="T")

    async def both() -> list[object]:
        runners = [
            Runner(Services(project, state_dir, environ=environ), lambda: ConfigSource().read(project).config)
            for _ in range(2)
        ]
        request = RunRequest("r", "w", subject, Dispatch())
        parked = await runners[0].execute(request, None, lambda _happening: None)
        assert parked.run.status is RunStatus.PAUSED
        asked = [runner.signal("r", Signal(name)) for runner, name in zip(runners, ("approve", "reject"), strict=True)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        for runner in runners:
            await runner.close()
        return answers

    answers = asyncio.run(both())
    assert sum(isinstance(answer, RefusalError) for answer in answers) == 1, answers


def test_work_that_must_not_break_ends_although_its_caller_is_cancelled():
    async def run() -> list[str]:
        seen: list[str] = []
        gate = asyncio.Event()

        async def work() -> None:
            await gate.wait()
            seen.append("written")

        caller = asyncio.create_task(unbroken(work()))
        await asyncio.sleep(0)
        caller.cancel()
        await asyncio.sleep(0)
        caller.cancel()
        gate.set()
        with pytest.raises(asyncio.CancelledError):
            await caller
        return seen

    assert asyncio.run(run()) == ["written"]


def test_definitions_asked_for_by_many_threads_are_read_by_one_at_a_time(define, project):
    define(GATE)
    source = ConfigSource()
    inside: list[int] = []
    most: list[int] = []
    read = source._read

    def watched(root):
        inside.append(1)
        most.append(len(inside))
        try:
            return read(root)
        finally:
            inside.pop()

    source._read = watched
    threads = [threading.Thread(target=source.read, args=(project,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert max(most) == 1


def test_value_of_the_environment_is_not_looked_at_for_variables():
    environ, values = {"A": "{{title}} $A"}, {"title": "${A}"}
    assert filled("${A} {{title}} $$", environ, values) == "{{title}} $A ${A} $"


def test_secret_has_no_place_in_text_that_is_kept():
    with pytest.raises(InterpolationError, match="secret 'TOKEN'"):
        filled("use ${secret.TOKEN}", {"T": "s3"}, {})


def test_argument_from_the_environment_is_not_kept_in_the_journal(start_host, define, project, state_dir):
    define(
        "tools_allowlist: [sh]\nsecrets: {T: {env: PRIVATE}}\nworkflows: [{id: w, worktree: skip, phases: [c]}]\n"
        "phases: {c: {mode: command, command: {program: sh, args: [-c, 'test -n \"$1\"', x, '${secret.T}']}}}\n"
    )
    host = start_host(extra={"PRIVATE": "s3cr3t"})
    result = host.execute("w", workflow_id="s1")
    assert result["workflow_status"] == "completed", result
    host.close()
    assert b"s3cr3t" not in b"".join(path.read_bytes() for path in state_dir.rglob("*") if path.is_file())


def test_last_line_of_unittest_is_no_failing_test():
    text = "FAIL: test_one (tests.T)\nFAILED (failures=1)\nFAILED tests/test_x.py::test_y - assert"
    assert failing_tests(text, None) == ["tests/test_x.py::test_y", "test_one (tests.T)"]


def test_long_stream_in_small_pieces_keeps_its_end():
    class Log:
        def write(self, _data: bytes) -> None:
            """The log is not looked at."""

    stream = AgentStream(Log(), lambda _line: None)
    for number in range(5_000):
        stream.take("output", f"{number:04}" * 256)
    assert stream.answer().endswith("4999")
    assert len(stream.answer()) <= 4 * 1024 * 1024
