import os
import stat
import threading
from pathlib import Path

import pytest

from animus_process import ProcessLedger
from animus_provider_command.output import OUTPUT_LIMIT_BYTES
from animus_provider_command.program import ProgramRun, ProgramStartError, find_program

_WAIT_SECONDS = 20


def start_in_thread(run):
    ends = []
    thread = threading.Thread(target=lambda: ends.append(run.run()))
    thread.start()

    def end():
        thread.join(_WAIT_SECONDS)
        return ends[0]

    return end


def test_program_reads_its_prompt_and_its_end(run_shell, tmp_path):
    end = run_shell("cat; pwd; echo oops >&2; exit 3", prompt="fröhlich\n".encode())
    assert (end.how, end.exit_code, end.errors) == ("exited", 3, ["oops"])
    assert end.output.text() == f"fröhlich\n{tmp_path.resolve()}\n"
    assert end.duration_seconds > 0


def test_environment_is_what_was_given_and_a_mark(run_shell):
    end = run_shell("env", environment={"PATH": os.environ["PATH"], "ONLY": "this"})
    names = {line.partition("=")[0] for line in end.output.text().splitlines()}
    assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {"PATH", "ONLY", "ANIMUS_PROCESS_MARK"}


def test_arguments_are_never_shell_text(run_shell, tmp_path):
    end = run_shell("", program="printf", args=["%s|", "$(touch hacked)", "a b", "; touch hacked", ""])
    assert end.output.text() == "$(touch hacked)|a b|; touch hacked||"
    assert list(tmp_path.glob("hacked")) == []


def test_prompt_that_nobody_reads_holds_up_nothing(run_shell):
    end = run_shell("echo done", prompt=b"x" * 5_000_000)
    assert (end.exit_code, end.output.text()) == (0, "done\n")


def test_prompt_and_output_larger_than_any_pipe_pass_each_other(run_shell):
    end = run_shell("cat", prompt=b"x" * 900_000)
    assert len(end.output.text()) == 900_000


def test_bytes_that_are_not_text_are_kept_as_replacements(run_shell):
    end = run_shell(r"printf '\377ok\n'; printf '\376' >&2")
    assert (end.output.text(), end.errors) == ("\ufffdok\n", ["\ufffd"])


def test_last_json_line_decides_even_before_more_output(run_shell):
    end = run_shell("""echo '{"verdict":"fail"}'; echo '{"verdict":"advance","reason":"r"}'; echo bye""")
    assert end.decision == {"verdict": "advance", "reason": "r"}


def test_program_without_decision_has_none(run_shell):
    assert run_shell("echo hello").decision is None


def test_flood_keeps_its_end_and_is_whole_in_a_file(run_shell):
    end = run_shell("head -c 3000000 /dev/zero | tr '\\0' x; echo; echo last")
    assert end.output.text().endswith("x\nlast\n")
    assert len(end.output.text()) == OUTPUT_LIMIT_BYTES
    assert end.output.file.stat().st_size == 3_000_006
    assert str(end.output.file) in end.errors[-1]


def test_errors_keep_their_end_and_say_what_is_missing(run_shell):
    end = run_shell("seq 1 20000 >&2")
    assert end.errors[-1] == "20000"
    assert end.errors[0].endswith("bytes are left out]")


def test_death_by_signal_is_said(run_shell):
    end = run_shell("kill -KILL $$")
    assert (end.exit_code, end.errors) == (-9, ["program 'sh' was ended by SIGKILL"])


def test_program_is_in_the_ledger_before_it_does_anything(run_shell, ledger):
    end = run_shell(f"cat {ledger.directory}/*.json", run_id="wf-1")
    assert '"purpose": "agent"' in end.output.text()
    assert '"run_id": "wf-1"' in end.output.text()
    assert ledger.load() == ([], [])


def test_program_that_cannot_be_recorded_never_runs(shell_call, tmp_path):
    (tmp_path / "file").write_text("")
    run = ProgramRun(shell_call("touch ran"), ProcessLedger(tmp_path / "file"), on_text=lambda text, is_last: None)
    with pytest.raises(ProgramStartError, match="could not be recorded"):
        run.run()
    assert not (tmp_path / "ran").exists()


def test_time_limit_ends_the_whole_tree(run_shell, ledger, is_gone, tmp_path):
    script = (
        "trap '' TERM; sleep 600 & echo $! >> pids; (setsid sleep 600 & echo $! >> pids); echo $$ >> pids; wait; wait"
    )
    end = run_shell(script, timeout_seconds=0.4)
    pids = (tmp_path / "pids").read_text().split()
    assert end.how == "timed_out"
    assert len(pids) == 3
    assert all(map(is_gone, pids))
    assert ledger.load() == ([], [])


def test_cancel_ends_the_whole_tree(shell_call, ledger, is_gone):
    started = threading.Event()
    texts = []

    def show(text, is_last):
        texts.append(text)
        started.set()

    run = ProgramRun(shell_call("sleep 600 & echo $!; sleep 600"), ledger, on_text=show)
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

    def show(text, is_last):
        texts.append(text)
        started.set()

    run = ProgramRun(shell_call("trap '' TERM; echo $$; while :; do sleep 600; done"), ledger, on_text=show)
    end = start_in_thread(run)
    assert started.wait(_WAIT_SECONDS)
    run.kill()
    assert is_gone(texts[0].split()[0])
    assert end().how == "cancelled"


def test_cancelled_before_its_start_never_runs(shell_call, ledger, tmp_path):
    run = ProgramRun(shell_call("touch ran"), ledger, on_text=lambda text, is_last: None)
    run.cancel()
    assert run.run().how == "cancelled"
    assert not (tmp_path / "ran").exists()


def test_what_a_program_leaves_behind_is_ended(run_shell, is_gone):
    end = run_shell("sleep 600 </dev/null >/dev/null 2>&1 & echo $!")
    assert end.exit_code == 0
    assert is_gone(end.output.text())


def test_background_process_that_holds_the_output_does_not_hold_up_the_end(run_shell, is_gone):
    end = run_shell("sleep 600 & echo $!")
    assert is_gone(end.output.text())
    assert end.duration_seconds < 5


def test_last_lines_of_a_pipeline_are_not_lost(run_shell):
    assert run_shell("(sleep 0.1; echo late) & echo early").output.text() == "early\nlate\n"


def test_live_text_comes_while_the_program_runs(shell_call, ledger, tmp_path):
    go_on = tmp_path / "go-on"
    os.mkfifo(go_on)
    texts = []

    def show(text, is_last):
        texts.append(text)
        if text == "one\n":
            go_on.write_text("go")

    end = ProgramRun(shell_call("echo one; read -r _ < go-on; echo two"), ledger, on_text=show).run()
    assert end.output.text() == "one\ntwo\n"
    assert texts[0] == "one\n"


def test_missing_program_is_named_with_the_path_that_was_searched(run_shell, tmp_path):
    with pytest.raises(ProgramStartError, match=r"'no-such-agent' is not in PATH \(.*install it"):
        run_shell("", program="no-such-agent")
    with pytest.raises(ProgramStartError, match=r"'\./agent' does not exist"):
        run_shell("", program="./agent")


def test_program_beside_the_work_is_found_and_must_be_executable(tmp_path):
    script = tmp_path / "agent"
    script.write_text("#!/bin/sh\necho hi\n")
    with pytest.raises(ProgramStartError, match="not executable; chmod"):
        find_program("./agent", tmp_path, {})
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    assert Path(find_program("./agent", tmp_path, {})) == script
    assert find_program(str(script), Path("/"), {}) == str(script)


def test_folder_that_went_away_is_named(run_shell, tmp_path):
    with pytest.raises(ProgramStartError, match=r"cannot be started in .*gone"):
        run_shell("true", cwd=tmp_path / "gone")
