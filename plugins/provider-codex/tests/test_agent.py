"""The plugin process with a program in the place of the real one."""

import json

import pytest

_SESSION = "01a1fee6-772f-7de0-b648-c461e96ee99d"


def test_run_answers_what_the_program_said(host, params, sample, tmp_path):
    result = host.ask("agent/run", params(env={"FAKE_CODEX_SAMPLE": str(sample("tool_round"))}, model="m"))
    assert (result["output"], result["exit_code"], result["backend"]) == ("done", 0, "codex")
    assert (result["session_id"], result["resume_id"], result["model"]) == ("s-1", _SESSION, "m")
    assert result["thinking"] == ["hmm"]
    assert result["tokens_used"] == {"input": 140, "output": 27, "cached": 10}
    assert len(result["tool_calls"]) == len(result["tool_results"]) == 1
    assert host.notes("agent/sessionStarted") == [{"session_id": "s-1", "resume_id": _SESSION}]
    assert host.notes("agent/toolCall")[0]["name"] == "shell"
    assert host.notes("agent/toolResult")[0]["success"]
    call = json.loads((tmp_path / "call.json").read_text())
    assert (call["input"], call["cwd"]) == ("do it", str(tmp_path))
    assert call["environment"]["CODEX_API_KEY"] == "sk-test"


def test_session_is_taken_up_again(host, params, tmp_path):
    result = host.ask("agent/resume", params(session_id=_SESSION))
    assert result["session_id"] == "s-1"
    assert json.loads((tmp_path / "call.json").read_text())["args"][:3] == ["exec", "resume", _SESSION]


def test_lost_session_is_told_apart(host, params):
    fault = host.fault("agent/resume", params("no-session", session_id=_SESSION))
    assert fault["data"]["category"] == "session_start_failed"


def test_cancel_ends_the_program(host, params):
    request = host.start("agent/run", params("endless"))
    host.next_note("agent/sessionStarted")
    assert host.ask("agent/cancel", {"session_id": "s-1"})["cancelled"]
    error = host.answer(request)["error"]
    assert (error["code"], error["data"]["category"], error["data"]["resume_id"]) == (-32002, "cancelled", _SESSION)


def test_program_that_is_too_slow_is_ended(host, params):
    error = host.fault("agent/run", params("endless", timeout_secs=1))
    assert (error["code"], error["data"]["failure"]) == (-32003, "transient")


@pytest.mark.parametrize(
    ("name", "failure", "category"),
    [("unauthorized", "auth", "unavailable"), ("rate_limited", "provider_exhaustion", "run_failed")],
)
def test_failure_says_what_to_make_of_it(host, params, sample, name, failure, category):
    error = host.fault("agent/run", params(env={"FAKE_CODEX_SAMPLE": str(sample(name))}))
    assert (error["data"]["failure"], error["data"]["category"]) == (failure, category)
    assert error["data"]["resume_id"] == _SESSION


def test_lines_that_are_junk_are_passed_over(host, params):
    assert host.ask("agent/run", params("junk"))["output"] == ""


def test_program_that_dies_is_a_failure(host, params):
    assert host.fault("agent/run", params("dies"))["data"]["category"] == "run_failed"


@pytest.mark.parametrize(
    "more",
    [
        {"approvals": {"policy": "ask", "timeout_secs": 5}},
        {"approvals": {"policy": "deny"}},
        {"tools": {"deny": ["Bash"]}},
        {"permission_mode": "yolo"},
        {"reasoning_effort": "huge"},
        {"sandbox": "bubblewrap", "permission_mode": "plan"},
    ],
)
def test_what_cannot_be_honoured_is_refused_before_anything_runs(host, params, tmp_path, more):
    error = host.fault("agent/run", params(**more))
    assert (error["code"], error["data"]["category"]) == (-32602, "session_start_failed")
    assert not (tmp_path / "call.json").exists()


def test_program_that_is_missing_is_named_with_what_to_do(start_host, params):
    host = start_host(ANIMUS_CODEX_PROGRAM="/nowhere/codex")
    error = host.fault("agent/run", params())
    assert error["data"]["category"] == "unavailable"
    assert "npm install -g @openai/codex" in error["message"]
    health = host.ask("health/check")
    assert health["status"] == "unhealthy"


def test_health_says_what_is_missing(start_host, fake_program, host):
    assert host.ask("health/check")["status"] == "healthy"
    bare = start_host(ANIMUS_CODEX_PROGRAM=str(fake_program)).ask("health/check")
    assert bare["status"] == "degraded"
    assert "codex login" in bare["last_error"]


def test_run_with_rules_about_tool_calls_is_refused(host, params, tmp_path):
    tools = {"rules": [{"id": "r", "decision": "deny", "tools": ["Bash"]}]}
    fault = host.fault("agent/run", params(tools=tools))
    assert "no way to be stopped at its tool calls" in fault["message"]
    assert not (tmp_path / "call.json").exists()


def test_tool_calls_are_told_where_they_are_observed(host, params, sample):
    env = {"FAKE_CODEX_SAMPLE": str(sample("tool_round"))}
    host.ask("agent/run", params(env=env, tools={"observe": True}))
    assert host.notes("agent/toolCall")
