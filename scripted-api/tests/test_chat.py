import json

from animus_scripted_api import CallTool, Reply, Say, StreamFail, Think, Usage

_SHELL = {"type": "function", "function": {"name": "shell", "parameters": {"type": "object"}}}


def test_completion_holds_message_and_usage(scripted_api, connect):
    api = scripted_api(Reply((Say("hi"),), Usage(input=7, output=3, cached=2)))
    completion = json.loads(connect(api).chat()[2])
    assert completion["choices"][0]["message"] == {"role": "assistant", "content": "hi"}
    assert completion["choices"][0]["finish_reason"] == "stop"
    assert completion["usage"]["total_tokens"] == 10
    assert completion["usage"]["prompt_tokens_details"] == {"cached_tokens": 2}


def test_completion_holds_tool_calls_and_reasoning(scripted_api, connect):
    api = scripted_api([Think("hm"), CallTool("shell", {"command": "ls"})])
    choice = json.loads(connect(api).chat(tools=[_SHELL])[2])["choices"][0]
    call = choice["message"]["tool_calls"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["reasoning_content"] == "hm"
    assert call["function"]["name"] == "shell"
    assert json.loads(call["function"]["arguments"]) == {"command": "ls"}


def test_stream_can_be_joined_to_what_was_said(scripted_api, connect, events):
    text = "a text that is longer than one piece of the stream"
    calls = [CallTool("shell", {"command": "echo one two three four five"}), CallTool("other", {"x": 1})]
    _, _, body = connect(scripted_api([Say(text), *calls])).chat(stream=True, tools=[_SHELL])
    deltas = [data["choices"][0]["delta"] for _, data in events(body) if data["choices"]]
    arguments = {0: "", 1: ""}
    for delta in deltas:
        for call in delta.get("tool_calls", ()):
            arguments[call["index"]] += call["function"]["arguments"]
    assert "".join(delta.get("content") or "" for delta in deltas) == text
    assert json.loads(arguments[0]) == {"command": "echo one two three four five"}
    assert json.loads(arguments[1]) == {"x": 1}
    assert body.endswith(b"data: [DONE]\n\n")


def test_stream_tells_usage_only_when_asked(scripted_api, connect, events):
    client = connect(scripted_api(Say("one"), Say("two")))
    asked = client.chat(stream=True, stream_options={"include_usage": True})[2]
    silent = client.chat(stream=True)[2]
    assert [data["usage"]["prompt_tokens"] for _, data in events(asked) if "usage" in data] == [100]
    assert not [data for _, data in events(silent) if "usage" in data]


def test_failure_in_the_stream_is_an_error_object(scripted_api, connect, events):
    _, _, body = connect(scripted_api([Say("so far"), StreamFail("server_error", "broke")])).chat(stream=True)
    assert events(body)[-1][1]["error"]["message"] == "broke"
    assert b"[DONE]" not in body
