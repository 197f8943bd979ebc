"""Recorded streams of codex 0.169.0, and shapes it never printed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from animus_agent_cli.event import Finished, Problem, SessionStarted, Text, Thinking, ToolCall, ToolResult, Usage
from animus_agent_cli.failure import classify
from animus_provider_codex.agent import FACTS
from animus_provider_codex.stream import OFFLINE_LINES, CodexStream

_SESSION = "01a1fee6-772f-7de0-b648-c461e96ee99d"


@pytest.fixture
def events_of(sample):
    def events(name, **more):
        stream = CodexStream(**({"model": "fake-1", "before": {}} | more))
        lines = sample(name).read_text().splitlines()
        return [event for line in lines for event in stream.read(json.loads(line))]

    return events


def test_plain_answer(events_of):
    assert events_of("plain") == [
        SessionStarted(_SESSION, model="fake-1"),
        Text("one"),
        Usage(input=90, output=7, cached=10, model="fake-1"),
        Finished(output="one"),
    ]


def test_command_with_reasoning(events_of):
    command = {"command": "/bin/bash -lc 'echo hi > made.txt; echo out'"}
    assert events_of("tool_round")[1:-2] == [
        Thinking("hmm"),
        Text("I will write it."),
        ToolCall("item_3", "shell", command),
        ToolResult("item_3", {"output": "out\n", "exit_code": 0}, is_success=True, name="shell"),
        Text("done"),
    ]
    assert events_of("tool_round")[-1] == Finished(output="done")


def test_changed_files_and_a_command_that_failed(events_of):
    changes = [{"path": "/checkout/new.txt", "kind": "add"}, {"path": "/checkout/old.txt", "kind": "update"}]
    tools = [event for event in events_of("file_change") if isinstance(event, ToolCall | ToolResult)]
    assert tools[:2] == [
        ToolCall("item_2", "apply_patch", {"changes": changes}),
        ToolResult("item_2", changes, is_success=True, name="apply_patch"),
    ]
    assert (tools[3].is_success, tools[3].output["exit_code"]) == (False, 3)


def test_tools_of_servers(events_of):
    tools = [event for event in events_of("mcp") if isinstance(event, ToolCall | ToolResult)]
    assert tools[0] == ToolCall("item_2", "add", {"a": 1}, server="sums")
    assert tools[1].output["content"][0]["text"] == 'sum {"a": 1}'
    assert [tool.is_success for tool in tools if isinstance(tool, ToolResult)] == [True, False]


def test_agents_of_the_agent(events_of):
    tools = [event for event in events_of("spawned_agent") if isinstance(event, ToolCall | ToolResult)]
    assert tools[0] == ToolCall("item_1", "spawn_agent", {"prompt": "do x"})
    assert tools[1].is_success


@pytest.mark.parametrize(
    ("name", "status", "failure", "category"),
    [
        ("unauthorized", 401, "auth", "unavailable"),
        ("rate_limited", 429, "provider_exhaustion", "run_failed"),
        ("model_missing", None, "target_unavailable", "model_not_supported"),
        ("context_full", None, "unknown", "run_failed"),
    ],
)
def test_failure_is_told_with_its_status_and_meaning(events_of, name, status, failure, category):
    *_, last = events_of(name)
    assert last.status == status
    meaning = classify(last.failure, status=last.status, rows=FACTS.failures)
    assert (meaning.failure, meaning.category) == (failure, category)


def test_broken_stream_that_mends_is_a_problem_on_the_way(events_of):
    events = events_of("truncated")
    assert [event.is_recoverable for event in events if isinstance(event, Problem)] == [True]
    assert events[-1] == Finished(output="after")


def test_tokens_of_earlier_runs_are_not_counted_again(events_of):
    before = {"input_tokens": 60, "cached_input_tokens": 4, "output_tokens": 5}
    assert events_of("plain", before=before)[2] == Usage(input=34, output=2, cached=6, model="fake-1")


def test_network_that_is_not_there_ends_the_run_instead_of_waiting_for_ever():
    stream = CodexStream(model=None, before={})
    line = {"type": "error", "message": "Reconnecting... waiting for network (Connection failed)"}
    events = [event for _ in range(OFFLINE_LINES) for event in stream.read(line)]
    assert [type(event) for event in events] == [Problem] * (OFFLINE_LINES - 1) + [Finished]
    assert classify(events[-1].failure, rows=FACTS.failures).failure == "transient"


@pytest.mark.parametrize("odd", [float("inf"), -5, 1e300, "7", True, None])
def test_odd_number_of_tokens_is_none(odd):
    stream = CodexStream(model=None, before={})
    usage, _ = stream.read({"type": "turn.completed", "usage": {"input_tokens": odd, "output_tokens": 3}})
    assert (usage.input, usage.output) == (0, 3)


def test_tool_that_is_only_seen_at_its_end_has_a_call_too():
    stream = CodexStream(model=None, before={})
    item = {"id": "i", "type": "web_search", "query": "q"}
    assert list(stream.read({"type": "item.completed", "item": item})) == [
        ToolCall("i", "web_search", {"query": "q"}),
        ToolResult("i", "completed", is_success=True, name="web_search"),
    ]


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_KINDS = ["thread.started", "item.started", "item.completed", "turn.completed", "turn.failed", "error", "new"]
_ITEMS = ["agent_message", "reasoning", "command_execution", "file_change", "mcp_tool_call", "error", "new"]


@given(
    st.fixed_dictionaries(
        {"type": st.sampled_from(_KINDS)},
        optional={
            "thread_id": _JSON,
            "usage": _JSON | st.fixed_dictionaries({"input_tokens": _JSON}),
            "error": _JSON,
            "message": _JSON,
            "item": _JSON
            | st.fixed_dictionaries({"type": st.sampled_from(_ITEMS)}, optional={"id": _JSON, "text": _JSON}),
        },
    )
)
def test_no_shape_is_an_error(line):
    list(CodexStream(model=None, before={}).read(line))
