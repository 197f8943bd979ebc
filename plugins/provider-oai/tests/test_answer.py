import pytest

from animus_provider_oai.answer import AnswerParts, ToolCall, Usage
from animus_provider_oai.limits import CALLS_PER_TURN


def _joined(*chunks):
    parts = AnswerParts()
    for chunk in chunks:
        parts.add(chunk)
    return parts.answer()


def _delta(finish_reason=None, **delta):
    return {"model": "m1", "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}


def _call(**call):
    return _delta(tool_calls=[call])


def test_text_reasoning_and_usage_are_joined():
    usage = {"prompt_tokens": 10, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}}
    answer = _joined(
        _delta(content="a"), _delta(reasoning_content="x"), _delta("stop", content="b"), {"choices": [], "usage": usage}
    )
    assert (answer.text, answer.thinking, answer.finish_reason, answer.model) == ("ab", "x", "stop", "m1")
    assert answer.usage == Usage(fresh=6, cached=4, output=3)


def test_call_is_joined_from_its_pieces():
    answer = _joined(
        _call(index=0, id="c1", function={"name": "shell", "arguments": ""}),
        _call(index=0, function={"arguments": '{"comm'}),
        _call(index=0, function={"arguments": 'and": 1}'}),
        _call(index=1, id="c2", function={"name": "read", "arguments": "{}"}),
    )
    assert answer.calls == (ToolCall("c1", "shell", '{"command": 1}'), ToolCall("c2", "read", "{}"))


@pytest.mark.parametrize(
    "chunks",
    [
        # every call has index 0
        [_call(index=0, id="a", function={"name": "x"}), _call(index=0, id="b", function={"name": "y"})],
        # all in one piece without index
        [_delta(tool_calls=[{"id": "a", "function": {"name": "x"}}, {"id": "b", "function": {"name": "y"}}])],
        # one after the other without index
        [_call(id="a", function={"name": "x"}), _call(id="b", function={"name": "y"})],
    ],
)
def test_calls_are_told_apart_whatever_the_servers_habits(chunks):
    assert [call.name for call in _joined(*chunks).calls] == ["x", "y"]


def test_arguments_may_be_an_object():
    assert _joined(_call(id="a", function={"name": "x", "arguments": {"k": 1}})).calls[0].arguments == '{"k": 1}'


def test_whole_completion_is_an_answer_too():
    message = {"role": "assistant", "content": "hi", "tool_calls": None}
    answer = _joined({"choices": [{"message": message, "finish_reason": "stop"}]})
    assert (answer.text, answer.finish_reason) == ("hi", "stop")


@pytest.mark.parametrize(
    "chunk",
    [{}, {"choices": None}, {"choices": ["x"]}, {"choices": [{"delta": 5}]}, _delta(tool_calls=[7]), {"usage": 1}],
)
def test_odd_chunks_add_nothing(chunk):
    answer = _joined(chunk)
    assert (answer.text, answer.finish_reason, answer.usage) == ("", None, None)


def test_calls_beyond_the_bound_are_left_out():
    answer = _joined(*(_call(index=number, id=str(number), function={"name": "x"}) for number in range(100)))
    assert len(answer.calls) == CALLS_PER_TURN


def test_message_of_an_empty_answer_has_content():
    assert _joined().message == {"role": "assistant", "content": ""}
    assert _joined(_call(index=0, id="a", function={"name": "x"})).message["content"] is None
