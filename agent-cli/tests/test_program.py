import os
import threading

import pytest

from animus_agent_cli.program import ProgramRun, ProgramStartError
from animus_process import ProcessLedger

_WAIT_SECONDS = 60


def start_in_thread(run):
    ends = []
    thread = threading.Thread(target=lambda: ends.append(run.run()))
    thread.start()

    def end():
        thread.join(_WAIT_SECONDS)
        return ends[0]

    return end


def test_environment_is_what_was_given_and_a_mark(run_shell):
    end = run_shell("env", environment={"PATH": os.environ["PATH"], "ONLY": "this"})
    names = {line.partition("=")[0] for line in end.text.splitlines()}
    assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {"PATH", "ONLY", "ANIMUS_PROCESS_MARK"}


def test_arguments_are_never_shell_text(run_shell, tmp_path):
    end = run_shell("", program="printf", args=["%s|", "$(touch hacked)", "a b", "; touch hacked", ""])
    assert end.text == "$(touch hacked)|a b|; touch hacked||"
    assert list(tmp_path.glob("hacked")) == []


def test_prompt_that_nobody_reads_holds_up_nothing(run_shell):
    end = run_shell("echo done", input=b"x" * 5_000_000)
    assert (end.exit_code, end.text) == (0, "done\n")


def test_prompt_and_output_larger_than_any_pipe_pass_each_other(run_shell):
    end = run_shell("cat", input=b"x" * 900_000)
    assert len(end.text) == 900_000


def test_errors_keep_their_end_and_say_what_is_missing(run_shell):
    end = run_shell("seq 1 20000 >&2")
    assert end.errors[-1] == "20000"
    assert end.errors[0].endswith("bytes are left out]")


def test_death_by_signal_is_said(run_shell):
    end = run_shell("kill -KILL $$")
    assert (end.exit_code, end.errors) == (-9, ["program 'sh' was ended by SIGKILL"])


def test_program_is_in_the_ledger_before_it_does_anything(run_shell, ledger):
    end = run_shell(f"cat {ledger.directory}/*.json", run_id="wf-1")
    assert '"purpose": "agent"' in end.text
    assert '"run_id": "wf-1"' in end.text
    assert ledger.load() == ([], [])


def test_program_that_cannot_be_recorded_never_runs(shell_call, tmp_path):
    (tmp_path / "file").write_text("")
    run = ProgramRun(shell_call("touch ran"), ProcessLedger(tmp_path / "file"), on_output=lambda data: None)
    with pytest.raises(ProgramStartError, match="could not be recorded"):
        run.run()
    assert not (tmp_path / "ran").exists()


def test_time_limit_ends_the_whole_tree(shell_call, ledger, is_gone):
    printed = []

    def take(data):
        printed.append(data)
        run.release_limit()  # its time begins when all of them are there

    script = "trap '' TERM; sleep 600 & first=$!; (setsid sleep 600 & echo $first $! $$); wait; wait"
    run = ProgramRun(shell_call(script, timeout_seconds=0.1), ledger, on_output=take)
    run.hold_limit()
    end = run.run()
    pids = b"".join(printed).split()
    assert end.how == "timed_out"
    assert len(pids) == 3
    assert all(map(is_gone, pids))
    assert ledger.load() == ([], [])


def test_cancel_ends_the_whole_tree(shell_call, ledger, is_gone):
    started = threading.Event()
    texts = []

    def show(data):
        texts.append(data.decode())
        started.set()

    run = ProgramRun(shell_call("sleep 600 & echo $!; sleep 600"), ledger, on_output=show)
    end = start_in_thread(run)
    assert started.wait(_WAIT_SECONDS)
    run.cancel()
    run.cancel()
    assert end().how == "cancelled"
    assert is_gone(texts[0].split()[0])
    assert ledger.load() == ([], [])


def test_kill_ends_a_program_that_ignores_termination(shell_call, ledger, is_gone):
    started = threading.Event()
    texts = []

    def show(data):
        texts.append(data.decode())
        started.set()

    run = ProgramRun(shell_call("trap '' TERM; echo $$; while :; do sleep 600; done"), ledger, on_output=show)
    end = start_in_thread(run)
    assert started.wait(_WAIT_SECONDS)
    run.kill()
    assert is_gone(texts[0].split()[0])
    assert end().how == "cancelled"


def test_cancelled_before_its_start_never_runs(shell_call, ledger, tmp_path):
    run = ProgramRun(shell_call("touch ran"), ledger, on_output=lambda data: None)
    run.cancel()
    assert run.run().how == "cancelled"
    assert not (tmp_path / "ran").exists()


def test_what_a_program_leaves_behind_is_ended(run_shell, is_gone):
    end = run_shell("sleep 600 </dev/null >/dev/null 2>&1 & echo $!")
    assert end.exit_code == 0
    assert is_gone(end.text)


def test_background_process_that_holds_the_output_does_not_hold_up_the_end(run_shell, is_gone):
    end = run_shell("sleep 600 & echo $!")
    assert is_gone(end.text)
    assert end.duration_seconds < 60


def test_last_lines_of_a_pipeline_are_not_lost(run_shell, monkeypatch):
    monkeypatch.setattr("animus_agent_cli.program.LINGER_SECONDS", _WAIT_SECONDS)
    assert run_shell("(sleep 0.1; echo late) & echo early").text == "early\nlate\n"


def test_missing_program_is_named_with_the_path_that_was_searched(run_shell, tmp_path):
    with pytest.raises(ProgramStartError, match=r"'no-such-agent' is not in PATH \(.*install it"):
        run_shell("", program="no-such-agent")
    with pytest.raises(ProgramStartError, match=r"'\./agent' does not exist"):
        run_shell("", program="./agent")


def test_folder_that_went_away_is_named(run_shell, tmp_path):
    with pytest.raises(ProgramStartError, match=r"cannot be started in .*gone"):
        run_shell("true", cwd=tmp_path / "gone")


def test_open_input_is_written_to_while_the_program_runs(shell_call, ledger):
    printed = []

    def take(data):
        printed.append(data)
        if data == b"ready\n":
            assert run.write(b"more words\n")
            run.end_input()

    run = ProgramRun(shell_call("echo ready; cat", is_input_open=True), ledger, on_output=take)
    assert not run.write(b"too early\n")
    assert run.run().how == "exited"
    assert b"".join(printed) == b"ready\nmore words\n"
    assert not run.write(b"too late\n")


def test_program_with_nothing_more_to_say_is_stopped(shell_call, ledger, is_gone):
    printed = []

    def take(data):
        printed.append(data)
        run.stop_in(0.05)

    run = ProgramRun(shell_call("echo $$; sleep 600"), ledger, on_output=take)
    end = run.run()
    assert end.how == "stopped"
    assert end.duration_seconds < 60
    assert is_gone(printed[0])


def test_time_limit_stands_still_while_it_is_held(shell_call, ledger):
    run = ProgramRun(shell_call("sleep 0.6; echo done", timeout_seconds=0.3), ledger, on_output=lambda data: None)
    run.hold_limit()
    run.hold_limit()
    run.release_limit()
    assert run.run().how == "exited"


def test_time_limit_goes_on_when_it_is_released(shell_call, ledger):
    run = ProgramRun(shell_call("sleep 600", timeout_seconds=0.3), ledger, on_output=lambda data: None)
    run.hold_limit()
    run.alarm(0.2, run.release_limit)
    end = run.run()
    assert end.how == "timed_out"
    assert 0.4 < end.duration_seconds < 60


def test_alarm_that_is_dropped_does_not_ring(shell_call, ledger):
    rung = []
    run = ProgramRun(shell_call("sleep 600"), ledger, on_output=lambda data: None)
    run.alarm(0.01, lambda: rung.append("kept"))
    run.alarm(0.01, lambda: rung.append("dropped"))()
    run.stop_in(0.02)
    run.run()
    assert rung == ["kept"]
