"""Rules about single tool calls: which fits, which decides, and who is held to them."""

import re

import pytest

from animus_agent_cli.parameters import rules_of, tools_of
from animus_agent_cli.request import ToolPolicy
from animus_agent_cli.tool_rules import MATCHED_CHARACTERS, InputMatcher, Judgement, ToolRule, ToolRules
from animus_plugin_protocol import RefusedError
from animus_plugin_protocol.wire.provider import AgentRunParams

_BREACH = """echo '{"Text": ["begun"], "Breach": ["it used Bash unasked"]}'; sleep 600"""


def matcher(field, pattern):
    return InputMatcher(field, re.compile(pattern))


def judge(*rules, names=("Bash",), arguments=None):
    return ToolRules(tuple(rules)).judge(names, {"command": "rm x"} if arguments is None else arguments)


@pytest.mark.parametrize(
    ("decisions", "decided"),
    [
        (["allow", "deny", "ask", "defer"], "deny"),
        (["allow", "ask", "defer"], "ask"),
        (["defer", "allow"], "allow"),
        (["defer"], None),
        ([], None),
    ],
)
def test_most_restrictive_rule_that_fits_decides(decisions, decided):
    found = judge(*(ToolRule(name, name) for name in decisions))
    assert (None if found is None else found.decision) == decided


def test_first_of_rules_as_strict_as_each_other_gives_the_reason():
    found = judge(ToolRule("a", "deny", reason="first"), ToolRule("b", "deny", reason="second"))
    assert found == Judgement("deny", "a", "first")
    assert found.words == "rule 'a': first"


@pytest.mark.parametrize(
    ("tools", "names", "fits"),
    [
        ((), ("Bash",), True),
        (("Ba*",), ("Bash",), True),
        (("Read",), ("Bash",), False),
        (("Bash",), ("shell", "Bash"), True),
    ],
)
def test_rule_is_about_the_tools_it_names_by_any_of_their_names(tools, names, fits):
    assert (judge(ToolRule("r", "deny", tools), names=names) is not None) is fits


@pytest.mark.parametrize(("name", "fits"), [("mcp__a__get_x", False), ("mcp__a__set_x", True), ("Bash", False)])
def test_rule_may_leave_tools_out(name, fits):
    rule = ToolRule("r", "deny", ("mcp__a__*",), excluded=("mcp__a__get_*",))
    assert (judge(rule, names=(name,)) is not None) is fits


@pytest.mark.parametrize(
    ("matchers", "fits"),
    [
        ((matcher("command", "^rm "),), True),
        ((matcher("command", "rm"), matcher("where.path", "^/etc")), True),
        ((matcher("command", "rm"), matcher("where.path", "^/usr")), False),
        ((matcher("where", "/etc/x"),), True),
        ((matcher("missing", ""),), False),
        ((matcher("command.deeper", ""),), False),
    ],
)
def test_every_matcher_of_a_rule_has_to_fit(matchers, fits):
    arguments = {"command": "rm x", "where": {"path": "/etc/x"}}
    assert (judge(ToolRule("r", "deny", (), matchers), arguments=arguments) is not None) is fits


@pytest.mark.parametrize(("decision", "fits"), [("deny", True), ("ask", True), ("allow", False)])
def test_input_that_is_too_long_to_look_through_is_taken_for_the_worst(decision, fits):
    rule = ToolRule("r", decision, (), (matcher("command", "no such words"),))
    found = judge(rule, arguments={"command": "x" * (MATCHED_CHARACTERS + 1)})
    assert (found is not None) is fits


def test_rules_are_read_beside_the_tool_policy():
    rule = {"id": "r", "decision": "ask", "tools": ["Bash"], "input_matchers": [{"field": "command", "regex": "rm"}]}
    asked = AgentRunParams(prompt="x", tools={"rules": [rule], "ask_timeout_secs": 5, "observe": True})
    found = rules_of(asked)
    assert found is not None
    assert (found.ask_seconds, found.rules[0].decision, found.rules[0].tools) == (5, "ask", ("Bash",))
    assert tools_of(asked) is None
    assert rules_of(AgentRunParams(prompt="x", tools={"allow": ["Read"]})) is None
    assert tools_of(AgentRunParams(prompt="x", tools={"allow": ["Read"]})) == ToolPolicy(("Read",))


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"id": "r", "decision": "maybe"}, "none of deny, ask, allow, defer"),
        ({"id": "r", "decision": "deny", "input_matchers": [{"field": "a", "regex": "("}]}, "not a regular expression"),
        ({"id": "r", "decision": "deny", "more": 1}, "tools must be"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused(rule, words):
    with pytest.raises(RefusedError, match=words):
        rules_of(AgentRunParams(prompt="x", tools={"rules": [rule]}))


def test_agent_that_cannot_be_held_to_rules_is_not_run(start_host, toy_params, tmp_path):
    tools = {"rules": [{"id": "r", "decision": "deny", "tools": ["Bash"]}]}
    error = start_host().fault("agent/run", toy_params(f"touch {tmp_path}/ran", tools=tools))
    assert error["data"]["category"] == "session_start_failed"
    assert "no way to be stopped at its tool calls" in error["message"]
    assert not (tmp_path / "ran").exists()


def test_agent_that_breaks_its_rules_is_ended_and_has_failed(start_host, toy_params):
    error = start_host(can_judge=True).fault("agent/run", toy_params(_BREACH))
    assert "it used Bash unasked" in error["message"]
    assert (error["code"], error["data"]["category"], error["data"]["failure"]) == (-32603, "run_failed", "unknown")


def test_somebody_is_asked_where_a_rule_wants_it_without_any_approval_policy(start_host, toy_params):
    script = """echo '{"InteractionRequested": ["i1", "approval", {"rule": "r"}, 60]}'; read -r word rest
        printf '{"Text": ["%s"]}\\n{"Finished": []}\\n' "$word" """
    host = start_host(can_judge=True)
    run = host.start("agent/run", toy_params(script))
    asked = host.note("agent/interactionRequested")
    assert (asked["payload"], asked["expires_at"] is not None) == ({"rule": "r"}, True)
    answer = {"interaction_id": "i1", "session_id": "s1", "response": {"decision": "allow"}}
    assert host.ask("agent/respond", answer) == {"accepted": True}
    assert host.answer(run)["result"]["output"] == "yes"
