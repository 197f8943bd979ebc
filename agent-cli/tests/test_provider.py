import json
from pathlib import Path

import pytest

from animus_agent_cli.event import ProgramInput, Text
from animus_agent_cli.notes import note_of

_FINISHED = """echo '{"Finished": []}'"""


def test_handshake_offers_what_the_agent_can_do(host):
    capabilities = host.initialized["capabilities"]
    assert {"agent/run", "agent/resume", "agent/cancel", "agent/respond"} <= set(capabilities["methods"])
    assert capabilities["cancellation"] is True
    assert host.initialized["kind_capabilities"]["provider"]["extra"] == {"tools": ["toy"]}


def test_handshake_offers_nothing_the_agent_cannot_do(start_host):
    methods = start_host(can_ask=False, can_resume=False).initialized["capabilities"]["methods"]
    assert {"agent/resume", "agent/respond"} & set(methods) == set()


def test_run_tells_everything_then_answers(host, toy_params):
    script = """echo '{"SessionStarted": ["id-1", "m-1"]}'; echo '{"Thinking": ["hm"]}'
        echo '{"ToolCall": ["1", "mcp__x__y", {"a": 1}, "x"]}'; echo '{"ToolResult": ["1", {"b": 2}, true]}'
        echo '{"Text": ["done"]}'; echo '{"Usage": [10, 20, 3, 4, 0.5]}'; echo '{"Problem": ["slow"]}'; echo careful >&2
        """
    result = host.ask("agent/run", toy_params(script + _FINISHED))
    assert host.told() == ["sessionStarted", "thinking", "toolCall", "toolResult", "output", "error", "output"]
    assert {note["params"]["session_id"] for note in host.notes} == {"s1"}
    assert host.note("agent/toolResult") == {
        "session_id": "s1",
        "name": "mcp__x__y",
        "output": {"b": 2},
        "success": True,
    }
    assert host.notes[-1]["params"] == {"session_id": "s1", "text": "", "final": True}
    assert (result["session_id"], result["exit_code"], result["output"], result["backend"]) == ("s1", 0, "done", "toy")
    assert result["tokens_used"] == {"input": 10, "output": 20, "cached": 3, "cache_writes": 4}
    assert (result["cost_usd"], result["model"], result["resume_id"]) == (0.5, "m-1", "id-1")
    assert result["tool_calls"] == [{"id": "1", "name": "mcp__x__y", "server": "x", "arguments": {"a": 1}}]
    assert (result["thinking"], result["errors"]) == (["hm"], ["slow", "careful"])


def test_notes_and_cancel_go_by_the_hosts_own_id(host, toy_params):
    script = """echo '{"Text": ["up"]}'; sleep 600"""
    run = host.start("agent/run", toy_params(script, session_id="mine", control_session_id="hosts"))
    assert host.note("agent/output")["session_id"] == "hosts"
    assert host.ask("agent/cancel", {"session_id": "hosts"})["cancelled"] is True
    error = host.answer(run)["error"]
    assert (error["code"], error["data"]["category"], error["data"]["session_id"]) == (-32002, "cancelled", "hosts")


def test_resume_takes_the_agents_session(start_host, toy_params):
    host = start_host()
    script = """echo '{"SessionStarted": ["id-1"]}'; """ + _FINISHED
    result = host.ask("agent/resume", toy_params(script, session_id="id-1", control_session_id="s2"))
    assert (result["session_id"], result["resume_id"]) == ("s2", "id-1")
    assert host.fault("agent/resume", {"prompt": script})["code"] == -32602


def test_person_answers_through_the_host(host, toy_params):
    script = """echo '{"InteractionRequested": ["i1", "approval", {"tool_name": "Bash"}]}'; read -r word
        printf '{"Text": ["%s"]}\\n' "$word"; """
    run = host.start("agent/run", toy_params(script + _FINISHED, approvals={"policy": "ask", "timeout_secs": 60}))
    asked = host.note("agent/interactionRequested")
    assert (asked["kind"], asked["payload"], asked["expires_at"][-1]) == ("approval", {"tool_name": "Bash"}, "Z")
    answer = {"interaction_id": "i1", "session_id": "s1", "response": {"decision": "allow", "message": "ok"}}
    assert host.fault("agent/respond", answer | {"response": {"decision": "maybe"}})["code"] == -32602
    assert host.ask("agent/respond", answer | {"session_id": "s1", "interaction_id": "other"}) == {"accepted": False}
    assert host.ask("agent/respond", answer) == {"accepted": True}
    assert host.ask("agent/respond", answer) == {"accepted": False}
    assert host.answer(run)["result"]["output"] == "yes ok"


@pytest.mark.parametrize(
    ("asked", "category", "words"),
    [
        ({"sandbox": "bubblewrap"}, "session_start_failed", "cannot run in a sandbox"),
        ({"sandbox": "docker"}, "invalid_request", "sandbox 'docker' is unknown"),
        ({"web_search": False}, "session_start_failed", "cannot honour web_search"),
        ({"config_overrides": ["a=b"]}, "session_start_failed", "cannot honour config_overrides"),
        ({"command": {"program": "x"}}, "invalid_request", "command is for the provider 'command'"),
        ({"approvals": {"mode": "ask"}}, "invalid_request", "approvals must be"),
        ({"model": "no-such-model"}, "model_not_supported", "no model"),
        ({"cwd": "/no/such/folder"}, "invalid_request", "does not exist"),
    ],
)
def test_what_would_have_to_be_ignored_is_refused(host, toy_params, asked, category, words):
    error = host.fault("agent/run", toy_params("touch ran", **asked))
    assert (error["code"], error["data"]["category"]) == (-32602, category)
    assert words in error["message"]
    assert host.notes == []


def test_approvals_fail_closed_where_the_agent_cannot_ask(start_host, toy_params, tmp_path):
    host = start_host(can_ask=False)
    for policy in ("ask", "deny"):
        error = host.fault("agent/run", toy_params(f"touch {tmp_path}/ran", approvals={"policy": policy}))
        assert error["data"]["category"] == "session_start_failed"
    assert not (tmp_path / "ran").exists()


def test_failure_says_its_kind_and_what_was_spent(host, toy_params):
    script = """echo '{"SessionStarted": ["id-1"]}'; echo '{"Usage": [1, 2, null, null, 0.25]}'
        echo '{"Finished": ["x", "Overloaded, try again in 20s", 529]}'; exit 1"""
    error = host.fault("agent/run", toy_params(script))
    assert error["code"] == -32603
    assert error["data"] == {
        "category": "run_failed",
        "failure": "transient",
        "retry_after_secs": 20.0,
        "session_id": "s1",
        "resume_id": "id-1",
        "tokens_used": {"input": 1, "output": 2},
        "cost_usd": 0.25,
        "output_tail": "x",
    }
    assert host.note("agent/error")["recoverable"] is False


def test_limit_of_the_agents_own_is_said(host, toy_params):
    script = """echo '{"Finished": [null, "too many turns", null, null, null, "turns"]}'"""
    assert host.fault("agent/run", toy_params(script))["data"]["limit"] == "turns"


def test_time_limit_is_an_error_and_resumable(host, toy_params):
    for limit in (1, 20):  # a loaded machine may need more than the first to begin the session
        script = """echo '{"SessionStarted": ["id-1"]}'; sleep 600"""
        error = host.fault("agent/run", toy_params(script, timeout_secs=limit))
        assert (error["code"], error["data"]["failure"]) == (-32003, "transient")
        assert f"ran longer than {limit} s" in error["message"]
        if error["data"].get("resume_id"):
            break
    assert error["data"]["resume_id"] == "id-1"


def test_missing_program_is_unavailable_with_how_to_get_it(start_host, toy_params):
    error = start_host(program="no-such-agent").fault("agent/run", toy_params("true"))
    assert (error["code"], error["data"]["category"]) == (-32603, "unavailable")
    assert error["data"]["failure"] == "target_unavailable"
    assert error["message"].endswith("get a toy")


def test_program_may_be_named_by_the_environment(host, toy_params, tmp_path):
    program = tmp_path / "other"
    program.write_text("""#!/bin/sh\necho '{"Finished": ["other"]}'\n""")
    program.chmod(0o755)
    assert host.ask("agent/run", toy_params("", env={"TOY_PROGRAM": str(program)}))["output"] == "other"


def test_program_sees_its_variables_the_context_and_nothing_else(host, toy_params, monkeypatch, tmp_path):
    monkeypatch.setenv("TOY_KEY", "secret")
    monkeypatch.setenv("UNLISTED", "do not leak")
    script = 'env > seen; cat "$ANIMUS_CONTEXT_FILE" > context; ' + _FINISHED
    env = {"ANIMUS_RUN_ID": "wf-1", "DECLARED": "yes"}
    host.ask("agent/run", toy_params(script, context={"subject": 1}, env=env, unknown_extra=7))
    seen = dict(line.split("=", 1) for line in (tmp_path / "seen").read_text().splitlines() if "=" in line)
    assert (seen["TOY_KEY"], seen["DECLARED"], seen.get("UNLISTED")) == ("secret", "yes", None)
    document = json.loads((tmp_path / "context").read_text())
    assert document == {"subject": 1, "agent_request": {"session_id": "s1", "unknown_extra": 7}}
    folder = Path(seen["ANIMUS_CONTEXT_FILE"]).parent
    assert folder.parent == tmp_path / "state" / "runs" / "wf-1"
    assert not folder.exists()


def test_health_names_what_is_missing(start_host, tmp_path):
    assert start_host().ask("health/check")["status"] == "unhealthy"  # sh prints no version
    program = tmp_path / "toy"
    program.write_text("#!/bin/sh\necho 1.2.3\n")
    program.chmod(0o755)
    healthy = start_host(program=str(program)).ask("health/check")
    assert (healthy["status"], healthy.get("last_error")) == ("healthy", None)
    degraded = start_host(program=str(program), find_credentials=lambda environment: "no key").ask("health/check")
    assert (degraded["status"], degraded["last_error"]) == ("degraded", "no key")


def test_session_that_runs_already_is_refused(host, toy_params):
    run = host.start("agent/run", toy_params("""echo '{"Text": ["up"]}'; sleep 600"""))
    host.note("agent/output")
    assert "running already" in host.fault("agent/run", toy_params(_FINISHED))["message"]
    host.send({"method": "$/cancelRequest", "params": {"id": run}})
    assert host.answer(run)["error"]["code"] == -32002


def test_events_that_hosts_are_not_told_have_no_note():
    assert note_of(ProgramInput(b"x"), "s1") is None
    assert note_of(Text("x"), "s1")[0] == "agent/output"
