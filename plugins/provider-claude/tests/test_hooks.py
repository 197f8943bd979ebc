"""What the program is told of the rules of a run, and what follows from its words."""

import json
import re

import pytest

from animus_agent_cli.conversation import Answer
from animus_agent_cli.event import Breach, InteractionRequested, Problem, ProgramInput
from animus_agent_cli.request import ToolPolicy, UnsupportedError
from animus_agent_cli.tool_rules import InputMatcher, ToolRule, ToolRules
from animus_provider_claude.conversation import ClaudeConversation

_TAKEN = {"subtype": "success", "request_id": "animus-hooks", "response": {"hook_on_failure_supported": True}}


@pytest.fixture
def converse(request_of):
    def converse(decision="deny", *tools, **more):
        rules = ToolRules((ToolRule("r", decision, tools, (InputMatcher("command", re.compile("x")),)),), 60)
        return ClaudeConversation(request_of(**({"rules": rules} | more)))

    return converse


def called(tool="Bash", command="x", call_id="t1"):
    given = {"tool_name": tool, "tool_input": {"command": command}, "tool_use_id": call_id}
    request = {"subtype": "hook_callback", "callback_id": "animus-rules", "input": given, "tool_use_id": call_id}
    return {"type": "control_request", "request_id": "h1", "request": request}


def decision_in(data):
    output = json.loads(data)["response"]["response"]
    return output.get("hookSpecificOutput", {}).get("permissionDecision")


def test_program_is_told_of_the_hook_before_it_is_told_what_to_do(converse):
    conversation = converse()
    first = json.loads(conversation.command.input)
    (hook,) = first["request"]["hooks"]["PreToolUse"]
    assert (first["request"]["subtype"], hook["onFailure"], hook["matcher"]) == ("initialize", "block", None)
    (event,) = conversation.read({"type": "control_response", "response": _TAKEN})
    assert isinstance(event, ProgramInput)
    assert json.loads(event.data)["message"]["content"] == "do it"


@pytest.mark.parametrize(
    "changed",
    [
        {"subtype": "error", "error": "unknown"},
        {"response": {}},
        {"response": {"hook_on_failure_supported": True, "hooks_applied": False}},
    ],
)
def test_program_that_cannot_be_held_to_rules_is_never_told_what_to_do(converse, changed):
    (event,) = converse().read({"type": "control_response", "response": _TAKEN | changed})
    assert isinstance(event, Breach)


def test_run_without_rules_needs_no_hook(request_of):
    conversation = ClaudeConversation(request_of())
    assert json.loads(conversation.command.input)["type"] == "user"
    assert list(conversation.read({"type": "control_response", "response": _TAKEN})) == []


def test_call_that_a_rule_denies_is_stopped_and_told(converse):
    told, reply = converse("deny", "Bash").read(called())
    assert isinstance(told, Problem)
    assert decision_in(reply.data) == "deny"


@pytest.mark.parametrize(("tool", "command"), [("Read", "x"), ("Bash", "other")])
def test_call_that_no_rule_is_about_goes_its_usual_way(converse, tool, command):
    (reply,) = converse("deny", "Bash").read(called(tool, command))
    assert decision_in(reply.data) is None


def test_renamed_tool_is_known_by_both_names(converse):
    _, reply = converse("deny", "Task").read(called("Agent"))
    assert decision_in(reply.data) == "deny"


@pytest.mark.parametrize(("is_allowed", "decision"), [(True, "allow"), (False, "deny")])
def test_person_that_a_rule_asks_decides(converse, is_allowed, decision):
    conversation = converse("ask")
    (asked,) = conversation.read(called())
    assert isinstance(asked, InteractionRequested)
    assert (asked.rule_seconds, asked.payload["rule"]) == (60, "r")
    assert decision_in(conversation.answer("h1", Answer(is_allowed=is_allowed))) == decision


@pytest.mark.parametrize(
    ("more", "decision"),
    [
        ({}, "allow"),
        ({"permission_mode": "acceptEdits"}, "allow"),
        ({"permission_mode": "plan"}, None),
        ({"tools": ToolPolicy(deny=("Bash",))}, None),
        ({"tools": ToolPolicy(allow=("Bash(git *)",))}, None),
    ],
)
def test_rule_that_allows_opens_nothing_that_is_closed(converse, more, decision):
    (reply,) = converse("allow", **more).read(called())
    assert decision_in(reply.data) == decision


def test_nobody_is_asked_about_what_the_tool_policy_closes(converse):
    (reply,) = converse("ask", tools=ToolPolicy(deny=("Bash",))).read(called())
    assert decision_in(reply.data) is None


@pytest.mark.parametrize("more", [{"permission_mode": "plan"}, {"tools": ToolPolicy(allow=("Bash(git *)",))}])
def test_person_opens_nothing_that_is_closed(converse, more):
    conversation = converse("ask", **more)
    (asked,) = conversation.read(called())
    assert isinstance(asked, InteractionRequested)
    assert decision_in(conversation.answer("h1", Answer(is_allowed=True))) is None


def test_question_to_a_person_is_not_asked_about(converse):
    (reply,) = converse("ask").read(called("AskUserQuestion"))
    assert decision_in(reply.data) is None


def result_of(call_id, name="Bash", *, is_error=False):
    use = {"type": "tool_use", "id": call_id, "name": name, "input": {}}
    answer = {"type": "tool_result", "tool_use_id": call_id, "content": "out", "is_error": is_error}
    return [
        {"type": "assistant", "message": {"id": "m", "content": [use]}},
        {"type": "user", "message": {"content": [answer]}},
    ]


@pytest.mark.parametrize(
    ("lines", "is_breach"),
    [
        (result_of("t1"), False),
        (result_of("t2"), True),
        (result_of("t2", is_error=True), False),
        (result_of("t2", "StructuredOutput"), False),
    ],
)
def test_tool_that_worked_without_the_hook_is_a_breach(converse, lines, is_breach):
    conversation = converse()
    list(conversation.read(called(command="other", call_id="t1")))
    events = [event for line in lines for event in conversation.read(line)]
    assert any(isinstance(event, Breach) for event in events) is is_breach


def test_call_that_cannot_be_judged_is_not_let_through(converse, monkeypatch):
    def broken(*_args):
        raise RuntimeError("broken")

    conversation = converse("allow")
    monkeypatch.setattr(ToolRules, "judge", broken)
    *_, reply = conversation.read(called())
    assert decision_in(reply.data) == "deny"


def test_arguments_that_would_decide_about_tool_calls_are_refused(converse):
    with pytest.raises(UnsupportedError, match="leave one out"):
        converse(extra_args=("--settings={}",))
