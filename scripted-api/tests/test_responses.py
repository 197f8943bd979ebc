import json

from animus_scripted_api import CallTool, Say, StreamFail, Think

_EXEC = {"type": "function", "name": "exec_command", "parameters": {"type": "object"}}
_PATCH = {"type": "custom", "name": "apply_patch"}


def test_stream_holds_items_and_ends_with_the_whole_response(scripted_api, connect, events):
    api = scripted_api(
        [Think("hm"), Say("a text longer than one piece of a stream"), CallTool("shell", {"command": "ls"})]
    )
    _, _, body = connect(api).responses(stream=True, tools=[_EXEC])
    found = [data for _, data in events(body)]
    done = [data["item"] for data in found if data["type"] == "response.output_item.done"]
    assert [item["type"] for item in done] == ["reasoning", "message", "function_call"]
    assert done[2]["name"] == "exec_command"
    assert json.loads(done[2]["arguments"]) == {"cmd": "ls"}
    assert found[-1]["type"] == "response.completed"
    assert found[-1]["response"]["output"] == done
    assert found[-1]["response"]["usage"]["total_tokens"] == 120
    said = "".join(data["delta"] for data in found if data["type"] == "response.output_text.delta")
    assert said == "a text longer than one piece of a stream"
    assert [data["sequence_number"] for data in found] == list(range(len(found)))


def test_document_is_the_completed_response(scripted_api, connect):
    response = json.loads(connect(scripted_api(Say("hi"))).responses()[2])
    assert response["status"] == "completed"
    assert response["output"][0]["content"][0]["text"] == "hi"


def test_custom_tools_take_text(scripted_api, connect):
    api = scripted_api(CallTool("apply_patch", {"input": "*** Begin Patch"}))
    item = json.loads(connect(api).responses(tools=[_PATCH])[2])["output"][0]
    assert (item["type"], item["input"]) == ("custom_tool_call", "*** Begin Patch")


def test_failure_in_the_stream_is_a_failed_response(scripted_api, connect, events):
    _, _, body = connect(scripted_api([Say("so far"), StreamFail("rate_limit_exceeded", "slow")])).responses(
        stream=True
    )
    last = events(body)[-1][1]
    assert last["type"] == "response.failed"
    assert last["response"]["error"] == {"code": "rate_limit_exceeded", "message": "slow"}
