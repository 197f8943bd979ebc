import datetime
import io

from animus_cli.live import LineProgress, RunProgress, ViewProgress, progress_on, summary
from animus_cli.spending import Spent, spent_in, spent_text, total_of
from animus_cli.terminal import Screen
from animus_plugin_protocol.wire.control import WorkflowEvent

NOW = datetime.datetime(2026, 3, 1, 12, 0, tzinfo=datetime.UTC)
TERMINAL = Screen(width=80, colour=True, now=NOW)
PIPE = Screen(width=None, colour=False, now=NOW)


def event(seconds, kind, **payload):
    moment = NOW + datetime.timedelta(seconds=seconds)
    return WorkflowEvent(workflow_id="run-1", kind=kind, occurred_at=moment, payload=payload)


STORY = [
    event(0, "run_started", entry_id="e-1", workflow_ref="check"),
    event(0, "phase_started", phase_id="implementation", mode="agent", attempt=1),
    event(2, "phase_decision", phase_id="implementation", verdict="advance", reason="done\x1b[2J"),
    event(2, "phase_completed", phase_id="implementation", status="completed", duration_secs=2.0),
    event(2, "phase_started", phase_id="test", mode="command", attempt=1),
    event(3, "phase_completed", phase_id="test", status="rework", reason="1 failed\nand more"),
    event(3, "phase_started", phase_id="implementation", mode="agent", attempt=2),
    event(4, "subject_projected", status="in-progress"),
    event(5, "run_paused", status="paused", reason="waits"),
    event(6, "run_started", entry_id="e-1"),
]


def test_lines_tell_the_story_once():
    lines = []
    progress = LineProgress(lines.append)
    for item in STORY:
        progress.show(item)
    progress.finish()
    assert [line.split("  ", 1)[1] for line in lines] == [
        "run started (run-1)",
        "implementation started (agent)",
        "implementation completed after 2.0 s: done [2J",
        "test started (command)",
        "test rework after 1.0 s: 1 failed",
        "implementation #2 started (agent)",
        "run paused: waits",
        "run goes on (run-1)",
    ]


def test_the_view_is_drawn_over_itself():
    stream = io.StringIO()
    progress = ViewProgress(stream, TERMINAL, height=24)
    for item in STORY:
        progress.show(item)
    frames = stream.getvalue().split("\r")[1:]
    assert frames[0].startswith("\x1b[2K")
    assert frames[-1].startswith("\x1b[8A")
    assert frames[-1].count("\n") == 8
    assert "check" in frames[-1]
    assert "3 attempts, 1 sent back, 6.0 s" in frames[-1]
    assert "\x1b[2J" not in stream.getvalue()


def test_the_view_starts_anew_below_what_was_printed_in_between():
    stream = io.StringIO()
    progress = ViewProgress(stream, TERMINAL, height=24)
    progress.show(STORY[1])
    progress.finish()
    progress.show(STORY[3])
    assert stream.getvalue().split("\r")[2].startswith("\x1b[2K")


def test_the_view_never_grows_beyond_the_terminal():
    stream = io.StringIO()
    progress = ViewProgress(stream, TERMINAL, height=8)
    for attempt in range(1, 30):
        progress.show(event(attempt, "phase_started", phase_id="test", mode="command", attempt=attempt))
    last = stream.getvalue().split("\r")[-1]
    assert last.count("\n") == 7
    assert "test #29 " in last


def test_a_phase_whose_start_was_missed_is_shown_with_its_end():
    lines = []
    progress = LineProgress(lines.append)
    progress.show(event(3, "phase_completed", phase_id="test", status="completed", attempt=2, duration_secs=1.0))
    assert lines[0].endswith("test #2 completed after 1.0 s")


def test_a_gate_that_was_passed_no_longer_waits():
    stream = io.StringIO()
    progress = ViewProgress(stream, TERMINAL, height=24)
    progress.show(event(0, "phase_started", phase_id="gate", mode="manual", attempt=1))
    progress.show(event(1, "phase_completed", phase_id="gate", status="manual_pending"))
    assert "waiting" in stream.getvalue().split("\r")[-1]
    progress.show(event(2, "run_started", entry_id="e-1"))
    assert "waiting" not in stream.getvalue().split("\r")[-1]


def test_a_pipe_gets_lines_and_a_terminal_the_view():
    assert isinstance(progress_on(io.StringIO(), PIPE, height=24), LineProgress)
    assert isinstance(progress_on(io.StringIO(), TERMINAL, height=24), ViewProgress)
    assert isinstance(progress_on(io.StringIO(), TERMINAL._replace(width=50), height=24), LineProgress)


def test_what_agents_used_is_added_up():
    run = RunProgress()
    for attempt, dollars in ((1, 0.25), (2, 0.5)):
        run.apply(event(attempt, "phase_started", phase_id="code", mode="agent", attempt=attempt))
        used = {"tokens": {"input": 1500, "output": 200}, "cost_usd": dollars}
        run.apply(event(attempt, "phase_completed", phase_id="code", status="completed", **used))
    assert summary(run.phases, run.seconds) == "2 attempts, 1.0 s, 3.0k + 400 tokens, $0.75"


def test_what_is_not_known_is_not_shown_as_nothing():
    assert spent_text(total_of([Spent(), Spent(dollars=0.0123)])) == "$0.0123"
    assert spent_text(total_of([Spent()])) == ""
    assert spent_in({"tokens": {"input": True}, "cost_usd": "1"}) == Spent()


def test_an_agent_that_asks_says_so_with_the_command_that_answers():
    lines, stream = [], io.StringIO()
    line, view = LineProgress(lines.append), ViewProgress(stream, TERMINAL, height=24)
    command = "animus agent interactions answer i-1 --allow"
    for item in (
        event(0, "phase_started", phase_id="code", mode="agent", attempt=1),
        event(1, "phase_waiting", phase_id="code", attempt=1, reason="May I?", waiting={"command": command}),
    ):
        line.show(item)
        view.show(item)
    assert lines[-1].endswith(f"code waits: May I?; next: {command}")
    assert "waiting" in stream.getvalue().split("\r")[-1]
    line.show(event(2, "phase_resumed", phase_id="code", attempt=1))
    assert lines[-1].endswith("code goes on")
    line.show(event(3, "phase_completed", phase_id="code", attempt=1, status="completed", duration_secs=3.0))
    assert lines[-1].endswith("code completed after 3.0 s")
