"""The host for a plugin's own tests: it starts the process, asks, and never waits for what cannot come."""

import sys
from pathlib import Path

import pytest

from animus_plugin_protocol.testing import PluginFault, PluginProcess

PROBE = [sys.executable, "-P", str(Path(__file__).with_name("probe_plugin.py"))]


@pytest.fixture
def plugin(tmp_path):
    with PluginProcess(PROBE, cwd=tmp_path) as process:
        yield process
    assert process.process.returncode == 0


def test_request_is_answered_with_its_result(plugin):
    assert plugin.ask("probe/echo", {"text": "hi"})["text"] == "hi"


def test_error_is_raised_by_ask_and_given_by_fault(plugin):
    assert plugin.fault("probe/nothing_like_it")["code"] == -32601
    with pytest.raises(PluginFault, match="probe/nothing_like_it") as caught:
        plugin.ask("probe/nothing_like_it")
    assert caught.value.error["code"] == -32601


def test_fault_does_not_take_a_result_for_one(plugin):
    with pytest.raises(AssertionError, match="was answered with"):
        plugin.fault("probe/echo", {"text": "hi"})


def test_answers_are_told_apart_by_their_request(plugin):
    first, second = (plugin.start("probe/echo", {"text": text}) for text in ("one", "two"))
    assert plugin.answer(second)["result"]["text"] == "two"
    assert plugin.answer(first)["result"]["text"] == "one"


def test_notes_come_in_order_and_are_taken_once(plugin):
    plugin.ask("probe/notes", {"count": 2})
    assert len(plugin.notes("probe/note")) == 2
    assert plugin.untaken_notes("probe/note") == plugin.notes("probe/note")
    assert [plugin.next_note("probe/note"), plugin.next_note("probe/note")] == plugin.notes("probe/note")
    assert plugin.untaken_notes("probe/note") == []


def test_plugin_is_bound_to_the_project(tmp_path):
    binding = {"project_root": str(tmp_path), "repo_scope": "demo", "state_dir": str(tmp_path / "state")}
    with PluginProcess(PROBE, binding=binding, cwd=tmp_path) as process:
        assert process.ask("probe/facts")["project_root"] == str(tmp_path)


def test_plugin_that_writes_no_frames_ends_the_wait(tmp_path):
    with pytest.raises(ConnectionError, match=r"'hello.n', which is not JSON"):
        PluginProcess([sys.executable, "-I", "-S", "-c", "print('hello')"], cwd=tmp_path)


def test_plugin_that_ends_without_an_answer_ends_the_wait(tmp_path):
    with pytest.raises(ConnectionError, match="ended its output"):
        PluginProcess([sys.executable, "-I", "-S", "-c", "import sys; sys.stdin.readline()"], cwd=tmp_path)


def test_plugin_that_is_silent_ends_the_wait(tmp_path):
    with pytest.raises(TimeoutError, match=r"nothing for 0\.1 s"):
        PluginProcess([sys.executable, "-I", "-S", "-c", "import sys; sys.stdin.read()"], cwd=tmp_path, seconds=0.1)


def test_killed_plugin_leaves_no_process(tmp_path):
    process = PluginProcess(PROBE, cwd=tmp_path)
    process.kill()
    assert process.process.returncode == -9
    with pytest.raises(ConnectionError):
        process.answer(99)
