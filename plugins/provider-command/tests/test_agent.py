"""The plugin as a host sees it: a real process, frames over pipes."""

import json
import signal
from pathlib import Path

import pytest

from animus_process import ProcessLedger


def test_handshake_offers_the_tool_command_and_cancellation(host):
    capabilities = host.initialized["capabilities"]
    assert host.initialized["kind_capabilities"]["provider"]["extra"] == {"tools": ["command"]}
    assert capabilities["cancellation"] is True
    assert {"agent/run", "agent/cancel"} <= set(capabilities["methods"])
    assert "agent/resume" not in capabilities["methods"]


def test_run_answers_output_exit_code_and_decision(host, shell_params):
    script = """cat; echo '{"verdict":"rework","reason":"tests fail"}'; echo careful >&2; exit 4"""
    result = host.ask("agent/run", shell_params(script, session_id="s1", prompt="do it", system_prompt="be brief"))
    assert (result["session_id"], result["exit_code"], result["backend"]) == ("s1", 4, "command")
    assert result["output"] == 'be brief\n\ndo it\n{"verdict":"rework","reason":"tests fail"}\n'
    assert result["decision_verdict"] == {"verdict": "rework", "reason": "tests fail"}
    assert result["errors"] == ["careful"]
    assert result["duration_ms"] >= 0


def test_notes_carry_the_session_and_all_of_the_output_before_the_answer(host, shell_params):
    host.ask("agent/run", shell_params("seq 1 5000", session_id="s1"))
    notes = [note["params"] for note in host.noted]
    assert {note["session_id"] for note in notes} == {"s1"}
    assert "".join(note["text"] for note in notes) == "".join(f"{number}\n" for number in range(1, 5001))
    assert [note["final"] for note in notes] == [False] * (len(notes) - 1) + [True]
    assert len(notes) < 100


def test_context_file_holds_the_hosts_document_and_what_else_was_asked(host, shell_params, state_dir):
    params = shell_params(
        'echo "$ANIMUS_CONTEXT_FILE"; cat "$ANIMUS_CONTEXT_FILE"',
        context={"subject": {"id": "task:TASK-001"}},
        model="m-1",
        env={"ANIMUS_RUN_ID": "wf-1"},
        claude_profile="work",
    )
    path, _, document = host.ask("agent/run", params)["output"].partition("\n")
    assert json.loads(document) == {
        "subject": {"id": "task:TASK-001"},
        "agent_request": {"model": "m-1", "claude_profile": "work"},
    }
    assert path.startswith(str(state_dir / "runs" / "wf-1"))
    assert not Path(path).exists()


def test_environment_is_the_allowed_list_and_what_the_request_says(start_host, shell_params, environment):
    environment["UNLISTED"] = "do not leak"
    host = start_host()
    output = host.ask("agent/run", shell_params("env", env={"ANIMUS_PHASE_ID": "implementation"}))["output"]
    assert "ANIMUS_PHASE_ID=implementation" in output
    assert "do not leak" not in output


def test_session_id_is_minted_when_the_host_names_none(host, shell_params):
    first = host.ask("agent/run", shell_params("true"))["session_id"]
    assert first
    assert host.ask("agent/run", shell_params("true"))["session_id"] != first


@pytest.mark.parametrize("named", ["s1", "c1", "anything else"])
def test_cancel_finds_the_run_by_own_id_hosts_id_or_because_it_is_the_only_one(host, shell_params, is_gone, named):
    run = host.start("agent/run", shell_params("echo $$; sleep 600", session_id="s1", control_session_id="c1"))
    host.wait_text("\n")
    assert host.ask("agent/cancel", {"session_id": named}) == {"session_id": named, "cancelled": True}
    error = host.answer(run)["error"]
    assert (error["code"], error["data"]["category"]) == (-32002, "cancelled")
    assert is_gone(host.live())


def test_cancel_of_a_finished_session_leaves_the_only_other_run_alone(host, shell_params):
    host.ask("agent/run", shell_params("true", session_id="over"))
    run = host.start("agent/run", shell_params("echo up; sleep 600", session_id="s2"))
    host.wait_text("up")
    assert host.ask("agent/cancel", {"session_id": "over"}) == {"session_id": "over", "cancelled": False}
    assert host.ask("agent/cancel", {"session_id": "s2"})["cancelled"] is True
    assert host.answer(run)["error"]["code"] == -32002


def test_cancel_request_ends_the_run_without_a_process_left(host, shell_params, is_gone, state_dir):
    run = host.start("agent/run", shell_params("sleep 600 & echo $!; echo $$; wait"))
    host.wait_text("\n")
    host.send({"method": "$/cancelRequest", "params": {"id": run}})
    error = host.answer(run)["error"]
    assert (error["code"], error["data"]["category"]) == (-32002, "cancelled")
    assert all(map(is_gone, host.live().split()))
    assert list((state_dir / "processes").iterdir()) == []


def test_cancel_is_answered_while_every_other_thread_waits(host, shell_params):
    runs = [host.start("agent/run", shell_params("echo up; sleep 600", session_id=f"s{number}")) for number in range(8)]
    for number in range(8):
        host.wait_text("up", f"s{number}")
    assert host.ask("$/ping") == {}
    for number in range(8):
        assert host.ask("agent/cancel", {"session_id": f"s{number}"})["cancelled"] is True
    assert [host.answer(run)["error"]["code"] for run in runs] == [-32002] * 8


def test_time_limit_is_an_error_with_the_end_of_the_output(host, shell_params, is_gone):
    for limit in (1, 20):  # a loaded machine may need more than the first to print anything
        host.noted.clear()
        error = host.fault("agent/run", shell_params("echo $$; sleep 600", timeout_secs=limit))
        assert (error["code"], error["data"]["category"]) == (-32003, "run_failed")
        assert f"ran longer than {limit} s" in error["message"]
        assert [note["params"]["recoverable"] for note in host.noted if note["method"] == "agent/error"] == [False]
        if error["data"].get("output_tail"):
            break
    assert is_gone(error["data"]["output_tail"])


def test_missing_program_is_unavailable_and_named(host, shell_params):
    error = host.fault("agent/run", shell_params("", command={"program": "no-such-agent", "args": []}))
    assert (error["code"], error["data"]) == (
        -32603,
        {"category": "unavailable", "failure": "target_unavailable", "program": "no-such-agent"},
    )
    assert "'no-such-agent' is not in PATH" in error["message"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"command": None}, "tools.<id>.executable"),
        ({"command": "sh -c true"}, "command must be"),
        ({"command": {"args": []}}, "command must be"),
        ({"command": {"program": "sh", "args": [1]}}, "command must be"),
        ({"command": {"program": "sh", "arguments": []}}, "unknown field"),
        ({"command": {"program": "sh", "args": ["a\0b"]}}, "NUL"),
        ({"cwd": "/no/such/folder"}, "'/no/such/folder', does not exist"),
        ({"timeout_secs": -1}, "negative"),
    ],
)
def test_request_that_cannot_be_meant_is_refused(host, shell_params, change, message):
    error = host.fault("agent/run", shell_params("true") | change)
    assert error["code"] == -32602
    assert message in error["message"]


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ({"tools": {"allow": ["Read"], "deny": []}}, "a tool policy"),
        ({"tools": {"rules": [{"id": "r", "decision": "deny"}]}}, "rules about tool calls"),
        ({"tool_profile": "work"}, "tool_profile"),
        ({"tools": {"observe": True}}, "rules about tool calls"),
        ({"sandbox": "bubblewrap"}, "sandbox 'bubblewrap'"),
        ({"web_search": False}, "web_search"),
        ({"network_access": False}, "network_access: false"),
        ({"config_overrides": ["a=b"]}, "config_overrides"),
    ],
)
def test_what_cannot_be_enforced_is_refused_and_nothing_runs(host, shell_params, tmp_path, asked, word):
    error = host.fault("agent/run", shell_params("touch ran", **asked))
    assert (error["data"]["category"], word in error["message"]) == ("session_start_failed", True)
    assert not (tmp_path / "ran").exists()


def test_more_arguments_follow_those_of_the_command(host, shell_params):
    assert host.ask("agent/run", shell_params('echo "$0" "$1"', extra_args=["a b", "c"]))["output"] == "a b c\n"


def test_approvals_fail_closed(host, shell_params, tmp_path):
    error = host.fault("agent/run", shell_params("touch ran", approvals={"default": "ask"}))
    assert error["data"]["category"] == "session_start_failed"
    assert not (tmp_path / "ran").exists()


def test_session_that_runs_already_is_refused(host, shell_params):
    run = host.start("agent/run", shell_params("echo up; sleep 600", session_id="s1"))
    host.wait_text("up")
    assert "running already" in host.fault("agent/run", shell_params("true", session_id="s1"))["message"]
    host.ask("agent/cancel", {"session_id": "s1"})
    assert host.answer(run)["error"]["code"] == -32002


def test_flood_fits_into_the_frame_and_names_its_file(host, shell_params, state_dir):
    script = "head -c 9000000 /dev/zero; echo; echo last"
    result = host.ask("agent/run", shell_params(script, env={"ANIMUS_RUN_ID": "wf-1"}))
    assert result["output"].endswith("\0\nlast\n")
    (metadata,) = result["metadata"]
    assert metadata["output_bytes"] == 9_000_006
    assert metadata["output_file"].startswith(str(state_dir / "runs" / "wf-1"))
    assert Path(metadata["output_file"]).stat().st_size == 9_000_006


def test_end_of_the_host_ends_the_program(host, shell_params, is_gone):
    host.start("agent/run", shell_params("trap '' TERM; echo $$; while :; do sleep 600; done"))
    host.wait_text("\n")
    assert host.close() == 0
    assert is_gone(host.live())


def test_killed_provider_leaves_a_record_by_which_its_program_is_swept(host, shell_params, is_gone, state_dir):
    host.start("agent/run", shell_params("sleep 600 & echo $!; echo $$; wait"))
    host.wait_text("\n")
    host.process.send_signal(signal.SIGKILL)
    host.process.wait(60)
    assert len(ProcessLedger(state_dir / "processes").sweep()) == 1
    assert all(map(is_gone, host.live().split()))


def test_host_that_binds_no_project_gets_its_program_run_too(start_host, shell_params, tmp_path):
    host = start_host(binding=None)
    assert host.ask("agent/run", shell_params("echo hi"))["output"] == "hi\n"
    assert (tmp_path / "config" / "provider-command" / "processes").is_dir()
