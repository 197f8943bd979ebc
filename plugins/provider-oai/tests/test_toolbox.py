import os
import threading
import time

import pytest

from animus_agent_cli.request import ToolPolicy
from animus_provider_oai import toolbox as toolbox_module
from animus_provider_oai.ending import RunControl, RunEndedError
from animus_provider_oai.limits import TOOL_OUTPUT_BYTES, Limits

BOUND_SECONDS = 60


def _use(box, name, **arguments):
    return box.use(box.find(name), arguments)


def test_shell_shows_output_errors_and_exit_code(toolbox):
    output = _use(toolbox(), "shell", command="echo out; echo err >&2; exit 3")
    assert output == ("out\nerr\n[exit code 3]", False)


def test_shell_works_in_the_folder_and_sees_no_key(toolbox, worktree_folder, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "k1")
    output = _use(toolbox(), "shell", command='pwd; echo "[$OPENAI_API_KEY]"; cat')
    assert output == (f"{worktree_folder}\n[]\n[exit code 0]", True)


def test_shell_keeps_the_end_of_a_flood(toolbox):
    text = _use(toolbox(), "shell", command="seq 1 200000; echo the end").text
    assert len(text) < TOOL_OUTPUT_BYTES + 200
    assert text.startswith(f"[the last {TOOL_OUTPUT_BYTES} of ")
    assert text.endswith("200000\nthe end\n[exit code 0]")


def test_shell_takes_any_bytes(toolbox):
    assert "a�b" in _use(toolbox(), "shell", command=r"printf 'a\377b'").text


def test_shell_is_ended_when_its_time_is_over(toolbox, is_gone):
    for limit in (1, 20):  # a loaded machine may need more than the first to begin
        command = "sleep 600 & echo pids $$ $!; wait"
        output = _use(toolbox(), "shell", command=command, timeout_seconds=limit)
        assert not output.is_success
        assert f"ran longer than {limit} s" in output.text
        if output.text.startswith("pids"):
            break
    assert all(is_gone(pid) for pid in output.text.split()[1:3])


def test_background_processes_end_with_their_command(toolbox, is_gone, worktree_folder):
    _use(toolbox(), "shell", command="(setsid sleep 600 & echo $! > pid); echo started")
    assert is_gone((worktree_folder / "pid").read_text())


def test_record_of_a_command_is_gone_with_it(toolbox, ledger):
    _use(toolbox(), "shell", command="true")
    assert ledger.load() == ([], [])


def test_cancel_ends_a_command_and_all_it_started(toolbox, worktree_folder, is_gone):
    control, ended = RunControl(), []
    box = toolbox(control)

    def use():
        with pytest.raises(RunEndedError):
            _use(
                box,
                "shell",
                command="sleep 600 & echo $$ $! > pids.new; mv pids.new pids; trap '' TERM; wait; sleep 600",
            )
        ended.append(True)

    working = threading.Thread(target=use)
    working.start()
    deadline = time.monotonic() + BOUND_SECONDS
    while not (worktree_folder / "pids").exists() and time.monotonic() < deadline:
        working.join(0.02)
    control.cancel()
    working.join(BOUND_SECONDS)
    assert ended == [True]
    assert all(is_gone(pid) for pid in (worktree_folder / "pids").read_text().split())


def test_search_finds_lines_below_the_folder(toolbox, worktree_folder):
    (worktree_folder / "src").mkdir()
    (worktree_folder / "src" / "a.py").write_text("import os\nx = 1\nimport sys\n")
    (worktree_folder / "b.txt").write_text("Import nothing\n")
    (worktree_folder / "binary").write_bytes(b"import\0")
    (worktree_folder / "outside").symlink_to("/etc")
    box = toolbox()
    assert _use(box, "search", pattern="^import").text == "src/a.py:1: import os\nsrc/a.py:3: import sys"
    assert _use(box, "search", pattern="^import", ignore_case=True, glob="*.txt").text == "b.txt:1: Import nothing"
    assert _use(box, "search", pattern="x", path="src/a.py").text == "src/a.py:2: x = 1"
    assert _use(box, "search", pattern="nowhere") == ("no match", True)
    assert not _use(box, "search", pattern="(").is_success
    assert "leads outside" in _use(box, "search", pattern="root", path="outside").text


def test_search_is_bounded_in_matches(toolbox, worktree_folder):
    (worktree_folder / "many").write_text("x\n" * 1000)
    lines = _use(toolbox(), "search", pattern="x").text.splitlines()
    assert len(lines) == 201
    assert "stopped after 200 matches" in lines[-1]


def test_search_is_bounded_in_time(toolbox, worktree_folder, monkeypatch):
    monkeypatch.setattr(toolbox_module, "SEARCH_SECONDS", 0.5)
    (worktree_folder / "evil").write_text("a" * 60 + "b")
    assert "took longer" in _use(toolbox(), "search", pattern="(a+)+c|(a|aa)+$").text


def test_path_outside_is_refused_by_every_file_tool(toolbox):
    box = toolbox()
    for name, more in {
        "read": {},
        "write": {"content": "x"},
        "edit": {"old": "a", "new": "b"},
        "list": {},
        "search": {"pattern": "x"},
    }.items():
        output = _use(box, name, path="../secret", **more)
        assert not output.is_success
        assert "outside" in output.text


def test_policy_and_read_only_leave_tools_out(toolbox):
    names = lambda box: [definition["function"]["name"] for definition in box.definitions]  # noqa: E731 - short
    assert names(toolbox(is_read_only=True)) == ["read", "search", "list"]
    assert names(toolbox(tools=ToolPolicy(deny=("shell",)))) == ["read", "write", "edit", "search", "list"]
    assert names(toolbox(may_ask=True))[-1] == "ask"
    assert toolbox(is_read_only=True).find("shell") is None


def test_model_may_not_ask_for_more_time_than_the_bound(toolbox):
    limits = Limits(shell_seconds=0.2, shell_most_seconds=0.3)
    box = toolbox(limits=limits)
    assert "ran longer than 0.2 s" in _use(box, "shell", command="sleep 60").text
    assert "ran longer than 0.3 s" in _use(box, "shell", command="sleep 60", timeout_seconds=5000).text


def test_enclosure_decides_line_and_environment(toolbox):
    class Enclosure:
        environment = {"PATH": os.environ["PATH"], "INSIDE": "yes"}

        def argv(self, program):
            return ["/usr/bin/env", "WRAPPED=1", *program]

    assert _use(toolbox(enclosure=Enclosure()), "shell", command='echo "$INSIDE $WRAPPED"').text.startswith("yes 1\n")
