import http.client
import json

import pytest

from animus_scripted_api import CallTool, Drop, Fail, Junk, Say, Stall, Truncate


def test_a_client_that_calls_again_after_a_failure_is_answered(scripted_api, connect):
    client = connect(scripted_api(Fail(429, retry_after=1.5), Say("ok")))
    status, headers, body = client.messages()
    assert (status, headers["retry-after"]) == (429, "1.5")
    assert json.loads(body)["error"]["type"] == "rate_limit_error"
    assert client.messages()[0] == 200


def test_failure_is_written_as_the_dialect_does(scripted_api, connect):
    body = connect(scripted_api(Fail(401, message="who are you"))).chat()[2]
    assert json.loads(body)["error"] == {
        "message": "who are you",
        "type": "invalid_request_error",
        "param": None,
        "code": "invalid_api_key",
    }


def test_failure_may_have_any_body(scripted_api, connect):
    client = connect(scripted_api(Fail(500, {"mine": 1}), Fail(503, "<html>")))
    assert json.loads(client.chat()[2]) == {"mine": 1}
    assert client.chat()[2] == b"<html>"


@pytest.mark.parametrize("is_stream", [True, False])
def test_body_can_break_off(scripted_api, connect, is_stream):
    client = connect(scripted_api([Say("a long answer"), Truncate(40)]))
    with pytest.raises(http.client.IncompleteRead) as caught:
        client.chat(stream=is_stream)
    assert len(caught.value.partial) == 40


@pytest.mark.parametrize("is_stream", [True, False])
def test_body_can_end_early_as_if_it_were_whole(scripted_api, connect, is_stream):
    status, _, body = connect(scripted_api([Say("a long answer"), Truncate(40, clean=True)])).chat(stream=is_stream)
    assert (status, len(body)) == (200, 40)


def test_junk_can_be_the_whole_body_or_stand_between(scripted_api, connect):
    client = connect(scripted_api(Junk("<html>busy</html>", status=502), [Say("a"), Junk("data: {oops\n\n"), Say("b")]))
    assert client.chat()[0::2] == (502, b"<html>busy</html>")
    body = client.chat(stream=True)[2]
    assert body.index(b'"a"') < body.index(b"{oops") < body.index(b'"b"')


def test_connection_can_be_dropped_before_and_amid_the_answer(scripted_api, connect):
    api = scripted_api(Drop(), [Say("so far"), Drop()])
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        connect(api).chat()
    with pytest.raises((ConnectionError, http.client.IncompleteRead)):
        connect(api).chat(stream=True)
    api.wait_until(lambda kept: [one.status for one in kept] == [0, 200], "second answer")


def test_stall_keeps_the_stream_open(scripted_api, connect):
    api = scripted_api([Say("so far"), Stall(600), Say("never")])
    answer = connect(api).begin(
        "/v1/chat/completions", {"model": "m", "stream": True, "messages": [{"role": "user", "content": "x"}]}
    )
    seen = b""
    while b"so far" not in seen:
        seen += answer.read1()
    assert not api.log.exchanges()[0].is_over


def test_stall_of_no_length_goes_on(scripted_api, connect):
    assert b"after" in connect(scripted_api([Stall(0), Say("before"), Stall(0), Say("after")])).chat(stream=True)[2]


def test_request_without_an_answer_is_refused_and_noted(scripted_api, connect):
    api = scripted_api(Say("only one"))
    client = connect(api)
    client.chat()
    status, _, body = client.chat()
    assert status == 400
    assert "all 1 turns" in json.loads(body)["error"]["message"]
    assert len(api.problems) == 1


def test_body_without_a_length_is_refused(scripted_api, connect):
    connection = connect(scripted_api())._connection
    connection.putrequest("POST", "/v1/messages")
    connection.endheaders()
    assert connection.getresponse().status == 411


def test_other_addresses_answer_what_a_client_may_want(scripted_api, connect):
    api = scripted_api()
    client = connect(api)
    assert json.loads(client.ask("/v1/models", method="GET")[2])["data"][0]["id"] == "scripted"
    assert client.ask("/nowhere", method="GET")[0] == 404
    assert client.ask("/nowhere", {})[0] == 404
    assert client.ask("/", method="HEAD")[0] == 200
    assert api.requests == []
    assert api.problems == []


def test_tool_round_carries_the_result_back(scripted_api, connect):
    api = scripted_api(CallTool("shell", {"command": "ls"}), lambda request: Say(f"saw {request.last_text}"))
    client = connect(api)
    first = [{"role": "user", "content": "list"}]
    call = json.loads(client.ask("/v1/chat/completions", {"model": "m", "messages": first})[2])["choices"][0]["message"]
    result = {"role": "tool", "tool_call_id": call["tool_calls"][0]["id"], "content": "made.txt"}
    answer = client.ask("/v1/chat/completions", {"model": "m", "messages": [*first, call, result]})[2]
    assert json.loads(answer)["choices"][0]["message"]["content"] == "saw made.txt"
