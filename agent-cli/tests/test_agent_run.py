import threading

import pytest

from animus_agent_cli.conversation import Answer
from animus_agent_cli.event import InteractionRequested, Problem, SessionStarted, Text, ToolCall, ToolResult
from animus_agent_cli.request import ApprovalPolicy

_WAIT_SECONDS = 60
_ASK = """echo '{"InteractionRequested": ["i1", "approval", {"tool_name": "Bash"}]}'; read -r word rest; """
_SAY = """printf '{"Text": ["%s"]}\\n{"Finished": []}\\n' "$word $rest" """


def start_in_thread(run):
    ends = []
    thread = threading.Thread(target=lambda: ends.append(run.run()))
    thread.start()

    def end():
        thread.join(_WAIT_SECONDS)
        return ends[0]

    return end


def test_events_are_gathered_and_told_in_order(start_toy, ledger):
    run, told = start_toy(
        """echo '{"SessionStarted": ["id-1"], "Text": ["hel"]}'; echo noise; echo '{"Text": ["lo"]}'
        echo '{"ToolCall": ["1", "Bash", {"a": 1}]}'; echo '{"ToolResult": ["1", "out", true]}'
        echo '{"Finished": ["done"]}'"""
    )
    end = run.run()
    assert end.failure is None
    assert (end.transcript.resume_id, end.transcript.output()) == ("id-1", "done")
    assert told[0] == SessionStarted("id-1")
    assert "".join(event.text for event in told if isinstance(event, Text)) == "hello"
    assert told[-2:] == [ToolCall("1", "Bash", {"a": 1}), ToolResult("1", "out", True, "Bash")]
    assert ledger.load() == ([], [])


def test_program_that_finished_gets_no_more_input_and_ends(start_toy, monkeypatch):
    monkeypatch.setattr("animus_agent_cli.agent_run.END_SECONDS", _WAIT_SECONDS)
    run, _ = start_toy("""echo '{"Finished": ["done"]}'; cat; exit 0""")
    end = run.run()
    assert (end.program.how, end.failure) == ("exited", None)


def test_program_that_finished_and_stays_is_stopped(start_toy, monkeypatch):
    monkeypatch.setattr("animus_agent_cli.agent_run.END_SECONDS", 0.05)
    run, _ = start_toy("""echo '{"Finished": ["done"]}'; sleep 600""")
    end = run.run()
    assert (end.program.how, end.failure, end.transcript.output()) == ("stopped", None, "done")


def test_agent_that_goes_on_within_its_grace_has_not_finished(start_toy):
    run, _ = start_toy(
        """echo '{"Finished": ["first", null, null, null, null, null, 60]}'
        echo '{"Text": ["more"]}'; echo '{"Finished": ["second"]}'; cat"""
    )
    assert run.run().transcript.output() == "second"


def test_agent_that_does_not_go_on_has_finished_after_its_grace(start_toy):
    run, _ = start_toy("""echo '{"Finished": ["first", null, null, null, null, null, 0.1]}'; cat""")
    end = run.run()
    assert (end.program.how, end.failure, end.transcript.output()) == ("exited", None, "first")


def test_agent_that_moved_on_and_died_has_not_finished(start_toy):
    run, _ = start_toy(
        """echo '{"Finished": ["first", null, null, null, null, null, 60]}'; echo '{"Text": ["more"]}'; exit 3"""
    )
    assert "without a final answer" in run.run().failure.message


@pytest.mark.parametrize(
    ("policy", "words"), [("allow", "yes None"), ("deny", "no denied by the approval policy of this run")]
)
def test_policy_answers_without_asking_anybody(start_toy, policy, words):
    run, told = start_toy(_ASK + _SAY, policy=ApprovalPolicy(policy))
    assert run.run().transcript.output() == words
    assert not any(isinstance(event, InteractionRequested) for event in told)


def test_person_is_asked_and_answers_once(start_toy):
    asked = threading.Event()
    run, _ = start_toy(
        _ASK + _SAY,
        policy=ApprovalPolicy("ask"),
        tell=lambda event: asked.set() if isinstance(event, InteractionRequested) else None,
    )
    end = start_in_thread(run)
    assert asked.wait(_WAIT_SECONDS)
    assert not run.respond("other", Answer(is_allowed=True))
    assert run.respond("i1", Answer(is_allowed=True, text="go"))
    assert not run.respond("i1", Answer(is_allowed=False))
    assert end().transcript.output() == "yes go"


def test_nobody_who_answers_denies_after_the_time(start_toy):
    run, told = start_toy(_ASK + _SAY, policy=ApprovalPolicy("ask", 0.1))
    assert run.run().transcript.output() == "no nobody answered in time"
    assert [event.message for event in told if isinstance(event, Problem)] == [
        "the approval 'i1' was denied: nobody answered in time"
    ]


def test_waiting_for_a_person_does_not_count_as_working_time(start_toy):
    run, _ = start_toy(_ASK + _SAY, policy=ApprovalPolicy("ask", 3.2), timeout_seconds=3.0)
    assert run.run().program.how == "exited"


def test_question_that_is_withdrawn_cannot_be_answered(start_toy):
    withdrawn = threading.Event()
    run, _ = start_toy(
        """echo '{"InteractionRequested": ["i1", "question", {}]}'; echo '{"InteractionWithdrawn": ["i1"]}'
        echo '{"Text": ["over"]}'; cat""",
        policy=ApprovalPolicy("ask"),
        tell=lambda event: withdrawn.set() if isinstance(event, Text) else None,
    )
    end = start_in_thread(run)
    assert withdrawn.wait(_WAIT_SECONDS)
    assert not run.respond("i1", Answer(is_allowed=True))
    run.cancel()
    assert end().program.how == "cancelled"


def test_line_that_is_misread_is_skipped_and_said_once(start_toy):
    run, told = start_toy("""echo '{"Nonsense": []}'; echo '{"Text": []}'; echo '{"Finished": ["done"]}'""")
    assert run.run().transcript.output() == "done"
    assert ["was not understood" in event.message for event in told if isinstance(event, Problem)] == [True]


@pytest.mark.parametrize(
    ("script", "failure", "words"),
    [
        ("echo junk; echo more junk", "unknown", "2 lines of its output were no JSON, the last one 'more junk'"),
        ("echo 'Invalid API key' >&2; exit 1", "auth", "exit code 1 and without a final answer: Invalid API key"),
        ("kill -KILL $$", "transient", "ended by SIGKILL"),
        ("""echo '{"Finished": ["x", "Overloaded", 529, 7.5]}'""", "transient", "Overloaded"),
        ("""echo '{"Problem": ["connection refused"]}'; exit 2""", "transient", "connection refused"),
        ("exec >&-; exit 0", "unknown", "exit code 0 and without a final answer"),
    ],
)
def test_end_without_an_answer_is_a_failure_with_its_words(start_toy, script, failure, words):
    run, _ = start_toy(script)
    found = run.run().failure
    assert found.failure == failure
    assert words in found.message


def test_moment_of_the_next_try_is_passed_on(start_toy):
    run, _ = start_toy("""echo '{"Finished": ["x", "Overloaded", 529, 7.5]}'""")
    assert run.run().failure.retry_after_seconds == 7.5


def test_cancel_while_a_person_is_asked_ends_the_whole_tree(start_toy, ledger, is_gone, tmp_path):
    asked = threading.Event()
    run, _ = start_toy(
        f"(setsid sleep 600 & echo $! > {tmp_path}/pid); " + _ASK,
        policy=ApprovalPolicy("ask"),
        tell=lambda event: asked.set(),
    )
    end = start_in_thread(run)
    assert asked.wait(_WAIT_SECONDS)
    run.cancel()
    assert end().program.how == "cancelled"
    assert is_gone((tmp_path / "pid").read_text())
    assert not run.respond("i1", Answer(is_allowed=True))
    assert ledger.load() == ([], [])


def test_agent_that_answered_and_waits_for_something_else_has_not_run_out_of_time(start_toy):
    script = """echo '{"Finished": ["first", null, null, null, null, null, 60]}'; cat"""
    for seconds in (0.5, _WAIT_SECONDS):  # a loaded machine may need more than the first to answer at all
        run, _ = start_toy(script, timeout_seconds=seconds)
        end = run.run()
        if end.transcript.output():
            break
    assert (end.program.how, end.failure, end.transcript.output()) == ("timed_out", None, "first")
