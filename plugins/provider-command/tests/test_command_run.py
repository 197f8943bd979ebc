import os

from animus_provider_command.command_run import CommandRun
from animus_provider_command.output import OUTPUT_LIMIT_BYTES


def test_program_reads_its_prompt_and_its_end(run_shell, tmp_path):
    end = run_shell("cat; pwd; echo oops >&2; exit 3", input="fröhlich\n".encode())
    assert (end.how, end.exit_code, end.errors) == ("exited", 3, ["oops"])
    assert end.output.text() == f"fröhlich\n{tmp_path.resolve()}\n"
    assert end.duration_seconds > 0


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


def test_live_text_comes_while_the_program_runs(shell_call, ledger, tmp_path):
    go_on = tmp_path / "go-on"
    os.mkfifo(go_on)
    texts = []

    def show(text, is_last):
        texts.append(text)
        if text == "one\n":
            go_on.write_text("go")

    end = CommandRun(shell_call("echo one; read -r _ < go-on; echo two"), ledger, on_text=show).run()
    assert end.output.text() == "one\ntwo\n"
    assert texts[0] == "one\n"
