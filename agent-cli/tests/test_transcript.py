from animus_agent_cli.event import (
    Finished,
    Problem,
    SessionStarted,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Usage,
)
from animus_agent_cli.transcript import ENTRY_LIMIT_CHARACTERS, ITEMS_LIMIT, Transcript

SCHEMA = {"type": "object"}


def transcript(*events):
    found = Transcript()
    for event in events:
        found.take(event)
    return found


def test_output_is_the_text_since_the_last_tool_call():
    events = [Text("let me "), Text("see"), ToolCall("1", "Bash", {}), ToolResult("1", "x", is_success=True)]
    assert transcript(*events).output() == "let me see"
    assert transcript(*events, Text("done"), Text("!")).output() == "done!"


def test_output_is_what_the_agent_calls_its_answer():
    assert transcript(Text("talk"), Finished(output="answer")).output() == "answer"
    assert transcript(Text("talk"), Finished()).output() == "talk"


def test_lists_are_bounded_and_name_the_tool_of_a_result():
    events = [ToolCall(str(number), f"tool{number}", {"n": number}) for number in range(ITEMS_LIMIT + 10)]
    found = transcript(*events, ToolResult("5", "x" * 100_000, is_success=False))
    assert len(found.tool_calls) == ITEMS_LIMIT
    assert found.tool_calls[-1]["arguments"] == {"n": ITEMS_LIMIT + 9}
    assert (found.tool_results[0]["name"], found.tool_results[0]["success"]) == ("tool5", False)
    assert len(found.tool_results[0]["output"]) < ENTRY_LIMIT_CHARACTERS + 100


def test_pieces_of_a_thought_are_one_and_thoughts_are_apart():
    assert transcript(Thinking("a"), Thinking("b"), Text("x"), Thinking("c"), Problem("p")).thinking == ["ab", "c"]


def test_usage_adds_up_or_replaces():
    added = transcript(
        Usage(1, 2, 3, None, 0.5, "m", is_total=False), Usage(10, 20, None, 4, 0.25, None, is_total=False)
    )
    assert added.usage[:5] == (11, 22, 3, 4, 0.75)
    assert added.model == "m"
    assert transcript(Usage(1, 2), Usage(5, 6)).usage[:2] == (5, 6)


def test_decision_is_the_agents_own_before_any_text():
    found = transcript(Finished(output='{"verdict": "fail"}', decision={"verdict": "advance"}))
    assert found.decision(SCHEMA) == {"verdict": "advance"}


def test_decision_is_the_object_at_the_end_when_a_schema_asked_for_one():
    answer = 'Here it is:\n```json\n{\n "score": 3\n}\n```\n'
    assert transcript(Text(answer)).decision(SCHEMA) == {"score": 3}
    assert transcript(Text(answer)).decision(None) is None


def test_decision_without_schema_is_an_object_with_a_verdict():
    assert transcript(Text('so\n{\n"verdict": "rework"\n}')).decision(None) == {"verdict": "rework"}
    assert transcript(Text('{"verdict": "rework"}\nbye')).decision(None) == {"verdict": "rework"}
    assert transcript(Text("no decision")).decision(SCHEMA) is None


def test_session_is_remembered():
    found = transcript(SessionStarted("id-1", "model-1", "2.0"), SessionStarted("id-2"))
    assert (found.resume_id, found.model, found.version) == ("id-2", "model-1", "2.0")
