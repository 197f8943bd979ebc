import pytest

from animus_agent_cli.event import Finished, Problem, SessionStarted, Text, Thinking, ToolCall, ToolResult, Usage
from animus_provider_claude.stream import BACKGROUND_SECONDS, ClaudeStream, server_of


@pytest.fixture
def read(recorded_lines):
    """The events of a recorded stream, or of the lines that are given."""

    def read(stream, now=lambda: 1000.0):
        lines = recorded_lines(stream) if isinstance(stream, str) else stream
        reader = ClaudeStream(now)
        events = [event for line in lines for event in reader.read(line)]
        return [*events, *reader.end()]

    return read


def kinds(events):
    return [type(event).__name__ for event in events]


def finals(events):
    return [event for event in events if isinstance(event, Finished)]


def test_plain_answer_is_told_as_it_comes_and_once(read):
    events = read("plain")
    assert isinstance(events[0], SessionStarted)
    assert (events[0].model, events[0].version) == ("claude-sonnet-4-5", "2.1.329")
    assert "".join(event.text for event in events if isinstance(event, Text)) == "Hello there."
    assert finals(events)[-1] == Finished(output="Hello there.")


def test_end_of_the_run_is_not_before_the_program_is_idle(read):
    graces = [event.grace_seconds for event in finals(read("plain"))]
    assert graces[-1] == 0
    assert all(graces[:-1])


def test_tool_round_is_told_in_order(read):
    events = read("tool")
    told = [event for event in events if isinstance(event, Thinking | ToolCall | ToolResult)]
    assert kinds(told) == ["Thinking", "ToolCall", "ToolResult"]
    assert (told[0].text, told[1].name, told[1].server) == ("a file is needed", "Bash", None)
    assert told[1].arguments["command"] == "echo hello > made.txt; cat made.txt"
    assert (told[2].call_id, told[2].output, told[2].is_success) == (told[1].call_id, "hello", True)
    assert [event.text for event in events if isinstance(event, Text)] == ["I make a file.", "Done."]


def test_usage_counts_every_model_call_and_costs(read):
    usages = [event for event in read("tool") if isinstance(event, Usage)]
    assert [(usage.input, usage.output, usage.is_total) for usage in usages] == [(200, 40, False)]
    assert usages[0].cost_usd == pytest.approx(0.0012)
    assert usages[0].model == "claude-sonnet-4-5"


def test_retry_is_a_problem_that_passes(read):
    (problem,) = [event for event in read("retried") if isinstance(event, Problem)]
    assert "rate_limit, HTTP 429" in problem.message
    assert problem.is_recoverable
    assert finals(read("retried"))[-1].failure is None


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("exhausted", 429, "rate_limit"),
        ("unauthorised", 401, "authentication_failed"),
        ("overloaded", 529, "529"),
        ("no-such-model", 404, "model_not_found"),
        ("no-such-session", None, "No conversation found"),
    ],
)
def test_failure_says_its_status_and_its_words_and_is_no_answer(read, name, status, words):
    events = read(name)
    final = finals(events)[-1]
    assert final.status == status
    assert words in final.failure
    assert [event for event in events if isinstance(event, Text)] == []


def test_turn_limit_is_said(read):
    assert finals(read("turns"))[-1].limit == "turns"


def test_structured_answer_is_the_decision(read):
    assert finals(read("structured"))[-1].decision == {"verdict": "advance"}


def test_turn_that_left_something_running_is_not_the_end(read):
    events = read("background")
    ends = finals(events)
    assert BACKGROUND_SECONDS in {end.grace_seconds for end in ends if end.output == "I wait."}
    assert all(end.grace_seconds for end in ends if end.output == "I wait.")
    assert ends[-1] == Finished(output="It is over.")
    assert kinds(events).count("SessionStarted") == 1
    assert kinds(events).count("Usage") == 2
    assert "".join(event.text for event in events if isinstance(event, Text)) == "I wait.\n\nIt is over."


def test_run_that_is_cut_short_counts_what_it_used(recorded_lines, read):
    lines = [line for line in recorded_lines("tool") if line["type"] != "result"]
    (usage,) = [event for event in read(lines) if isinstance(event, Usage)]
    assert (usage.input, usage.output, usage.cost_usd) == (200, 40, None)


def test_older_program_without_pieces_and_states_is_understood(recorded_lines, read):
    lines = [
        line
        for line in recorded_lines("tool")
        if line["type"] != "stream_event" and line.get("subtype") != "session_state_changed"
    ]
    events = read(lines)
    assert kinds(events) == [
        "SessionStarted",
        "Thinking",
        "Text",
        "ToolCall",
        "ToolResult",
        "Text",
        "Usage",
        "Finished",
    ]
    assert events[-1].grace_seconds == 0


def test_moment_at_which_a_limit_ends_is_when_to_try_again(read):
    lines = [
        {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": 1600}},
        {"type": "result", "subtype": "success", "is_error": True, "api_error_status": 429, "result": "limit"},
    ]
    assert finals(read(lines))[-1].retry_after_seconds == 600.0


def test_helper_of_the_agent_calls_tools_but_does_not_answer(read):
    content = [{"type": "text", "text": "mine"}, {"type": "tool_use", "id": "1", "name": "Read", "input": {}}]
    line = {"type": "assistant", "parent_tool_use_id": "0", "message": {"id": "m", "content": content}}
    assert kinds(read([line])) == ["ToolCall"]


def test_every_prefix_and_every_loss_of_a_line_is_survived(recorded_lines, read):
    for name in ("tool", "background", "question"):
        lines = recorded_lines(name)
        for cut in range(len(lines)):
            read(lines[:cut])
            read(lines[:cut] + lines[cut + 1 :])


@pytest.mark.parametrize("odd", [None, 7, "text", [], [7], {}, {"x": None}])
def test_odd_shapes_say_nothing_and_raise_nothing(recorded_lines, read, odd):
    for name in ("tool", "background", "retried", "unauthorised"):
        for line in recorded_lines(name):
            for key in line:
                if key != "type":
                    read([line | {key: odd}])
                message = line.get("message") or line.get("event")
                if isinstance(message, dict):
                    for inner in message:
                        read([line | {"message": message | {inner: odd}, "event": message | {inner: odd}}])


def test_server_of_a_tool_is_in_its_name():
    assert [server_of(name) for name in ("mcp__files__read", "Bash", "mcp__x", "a__b__c")] == [
        "files",
        None,
        None,
        None,
    ]
