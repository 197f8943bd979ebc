"""Hooks of an agent at work: what its provider is told, who answers, what is recorded."""

import asyncio
import json
from pathlib import Path

import pytest

from animus_workflow_runner_default.phases import observation
from animus_workflow_runner_default.phases.agent_state import Response
from animus_workflow_runner_default.phases.observation import LOST
from animus_workflow_runner_default.phases.redaction import Redactor

AGENT = """
agents: {a: {tool: one, {KEYS}}}
phases: {p: {mode: agent, agent: a, directive: work}}
"""
RULE = "policy_rules: [{id: r, tools: [Bash], input_matchers: [{field: command, regex: rm}], decision: DECISION}]"
WIRE = {"id": "r", "tools": ["Bash"], "input_matchers": [{"field": "command", "regex": "rm"}]}


def define(bench, keys):
    bench.define(AGENT.replace("{KEYS}", keys))


def tools_of(bench, keys):
    define(bench, keys)
    _, agent = bench.run("done")
    return agent.asked[0].tools


def test_provider_is_told_the_rules_beside_the_tool_policy(bench):
    hooks = f"tool_policy: {{deny: [Write]}}, hooks: {{{RULE.replace('DECISION', 'deny, reason: no')}}}"
    assert tools_of(bench, hooks) == {
        "allow": [],
        "deny": ["Write"],
        "rules": [WIRE | {"decision": "deny", "reason": "no"}],
        "ask_timeout_secs": 630,
    }


def test_what_is_never_approved_is_a_rule_that_no_other_spares(bench):
    keys = f"approval_policy: {{auto_deny: [Bash], timeout_secs: 5}}, hooks: {{{RULE.replace('DECISION', 'allow')}}}"
    tools = tools_of(bench, keys)
    assert tools["rules"][-1] == {"id": "approval_policy.auto_deny", "tools": ["Bash"], "decision": "deny"}
    assert tools["ask_timeout_secs"] == 35


def test_rule_without_an_id_goes_by_its_place(bench):
    tools = tools_of(bench, "hooks: {policy_rules: [{decision: defer}, {decision: ask}]}")
    assert [rule["id"] for rule in tools["rules"]] == ["policy_rules 1", "policy_rules 2"]


def test_observers_alone_restrict_nothing(bench):
    assert tools_of(bench, "hooks: {observers: [{events: [pre_tool_use]}]}") == {"observe": True}


def test_tools_of_a_server_are_the_only_ones_of_it(bench):
    text = AGENT.replace("{KEYS}", "mcp_servers: [git.hub, open]")
    bench.define(text + "mcp_servers: {git.hub: {command: x, tools: [issue.get, 'pr_*_list']}, open: {command: y}}\n")
    _, agent = bench.run("done")
    (rule,) = agent.asked[0].tools["rules"]
    assert (rule["id"], rule["decision"]) == ("mcp_servers.git.hub.tools", "deny")
    assert rule["tools"] == ["mcp__git.hub__*", "mcp__git_hub__*"]
    assert rule["except_tools"] == [
        "mcp__git.hub__issue.get*",
        "mcp__git_hub__issue_get*",
        "mcp__git.hub__pr_*_list",
        "mcp__git_hub__pr_*_list",
    ]


def test_empty_hooks_say_nothing(bench):
    assert tools_of(bench, "hooks: {}") is None


@pytest.mark.parametrize(
    "policy", ["", "approval_policy: {default: allow}, ", "approval_policy: {auto_allow: [Bash]}, "]
)
def test_rule_that_asks_means_a_person_whatever_the_policy_says(bench, policy):
    define(bench, policy + f"hooks: {{{RULE.replace('DECISION', 'ask')}}}")

    async def step(_request, listener, agent):
        listener.ask("q1", "approval", {"tool_name": "Bash", "rule": "r"}, None)
        await bench_answers(bench)
        await agent.answered.wait()
        return "done"

    bench.run(step)
    (asked,) = bench.kept.interactions
    assert (asked.status, asked.answered_by) == ("answered", "somebody")


async def bench_answers(bench):
    """A person allows what waits."""
    while not bench.kept.pending:  # noqa: ASYNC110 - what is waited for is in the journal, and nothing tells of it
        await asyncio.sleep(0)
    await bench.book.answer(None, Response(decision="allow"), "somebody")


def working(*events):
    async def step(_request, listener, _agent):
        listener.begin_session("mine")
        for event, facts in events:
            listener.observe(event, facts)
        return "done"

    return step


CALL = ("pre_tool_use", {"name": "Bash", "input": {"command": "echo s3cret"}})
RESULT = ("post_tool_use", {"name": "Bash", "output": "s3cret", "success": True})
READ = ("pre_tool_use", {"name": "Read", "input": {"file_path": "x"}})


def records(outcome):
    text = Path(outcome.metadata["hook_records"]["file"]).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_observers_record_what_they_are_about(bench):
    define(
        bench,
        "hooks: {observers: [{id: audit, events: [PreToolUse, post_tool_use], tools: [Ba*]}, "
        "{events: [session_start, session_end]}]}",
    )
    context = bench.work().context._replace(redactor=Redactor(["s3cret"]))
    outcome, _ = bench.run(working(CALL, READ, RESULT), context=context)
    lines = records(outcome)
    assert [(line["observer"], line["event"], line.get("name")) for line in lines] == [
        ("observers 2", "session_start", None),
        ("audit", "pre_tool_use", "Bash"),
        ("audit", "post_tool_use", "Bash"),
        ("observers 2", "session_end", None),
    ]
    assert lines[1]["input"] == {"command": "echo [secret]"}
    assert outcome.metadata["hook_records"]["count"] == 4
    assert {line["session"] for line in lines} == {"r.p.1.1"}


def test_what_did_not_arrive_is_recorded_as_lost(bench):
    define(bench, "hooks: {observers: [{events: [pre_tool_use], tools: [Bash]}]}")
    outcome, _ = bench.run(working((LOST, {"count": 3})))
    assert [(line["event"], line["count"]) for line in records(outcome)] == [("lost", 3)]


def test_records_are_bounded(bench, monkeypatch):
    monkeypatch.setattr(observation, "MAX_RECORDS", 2)
    define(bench, "hooks: {observers: [{events: [pre_tool_use]}]}")
    long = ("pre_tool_use", {"name": "Bash", "input": {"command": "x" * 100_000}})
    outcome, _ = bench.run(working(long, CALL, CALL, CALL))
    assert outcome.metadata["hook_records"] | {"file": ""} == {"file": "", "count": 2, "left_out": 2}
    assert records(outcome)[0]["input"].startswith("(cut, 100")


def test_agent_without_observers_leaves_no_record(bench, tmp_path):
    define(bench, "tool_policy: {deny: [Write]}")
    outcome, _ = bench.run(working(CALL))
    assert "hook_records" not in outcome.metadata
    assert not list(tmp_path.rglob("*hooks.jsonl"))
