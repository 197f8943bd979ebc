"""Agents of whole runs that write to each other, and one whose tool calls are recorded."""

import json
from pathlib import Path

import pytest

TALK = """
agent_channels: {design: {participants: [planner, builder], description: decisions}}
agents:
  planner: {tool: one, communication: {enabled: true, can_message: [builder]}}
  builder: {tool: one, communication: {enabled: true}}
  stranger: {tool: one}
phases:
  plan: {mode: agent, agent: planner, directive: Plan.}
  build: {mode: agent, agent: builder, directive: Build.}
  look: {mode: agent, agent: stranger, directive: Look.}
workflows: [{id: w, worktree: skip, phases: [plan, build, look]}]
"""
SAID = '{"kind": "agent_message", "channel": "design", "text": "use {{subject_id}} as it is"}'
ALONE = '{"kind": "agent_message", "to": "builder", "text": "be quick"}'
WRONG = '{"kind": "agent_message", "channel": "elsewhere", "text": "x"}'


@pytest.fixture
def talk(start_host, define, agent_reply):
    """Runs the workflow; each agent gives the next answer, the prompts are returned."""
    define(TALK)
    host = start_host(host_calls=True)

    def run(workflow_id, *answers):
        left, prompts = list(answers), []

        def answer(call):
            prompts.append(call["params"]["prompt"])
            return agent_reply(left.pop(0))

        host.on_host_call = answer
        return host.execute("w", workflow_id=workflow_id), prompts

    return host, run


def test_agents_read_what_others_wrote_and_only_those_that_may(talk):
    host, run = talk
    result, (planning, building, looking) = run("t1", f"I plan.\n{SAID}\n{ALONE}\n{WRONG}", "built", "seen")
    assert "Channel design (decisions; with planner, builder):\n(nothing yet)" in planning
    assert "- planner: use {{subject_id}} as it is" in building
    assert "To you alone:\n- planner: be quick" in building
    assert "Messages:" not in looking
    facts = result["phase_results"][0]["metadata"]["messages"]
    assert facts["posted"] == 2
    assert "may not write to the channel 'elsewhere'" in facts["refused"][0]
    kept = host.call("workflow/inspect", {"what": "channels"})["value"]["channels"]
    assert [(row["channel"], [said["text"] for said in row["messages"]]) for row in kept] == [
        ("design", ["use {{subject_id}} as it is"]),
        ("@builder", ["be quick"]),
    ]
    assert kept[0]["messages"][0]["source"] == "t1/plan/1"


def test_channel_belongs_to_the_project_not_to_the_run(talk):
    _, run = talk
    run("t1", SAID, "built", "seen")
    _, (planning, *_) = run("t2", "again", "built", "seen")
    assert "- planner: use {{subject_id}} as it is" in planning


def test_rendered_prompt_has_the_messages_too(talk):
    host, run = talk
    run("t1", SAID, "built", "seen")
    rendered = host.call("workflow/inspect", {"what": "prompt", "workflow_id": "t1", "phase_id": "build"})["value"]
    assert "- planner: use {{subject_id}} as it is" in rendered["prompt"]


WATCHED = """
agents:
  a:
    tool: one
    hooks:
      policy_rules: [{id: r, decision: deny, tools: [Bash]}]
      observers: [{id: audit, events: [pre_tool_use, post_tool_use]}]
phases: {p: {mode: agent, agent: a, directive: Work.}}
workflows: [{id: w, worktree: skip, phases: [p]}]
"""


def test_tool_calls_that_a_provider_tells_of_are_recorded(start_host, define, agent_reply):
    define(WATCHED)
    host = start_host(host_calls=True)
    sent = []

    def answer(call):
        sent.append(call["params"]["tools"])
        host.tell(call, "agent/toolCall", {"name": "Read", "arguments": {"file_path": "x"}, "server": None})
        host.tell(call, "agent/toolResult", {"name": "Read", "output": "text", "success": True})
        return agent_reply("done")

    host.on_host_call = answer
    result = host.execute("w", workflow_id="h1")
    assert sent == [
        {"rules": [{"id": "r", "decision": "deny", "tools": ["Bash"]}], "ask_timeout_secs": 630, "observe": True}
    ]
    records = result["phase_results"][0]["metadata"]["hook_records"]
    lines = [json.loads(line) for line in Path(records["file"]).read_text().splitlines()]
    assert [(line["event"], line["name"]) for line in lines] == [("pre_tool_use", "Read"), ("post_tool_use", "Read")]
    assert [(event["kind"], event["path"]) for event in result["phase_events"]] == [
        ("started", "p"),
        ("completed", "p"),
    ]
