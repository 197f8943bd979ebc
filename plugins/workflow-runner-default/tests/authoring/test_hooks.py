"""Hooks of an agent: what may be written, and what is refused with its place."""

import pytest

from animus_workflow_runner_default.authoring.hooks import event_name
from animus_workflow_runner_default.authoring.model import Hooks, InputMatcher, PolicyRule, ToolObserver

FLOW = "workflows: [{id: w, phases: [p]}]\nphases: {p: {mode: agent, agent: a}}\n"
FULL = """
agents:
  a:
    tool: claude
    hooks:
      policy_rules:
        - id: no-push
          events: [PreToolUse]
          tools: [Bash]
          input_matchers: [{field: command, regex: '\\bgit\\s+push\\b'}]
          decision: deny
          reason: pushing is not your work
        - {decision: ask, tools: [Write]}
      observers:
        - {id: audit, events: [pre_tool_use, PostToolUse], tools: ["mcp__*"], action: record}
"""


def test_hooks_of_an_agent_are_compiled(load_text):
    loaded = load_text(FULL + FLOW, with_phases=False)
    assert [item for item in loaded.diagnostics if item.severity == "error"] == []
    push = InputMatcher(field="command", regex=r"\bgit\s+push\b")
    assert loaded.config.agents["a"].hooks == Hooks(
        policy_rules=[
            PolicyRule(
                id="no-push",
                events=["PreToolUse"],
                tools=["Bash"],
                input_matchers=[push],
                decision="deny",
                reason="pushing is not your work",
            ),
            PolicyRule(decision="ask", tools=["Write"]),
        ],
        observers=[ToolObserver(id="audit", events=["pre_tool_use", "PostToolUse"], tools=["mcp__*"])],
    )


def test_no_hooks_may_be_written_as_no_hooks(errors_of):
    assert errors_of("agents: {a: {tool: claude, hooks: {}}}\n" + FLOW, with_phases=False) == []


@pytest.mark.parametrize(
    ("hooks", "place", "message"),
    [
        ("policy_rules: [{decision: block}]", "block", "'decision' takes 'allow', 'ask', 'defer', 'deny'"),
        ("policy_rules: [{tools: [Bash]}]", "{tools", "needs the key 'decision'"),
        ("policy_rules: [{decision: deny, tool: Bash}]", "tool:", "did you mean 'tools'?"),
        ("policy_rules: [{decision: deny, events: [PreToolUsed]}]", "PreToolUsed", "did you mean 'pre_tool_use'?"),
        ("policy_rules: [{decision: deny, events: [post_tool_use]}]", "post_tool_use", "decides before a tool is used"),
        (
            "policy_rules: [{decision: deny, input_matchers: [{field: a, regex: '('}]}]",
            "'('",
            "not a regular expression",
        ),
        ("policy_rules: [{decision: deny, tools: ['Bash(rm *)']}]", "'Bash", "looked at by 'input_matchers'"),
        ("observers: [{events: [session_end], tools: ['Bash(x)']}]", "'Bash", "looked at by 'input_matchers'"),
        ("observers: [{events: []}]", "[]", "a list that is not empty"),
        ("observers: [{events: [stop]}]", "stop", "unknown event 'stop'"),
        ("observers: [{events: [session_end], action: post}]", "post}", "'action' takes 'record'"),
        ("rules: []", "rules", "unknown hooks key 'rules'"),
    ],
)
def test_hook_that_means_nothing_is_refused_where_it_stands(errors_of, hooks, place, message):
    line = f"agents: {{a: {{tool: claude, hooks: {{{hooks}}}}}}}"
    (found,) = errors_of(f"{line}\n{FLOW}", with_phases=False)[:1]
    assert found.startswith(f"flow.yaml:1:{line.rindex(place) + 1}: ")
    assert message in found


def test_workflow_with_a_wrong_hook_does_not_run_open(load_text):
    loaded = load_text(
        "agents: {a: {tool: claude, hooks: {policy_rules: [{decision: no}]}}}\n" + FLOW, with_phases=False
    )
    assert "w" in loaded.config.disabled


@pytest.mark.parametrize(
    ("written", "name"),
    [("PreToolUse", "pre_tool_use"), ("post_tool_use", "post_tool_use"), ("SessionEnd", "session_end")],
)
def test_events_may_be_written_in_two_ways(written, name):
    assert event_name(written) == name
