"""The plugin around the real Claude Code program, whose model is a scripted server."""

import json
import os
import time
from pathlib import Path

import pytest

from animus_process import ProcessLedger
from animus_scripted_api import CallTool, Drop, Fail, Junk, Say, Stall, Think, Truncate

pytestmark = pytest.mark.ci

_GONE_SECONDS = 60
_QUESTION = {
    "question": "Which one?",
    "header": "Pick",
    "options": [{"label": "A", "description": "a"}, {"label": "B", "description": "b"}],
    "multiSelect": False,
}
_SCHEMA = {"type": "object", "properties": {"verdict": {"type": "string"}}, "required": ["verdict"]}
_MAKE = CallTool("shell", {"command": "echo made by a tool > made.txt"})


def marked(run_id: str) -> list[str]:
    """The processes whose environment says that they work for a run."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and f"ANIMUS_RUN_ID={run_id}".encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return found


def test_answer_is_told_and_paid_for(start, params):
    host, api = start([Think("hm"), Say("Hello there.")])
    result = host.ask("agent/run", params(system_prompt="MARK-SYSTEM"))
    assert (result["output"], result["exit_code"]) == ("Hello there.", 0)
    assert (result["thinking"], host.said()) == (["hm"], "Hello there.")
    assert (result["tokens_used"]["input"], result["model"]) == (100, "claude-sonnet-4-5")
    assert result["cost_usd"] > 0
    assert "MARK-SYSTEM" in api.requests[0].text
    assert api.problems == []


def test_tool_writes_a_real_file_and_leaves_nothing_else(start, params, work, state_dir, run_id):
    host, _ = start(_MAKE, Say("Done."))
    result = host.ask("agent/run", params())
    assert (work / "made.txt").read_text() == "made by a tool\n"
    assert [call["name"] for call in result["tool_calls"]] == ["Bash"]
    assert [answer["success"] for answer in result["tool_results"]] == [True]
    assert list(work.iterdir()) == [work / "made.txt"]
    assert list((state_dir / "processes").iterdir()) == []
    assert list((state_dir / "runs" / run_id).iterdir()) == []
    assert marked(run_id) == []


def test_cancel_in_the_middle_of_a_tool_call_leaves_no_survivor(start, params, state_dir, run_id):
    command = "(setsid sleep 300 >/dev/null 2>&1 &); sleep 301"
    host, _ = start(CallTool("shell", {"command": command}), Say("never"))
    run = host.start("agent/run", params())
    host.next_note("agent/toolCall")
    deadline = time.monotonic() + 60
    while len([line for line in marked(run_id) if "sleep 30" in line and "claude" not in line]) < 2:
        assert time.monotonic() < deadline, marked(run_id)
        time.sleep(0.02)
    asked = time.monotonic()
    assert host.ask("agent/cancel", {"session_id": "s1"})["cancelled"] is True
    error = host.answer(run)["error"]
    assert time.monotonic() - asked < _GONE_SECONDS
    assert marked(run_id) == []
    assert (error["code"], error["data"]["category"]) == (-32002, "cancelled")
    assert error["data"]["resume_id"]
    assert list((state_dir / "processes").iterdir()) == []


def test_rate_limit_is_waited_for_and_then_it_goes_on(start, params):
    host, api = start(Fail(429, retry_after=0), Say("Hello there."))
    result = host.ask("agent/run", params())
    assert result["output"] == "Hello there."
    assert "rate_limit, HTTP 429" in result["errors"][0]
    assert len(api.requests) == 2


def test_rate_limit_that_lasts_is_exhaustion(start, params):
    host, _ = start(Fail(429, retry_after=3600))
    error = host.fault("agent/run", params())
    assert (error["data"]["failure"], error["data"]["category"]) == ("provider_exhaustion", "run_failed")


def test_key_that_is_not_accepted_is_a_matter_of_login(start, params):
    host, _ = start(Fail(401), Fail(401), CLAUDE_CODE_MAX_RETRIES="1")
    error = host.fault("agent/run", params())
    assert (error["data"]["failure"], error["data"]["category"]) == ("auth", "unavailable")


def test_overload_passes(start, params):
    host, _ = start(Fail(529), CLAUDE_CODE_MAX_RETRIES="0")
    assert host.fault("agent/run", params())["data"]["failure"] == "transient"


def test_model_that_is_not_there_is_said(start, params):
    host, _ = start(Fail(404), Fail(404))
    assert host.fault("agent/run", params(model="nope-1"))["data"]["category"] == "model_not_supported"


def test_model_that_stalls_runs_into_the_time_limit(start, params, run_id):
    host, _ = start(Stall(300), Stall(300))
    for limit in (3, 20):  # a loaded machine may need more than the first to begin a session
        error = host.fault("agent/run", params(timeout_secs=limit))
        assert error["code"] == -32003
        if error["data"].get("resume_id"):
            break
    assert error["data"]["resume_id"]
    assert marked(run_id) == []


@pytest.mark.parametrize(
    "broken", [[Say("cut he"), Truncate(200)], [Say("x"), Drop()], [Junk("<html>no model</html>")]]
)
def test_answer_that_breaks_off_is_asked_for_again(start, params, broken):
    host, _ = start(broken, Say("whole"), Say("whole"))
    assert host.ask("agent/run", params())["output"] == "whole"


def test_session_is_taken_up_again_in_another_process(start, params):
    host, api = start(Say("first answer"), Say("second answer"))
    first = host.ask("agent/run", params(prompt="MARK-FIRST"))
    again = params(prompt="go on", session_id=first["resume_id"], control_session_id="s2")
    second = host.ask("agent/resume", again)
    assert (second["output"], second["session_id"], second["resume_id"]) == ("second answer", "s2", first["resume_id"])
    assert "MARK-FIRST" in api.requests[1].text
    assert "first answer" in api.requests[1].text
    assert second["cost_usd"] == pytest.approx(first["cost_usd"])


def test_session_is_taken_up_after_the_plugin_was_killed(start, params, state_dir, run_id):
    # When the tool is ended, the program may ask its model once more before it ends itself.
    turns = (CallTool("shell", {"command": "sleep 300"}), Say("after the kill"), Say("after the kill"))
    host, api = start(*turns)
    other, _ = start(ANTHROPIC_BASE_URL=api.url)
    host.start("agent/run", params(prompt="MARK-FIRST", timeout_secs=300))
    resume_id = host.next_note("agent/sessionStarted")["resume_id"]
    host.next_note("agent/toolCall")
    host.process.kill()
    host.process.wait(_GONE_SECONDS)
    assert len(ProcessLedger(state_dir / "processes").sweep()) == 1
    assert marked(run_id) == []
    again = params(prompt="go on", session_id=resume_id, control_session_id="s1")
    result = other.ask("agent/resume", again)
    assert result["output"] == "after the kill"
    assert "MARK-FIRST" in api.requests[-1].text


def test_session_that_is_not_there_is_said(start, params):
    host, _ = start(Say("never"))
    unknown = "00000000-0000-4000-8000-000000000000"
    error = host.fault("agent/resume", params(session_id=unknown, control_session_id="s1"))
    assert error["data"]["category"] == "session_start_failed"


@pytest.mark.parametrize(("decision", "is_made"), [("allow", True), ("deny", False)])
def test_person_decides_about_a_tool_call(start, params, work, decision, is_made):
    host, api = start(_MAKE, Say("Done."))
    run = host.start("agent/run", params(approvals={"policy": "ask", "timeout_secs": 60}))
    asked = host.next_note("agent/interactionRequested")
    assert (asked["kind"], asked["payload"]["tool_name"]) == ("approval", "Bash")
    assert not (work / "made.txt").exists()
    response = {"decision": decision, "message": "MARK-REASON"}
    answer = {"interaction_id": asked["interaction_id"], "session_id": "s1", "response": response}
    assert host.ask("agent/respond", answer) == {"accepted": True}
    assert host.answer(run)["result"]["output"] == "Done."
    assert (work / "made.txt").exists() is is_made
    assert ("MARK-REASON" in api.requests[1].last_text) is not is_made


def test_nobody_who_decides_is_a_denial(start, params, work):
    host, _ = start(_MAKE, Say("Done."))
    result = host.ask("agent/run", params(approvals={"policy": "ask", "timeout_secs": 1}))
    assert (result["output"], (work / "made.txt").exists()) == ("Done.", False)


def test_policy_denies_without_asking(start, params, work):
    host, _ = start(_MAKE, Say("Done."))
    host.ask("agent/run", params(approvals={"policy": "deny"}))
    assert not (work / "made.txt").exists()
    assert host.notes("agent/interactionRequested") == []


def test_question_is_answered_by_a_person(start, params):
    host, api = start(CallTool("AskUserQuestion", {"questions": [_QUESTION]}), Say("Done."))
    run = host.start("agent/run", params(approvals={"policy": "ask", "timeout_secs": 60}))
    asked = host.next_note("agent/interactionRequested")
    assert (asked["kind"], asked["payload"]["options"]) == ("question", ["A", "B"])
    answer = {"interaction_id": asked["interaction_id"], "session_id": "s1", "response": {"answer": "B"}}
    assert host.ask("agent/respond", answer) == {"accepted": True}
    assert host.answer(run)["result"]["output"] == "Done."
    assert '"Which one?"="B"' in api.requests[1].last_text


def test_tools_outside_the_policy_are_not_even_offered(start, params, work):
    host, api = start(CallTool("Bash", {"command": "touch made.txt"}), Say("Done."))
    result = host.ask("agent/run", params(tools={"allow": ["Read", "Grep"], "deny": ["Grep"]}))
    assert {tool["name"] for tool in api.requests[0].json["tools"]} == {"Read"}
    assert [answer["success"] for answer in result["tool_results"]] == [False]
    assert not (work / "made.txt").exists()


def test_rule_with_arguments_allows_these_and_nothing_else(start, params, work):
    calls = [CallTool("Bash", {"command": command}) for command in ("git init -q .", "touch made.txt")]
    host, _ = start(*calls, Say("Done."))
    result = host.ask("agent/run", params(tools={"allow": ["Bash(git init *)"], "deny": []}))
    assert [answer["success"] for answer in result["tool_results"]] == [True, False]
    assert ((work / ".git").exists(), (work / "made.txt").exists()) == (True, False)


def test_rules_that_a_project_brings_along_open_nothing(start, params, work):
    (work / ".claude").mkdir()
    rules = {"permissions": {"allow": ["Bash"], "defaultMode": "bypassPermissions"}}
    (work / ".claude" / "settings.json").write_text(json.dumps(rules))
    host, _ = start(_MAKE, Say("Done."))
    host.ask("agent/run", params(approvals={"policy": "deny"}))
    assert not (work / "made.txt").exists()


def test_tool_that_is_allowed_is_still_asked_about(start, params, work):
    host, _ = start(_MAKE, Say("Done."))
    tools = {"allow": ["Bash"], "deny": []}
    host.ask("agent/run", params(approvals={"policy": "deny"}, tools=tools))
    assert not (work / "made.txt").exists()


def test_structured_answer_is_the_decision(start, params):
    host, _ = start(CallTool("StructuredOutput", {"verdict": "advance"}))
    assert host.ask("agent/run", params(response_schema=_SCHEMA))["decision_verdict"] == {"verdict": "advance"}


def test_structured_answer_in_words_is_the_decision_too(start, params):
    words = Say('I am sure.\n```json\n{"verdict": "rework"}\n```')
    host, _ = start(words, words)
    assert host.ask("agent/run", params(response_schema=_SCHEMA))["decision_verdict"] == {"verdict": "rework"}


def test_turn_limit_is_said_and_the_session_goes_on(start, params):
    host, _ = start(_MAKE, Say("Done."), Say("Done."))
    error = host.fault("agent/run", params(extra_args=["--max-turns=1"]))
    assert error["data"]["limit"] == "turns"
    again = params(prompt="go on", session_id=error["data"]["resume_id"], control_session_id="s1")
    assert host.ask("agent/resume", again)["output"] == "Done."


def test_command_left_in_the_background_is_waited_for(start, params):
    late = CallTool("Bash", {"command": "sleep 1; echo MARK-LATE", "run_in_background": True})
    host, api = start(late, Say("I wait."), Say("It is over."))
    assert host.ask("agent/run", params())["output"] == "It is over."
    assert len(api.requests) == 3


def test_bypass_is_refused_for_root_and_nothing_runs(start, params):
    if os.geteuid() != 0:
        pytest.skip("only root is refused")
    host, api = start(Say("never"))
    error = host.fault("agent/run", params(permission_mode="bypassPermissions"))
    assert error["data"]["category"] == "session_start_failed"
    assert api.requests == []


@pytest.mark.parametrize("mode", [None, "bypassPermissions"])
def test_sandboxed_agent_works_without_its_key(start, params, work, mode):
    seen = CallTool("shell", {"command": "env > seen.txt; ls / > root.txt"})
    host, api = start(seen, Say("Done."))
    result = host.ask("agent/run", params(sandbox="bubblewrap", permission_mode=mode, system_prompt="MARK-SYSTEM"))
    assert result["output"] == "Done."
    assert "dummy-key" not in (work / "seen.txt").read_text()
    assert {request.api_key for request in api.requests} == {"dummy-key"}
    assert "MARK-SYSTEM" in api.requests[0].text
    again = params(sandbox="bubblewrap", session_id=result["resume_id"], control_session_id="s1")
    assert host.fault("agent/resume", again)["data"]["resume_id"] == result["resume_id"]  # the script is at its end


def test_sandbox_needs_a_key_to_keep_outside(start, params, work):
    host, api = start(Say("never"), ANTHROPIC_API_KEY="")
    error = host.fault("agent/run", params(sandbox="bubblewrap"))
    assert (error["data"]["failure"], "ANTHROPIC_API_KEY" in error["message"]) == ("target_unavailable", True)
    assert api.requests == []


def test_health_says_healthy_of_the_real_program(start):
    host, _ = start(Say("never"))
    assert host.ask("health/check")["status"] == "healthy"
