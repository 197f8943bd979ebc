"""The plugin as a host sees it, around a program that replays what the real one printed."""

import importlib.metadata
import json
from pathlib import Path

import pytest

from animus_provider_claude.agent import VERSION, find_missing_login


def test_handshake_offers_the_tool_claude(fake):
    assert fake.initialized["kind_capabilities"]["provider"]["extra"] == {"tools": ["claude"]}
    methods = set(fake.initialized["capabilities"]["methods"])
    assert {"agent/run", "agent/resume", "agent/cancel", "agent/respond"} <= methods


def test_tool_round_is_told_and_answered(fake, replay, seen):
    result = fake.ask("agent/run", replay("tool"))
    assert (result["output"], result["exit_code"], result["backend"]) == ("Done.", 0, "claude")
    assert result["tokens_used"] == {"input": 200, "output": 40, "cached": 0, "cache_writes": 0}
    assert result["cost_usd"] == pytest.approx(0.0012)
    assert fake.said() == "I make a file.Done."
    assert fake.next_note("agent/sessionStarted") == {"session_id": "s1", "resume_id": result["resume_id"]}
    assert fake.next_note("agent/toolResult")["output"] == "hello"
    assert fake.next_note("agent/thinking")["text"] == "a file is needed"
    assert json.loads(seen()["read"][1])["response"]["response"]["behavior"] == "allow"


def test_person_is_asked_and_the_program_waits_for_the_answer(fake, replay, seen):
    run = fake.start("agent/run", replay("approval", approvals={"policy": "ask", "timeout_secs": 60}))
    asked = fake.next_note("agent/interactionRequested")
    assert (asked["kind"], asked["payload"]["tool_name"]) == ("approval", "Bash")
    response = {"decision": "deny", "message": "not today"}
    answer = {"interaction_id": asked["interaction_id"], "session_id": "s1", "response": response}
    assert fake.ask("agent/respond", answer) == {"accepted": True}
    assert fake.answer(run)["result"]["exit_code"] == 0
    assert json.loads(seen()["read"][1])["response"]["response"] == {"behavior": "deny", "message": "not today"}


def test_nobody_is_there_for_a_question_without_approvals(fake, replay, seen):
    fake.ask("agent/run", replay("question"))
    assert fake.notes("agent/interactionRequested") == []
    assert "nobody can be asked" in json.loads(seen()["read"][1])["response"]["response"]["message"]


def test_structured_answer_is_the_decision(fake, replay):
    result = fake.ask("agent/run", replay("structured", response_schema={"type": "object"}))
    assert result["decision_verdict"] == {"verdict": "advance"}


@pytest.mark.parametrize(
    ("stream", "failure", "category"),
    [
        ("exhausted", "provider_exhaustion", "run_failed"),
        ("unauthorised", "auth", "unavailable"),
        ("overloaded", "transient", "run_failed"),
        ("no-such-model", "target_unavailable", "model_not_supported"),
        ("no-such-session", "unknown", "session_start_failed"),
        ("turns", "unknown", "run_failed"),
    ],
)
def test_failure_of_the_program_is_classified(fake, replay, stream, failure, category):
    error = fake.fault("agent/run", replay(stream, env={"FAKE_CLAUDE_EXIT": "1"}))
    assert (error["data"]["failure"], error["data"]["category"]) == (failure, category)
    assert error["data"].get("limit") == ("turns" if stream == "turns" else None)
    assert fake.next_note("agent/error")["recoverable"] is False


def test_stream_that_breaks_off_is_a_failure_that_can_be_resumed(fake, replay, recorded):
    cut = b"".join(recorded("tool").read_bytes().splitlines(keepends=True)[:20])
    error = fake.fault("agent/run", replay(cut, env={"FAKE_CLAUDE_LEAVES": "1"}))
    assert "without a final answer" in error["message"]
    assert error["data"]["resume_id"]
    assert error["data"]["tokens_used"]["input"] == 100


def test_junk_is_skipped_and_counted(fake, replay, recorded):
    lines = recorded("plain").read_bytes().splitlines()
    junk = b"\n".join([b"[claude-code:notice] hello", lines[0], b"\xff\xfe{", *lines[1:], b"{}", b"[]"])
    assert fake.ask("agent/run", replay(junk))["output"] == "Hello there."
    error = fake.fault("agent/run", replay(b"no\njson\nat all\n", env={"FAKE_CLAUDE_LEAVES": "1"}))
    assert "3 lines of its output were no JSON, the last one 'at all'" in error["message"]


def test_program_that_is_too_old_for_its_arguments_is_no_target(fake, replay):
    env = {"FAKE_CLAUDE_ERRORS": "error: unknown option '--include-partial-messages'", "FAKE_CLAUDE_EXIT": "1"}
    error = fake.fault("agent/run", replay(b"", env={**env, "FAKE_CLAUDE_LEAVES": "1"}))
    assert (error["data"]["failure"], error["data"]["category"]) == ("target_unavailable", "unavailable")


def test_resume_takes_the_agents_own_session(fake, replay, seen):
    session = "11111111-1111-4111-8111-111111111111"
    params = replay("plain", session_id=session, control_session_id="s2")
    assert fake.ask("agent/resume", params)["session_id"] == "s2"
    assert f"--resume={session}" in seen()["args"]


def test_keys_reach_the_program_and_other_variables_do_not(start_host, replay, seen, fake):
    fake.ask("agent/run", replay("plain"))
    environment = seen()["environment"]
    assert environment["ANTHROPIC_API_KEY"] == "dummy"
    assert environment["CLAUDE_CODE_MAX_RETRIES"] == "3"
    assert "PYTEST_CURRENT_TEST" not in environment


def test_health_names_program_version_and_login(start_host, fake):
    assert fake.ask("health/check")["status"] == "healthy"
    program = str(Path(__file__).parent / "programs" / "claude")
    without_login = start_host(ANIMUS_CLAUDE_PROGRAM=program).ask("health/check")
    assert (without_login["status"], "ANTHROPIC_API_KEY" in without_login["last_error"]) == ("degraded", True)
    missing = start_host(ANIMUS_CLAUDE_PROGRAM="/no/claude").ask("health/check")
    assert missing["status"] == "unhealthy"
    assert "npm install -g @anthropic-ai/claude-code" in missing["last_error"]


def test_login_is_a_key_or_what_the_programs_own_login_left(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    assert "ANTHROPIC_API_KEY" in find_missing_login({"HOME": str(tmp_path)})
    assert find_missing_login({"HOME": str(tmp_path), "ANTHROPIC_API_KEY": "x"}) is None
    (tmp_path / ".claude").mkdir()
    (tmp_path / ".claude" / ".credentials.json").write_text("{}")
    assert find_missing_login({"HOME": str(tmp_path)}) is None
    assert find_missing_login({"HOME": str(tmp_path), "CLAUDE_CONFIG_DIR": str(tmp_path / "other")}) is not None


def test_version_is_the_distributions():
    assert importlib.metadata.version("animus-provider-claude") == VERSION
