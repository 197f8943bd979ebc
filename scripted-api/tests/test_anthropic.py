import json

from animus_scripted_api import CallTool, Reply, Say, StreamFail, Think, Usage

_BASH = {"name": "Bash", "input_schema": {"type": "object"}}


def test_message_holds_blocks_stop_reason_and_usage(scripted_api, connect):
    api = scripted_api(Reply((Think("hm"), Say("hi")), Usage(input=7, output=3, cached=2, cache_writes=1)))
    status, _, body = connect(api).messages()
    message = json.loads(body)
    assert status == 200
    assert [(block["type"], block.get("text", block.get("thinking"))) for block in message["content"]] == [
        ("thinking", "hm"),
        ("text", "hi"),
    ]
    assert message["stop_reason"] == "end_turn"
    assert message["usage"] == {
        "input_tokens": 7,
        "output_tokens": 3,
        "cache_read_input_tokens": 2,
        "cache_creation_input_tokens": 1,
    }


def test_stream_can_be_joined_to_what_was_said(scripted_api, connect, events):
    text = "a text that is longer than one piece of the stream, with ümlauts"
    api = scripted_api([Think("first a thought"), Say(text), CallTool("shell", {"command": "ls -la /somewhere/far"})])
    _, headers, body = connect(api).messages(stream=True, tools=[_BASH])
    found = [data for _, data in events(body)]
    deltas = [data["delta"] for data in found if data["type"] == "content_block_delta"]
    assert headers["content-type"] == "text/event-stream"
    assert "".join(delta.get("text", "") for delta in deltas) == text
    assert "".join(delta.get("thinking", "") for delta in deltas) == "first a thought"
    assert json.loads("".join(delta.get("partial_json", "") for delta in deltas)) == {
        "command": "ls -la /somewhere/far"
    }
    assert [data["index"] for data in found if data["type"] == "content_block_start"] == [0, 1, 2]
    assert [data["type"] for data in found[-2:]] == ["message_delta", "message_stop"]
    assert found[-2]["delta"]["stop_reason"] == "tool_use"


def test_events_are_named_by_their_type(scripted_api, connect, events):
    _, _, body = connect(scripted_api(Say("x"))).messages(stream=True)
    assert all(name == data["type"] for name, data in events(body))


def test_failure_in_the_stream_ends_it_with_an_error_event(scripted_api, connect, events):
    _, _, body = connect(scripted_api([Say("so far"), StreamFail()])).messages(stream=True)
    name, last = events(body)[-1]
    assert name == "error"
    assert last["error"]["type"] == "overloaded_error"


def test_tokens_can_be_counted(scripted_api, connect):
    status, _, body = connect(scripted_api()).ask("/v1/messages/count_tokens?beta=true", {"messages": []})
    assert status == 200
    assert json.loads(body)["input_tokens"] > 0
