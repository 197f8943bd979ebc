"""Rules about tool calls, kept by the real Claude Code program."""

import json
import sys
from pathlib import Path

import pytest

from animus_scripted_api import CallTool, Conversation, Say

pytestmark = pytest.mark.ci

_MAKE = CallTool("Bash", {"command": "echo made > made.txt"})


def rule(decision, *tools, **more):
    matchers = [{"field": field, "regex": regex} for field, regex in more.items()]
    return {"id": f"{decision}-it", "decision": decision, "tools": list(tools), "input_matchers": matchers}


def test_rule_denies_the_call_it_is_about_and_no_other(start, params, work):
    calls = [CallTool("Bash", {"command": command}) for command in ("touch kept.txt", "rm -rf kept.txt")]
    host, api = start(*calls, Say("Done."))
    rules = [rule("deny", "Bash", command=r"\brm\b") | {"reason": "nothing is removed here"}]
    result = host.ask("agent/run", params(tools={"rules": rules}))
    assert (work / "kept.txt").exists()
    assert [answer["success"] for answer in result["tool_results"]] == [True, False]
    assert "nothing is removed here" in api.requests[2].last_text
    assert any("deny-it" in note["message"] for note in host.notes("agent/error"))


def test_rule_is_about_tools_that_the_program_never_asks_for(start, params, work):
    (work / "secret.txt").write_text("MARK-SECRET")
    host, api = start(CallTool("Read", {"file_path": str(work / "secret.txt")}), Say("Done."))
    rules = [rule("deny", "Read", file_path="secret")]
    result = host.ask("agent/run", params(tools={"rules": rules}))
    assert [answer["success"] for answer in result["tool_results"]] == [False]
    assert all("MARK-SECRET" not in request.text for request in api.requests)


@pytest.mark.parametrize("decision", ["allow", "deny"])
def test_rule_that_asks_waits_for_a_person_though_no_approvals_are_asked_for(start, params, work, decision):
    host, _ = start(_MAKE, Say("Done."))
    run = host.start("agent/run", params(tools={"rules": [rule("ask", "Bash")], "ask_timeout_secs": 60}))
    asked = host.next_note("agent/interactionRequested")
    assert (asked["kind"], asked["payload"]["tool_name"], asked["payload"]["rule"]) == ("approval", "Bash", "ask-it")
    assert asked["payload"]["arguments"]["command"] == "echo made > made.txt"
    assert not (work / "made.txt").exists()
    answer = {"interaction_id": asked["interaction_id"], "session_id": "s1", "response": {"decision": decision}}
    assert host.ask("agent/respond", answer) == {"accepted": True}
    assert host.answer(run)["result"]["output"] == "Done."
    assert (work / "made.txt").exists() == (decision == "allow")


def test_question_of_a_rule_that_nobody_answers_is_denied(start, params, work):
    host, _ = start(_MAKE, Say("Done."))
    host.ask("agent/run", params(tools={"rules": [rule("ask", "Bash")], "ask_timeout_secs": 0.5}))
    assert not (work / "made.txt").exists()


def test_rule_that_allows_spares_the_question_where_nobody_can_be_asked(start, params, work):
    calls = [CallTool("Bash", {"command": command}) for command in ("echo made > made.txt", "echo no > other.txt")]
    host, _ = start(*calls, Say("Done."))
    rules = [rule("allow", "Bash", command=r"made\.txt")]
    host.ask("agent/run", params(tools={"rules": rules}, approvals={"policy": "deny"}))
    assert ((work / "made.txt").exists(), (work / "other.txt").exists()) == (True, False)


def test_rule_that_allows_opens_nothing_that_the_tool_policy_closes(start, params, work):
    host, _ = start(_MAKE, Say("Done."))
    host.ask("agent/run", params(tools={"deny": ["Bash"], "rules": [rule("allow", "Bash")]}))
    assert not (work / "made.txt").exists()


@pytest.mark.parametrize("place", ["project", "user"])
def test_settings_that_turn_hooks_off_do_not_turn_rules_off(start, params, work, tmp_path, place):
    folder = work / ".claude" if place == "project" else tmp_path / "home" / ".claude"
    folder.mkdir()
    (folder / "settings.json").write_text(json.dumps({"disableAllHooks": True}))
    host, _ = start(CallTool("Bash", {"command": "rm -rf precious.txt"}), Say("Done."))
    (work / "precious.txt").write_text("x")
    host.answer(host.start("agent/run", params(tools={"rules": [rule("deny", "Bash", command="rm")]})))
    assert (work / "precious.txt").exists()


def test_session_that_is_resumed_keeps_to_its_rules(start, params, work):
    host, _ = start(Say("First."), _MAKE, Say("Done."))
    tools = {"rules": [rule("deny", "Bash")]}
    first = host.ask("agent/run", params(tools=tools))
    again = params(prompt="go on", session_id=first["resume_id"], control_session_id="s1", tools=tools)
    assert host.ask("agent/resume", again)["output"] == "Done."
    assert not (work / "made.txt").exists()


def test_structured_answer_needs_no_leave_of_a_rule(start, params):
    schema = {"type": "object", "properties": {"verdict": {"type": "string"}}, "required": ["verdict"]}
    host, _ = start(CallTool("StructuredOutput", {"verdict": "advance"}))
    result = host.ask("agent/run", params(response_schema=schema, tools={"rules": [rule("deny", "Bash")]}))
    assert result["decision_verdict"] == {"verdict": "advance"}


def test_tools_of_a_server_that_are_left_out_of_a_rule_work(start, params):
    server = Path(__file__).parent / "programs" / "mcp_server.py"
    calls = [CallTool(name, {}, server="hub") for name in ("issue_get", "issue_delete")]
    host, api = start(*calls, Say("Done."))
    rules = [rule("deny", "mcp__hub__*") | {"except_tools": ["mcp__hub__issue_get*"]}]
    servers = {"hub": {"command": sys.executable, "args": [str(server)]}}
    host.ask("agent/run", params(tools={"rules": rules}, mcp_servers=servers))
    assert "MARK issue.get" in api.requests[1].last_text
    assert all("MARK issue.delete" not in request.text for request in api.requests)


def test_helper_of_the_agent_is_held_to_the_rules_too(start, params, work):
    (work / "precious.txt").write_text("x")
    helper = {"description": "tidy", "prompt": "MARK-HELPER", "subagent_type": "general-purpose"}

    def turn(request):
        """The helper's requests go under the agent's session; its first words tell them apart."""
        first, *more = request.json["messages"]
        if "MARK-HELPER" in json.dumps(first):
            return Say("Tidied.") if more else CallTool("Bash", {"command": "rm -f precious.txt"})
        return Say("Done.") if more else CallTool("Agent", helper)

    host, _ = start(Conversation([turn], repeat_last=True))
    host.ask("agent/run", params(tools={"rules": [rule("deny", "Bash", command="rm")]}))
    assert (work / "precious.txt").exists()
    assert any("Bash was denied by rule" in note["message"] for note in host.notes("agent/error"))
