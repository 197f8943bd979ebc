import threading
import time

import pytest

from animus_provider_oai.ending import RunControl, RunEndedError, RunFailedError
from animus_provider_oai.limits import REPEATS, Limits
from animus_scripted_api import CallTool, Drop, Fail, Junk, Reply, Say, Stall, StreamFail, Think, Truncate, Usage

_MESSAGES = [{"role": "user", "content": "hi"}]
_SHELL = {"type": "function", "function": {"name": "shell", "parameters": {"type": "object", "properties": {}}}}
BOUND_SECONDS = 20  # below the wait that the endpoint asks for


def test_answer_is_streamed_and_joined(scripted_api, model_at, log):
    text = "an answer that comes in more than one piece of the stream"
    api = scripted_api(Reply((Think("hm"), Say(text), CallTool("shell", {"command": "ls"})), Usage(7, 3, 2)))
    answer = model_at(api).ask(_MESSAGES, [_SHELL])
    assert (answer.text, answer.thinking, answer.finish_reason) == (text, "hm", "tool_calls")
    assert len(log.texts) > 1
    assert "".join(log.texts) == text
    assert "".join(log.thoughts) == "hm"
    assert (answer.calls[0].name, answer.calls[0].arguments) == ("shell", '{"command": "ls"}')
    assert answer.usage == (5, 2, 3)


def test_request_says_key_model_session_and_effort(scripted_api, model_at):
    api = scripted_api(Say("x"))
    model_at(api, reasoning_effort="high").ask(_MESSAGES, [])
    (request,) = api.requests
    assert (request.api_key, request.model, request.headers["x-session-id"]) == ("k1", "m1", "s-1")
    assert request.json["reasoning_effort"] == "high"
    assert "tools" not in request.json


def test_local_endpoint_is_shown_no_key(scripted_api, model_at):
    api = scripted_api(Say("x"))
    model_at(api, key=None).ask(_MESSAGES, [])
    assert "authorization" not in api.requests[0].headers


@pytest.mark.parametrize(
    "turn",
    [
        Fail(429, retry_after=0),
        Fail(500),
        Fail(503, "<html>busy</html>"),
        Drop(),
        [Say("so far"), Drop()],
        [Say("so far"), Truncate(200)],
        [Say("so far"), Truncate(200, clean=True)],
        [Say("so far"), StreamFail("server_error", "broke")],
        Junk("<html>who are you?</html>"),
        Junk(""),
        Junk("data: {oops\n\n", content_type="text/event-stream"),
    ],
)
def test_what_passes_is_asked_again(scripted_api, model_at, log, turn):
    api = scripted_api(turn, Say("then it worked"))
    assert model_at(api).ask(_MESSAGES, []).text == "then it worked"
    assert len(api.requests) == 2
    assert "asking again" in log.problems[-1]


def test_junk_amid_a_stream_is_skipped_and_told(scripted_api, model_at, log):
    api = scripted_api([Say("a"), Junk("data: {oops\n\n: comment\n\ndata: [1]\n\n"), Say("b")])
    assert model_at(api).ask(_MESSAGES, []).text == "ab"
    assert len([problem for problem in log.problems if "not JSON" in problem]) == 2


def test_repeats_are_bounded_and_the_last_failure_counts(scripted_api, model_at):
    api = scripted_api(*[Fail(429, retry_after=0)] * 10)
    with pytest.raises(RunFailedError, match="HTTP 429") as caught:
        model_at(api).ask(_MESSAGES, [])
    assert len(api.requests) == REPEATS + 1
    assert (caught.value.failure, caught.value.retry_after_seconds) == ("provider_exhaustion", 0)


def test_long_wait_is_left_to_the_host(scripted_api, model_at):
    api = scripted_api(Fail(429, retry_after=3600))
    with pytest.raises(RunFailedError) as caught:
        model_at(api).ask(_MESSAGES, [])
    assert caught.value.retry_after_seconds == 3600
    assert len(api.requests) == 1


def test_used_up_quota_is_not_asked_again(scripted_api, model_at):
    error = {"message": "You exceeded your current quota", "code": "insufficient_quota"}
    api = scripted_api(Fail(429, {"error": error}))
    with pytest.raises(RunFailedError) as caught:
        model_at(api).ask(_MESSAGES, [])
    assert caught.value.failure == "provider_exhaustion"


@pytest.mark.parametrize(
    ("fail", "failure", "category"),
    [
        (Fail(401, message="Incorrect API key provided: k1"), "auth", "unavailable"),
        (Fail(403), "auth", "unavailable"),
        (Fail(404, message="The model `m1` does not exist"), "target_unavailable", "model_not_supported"),
        (Fail(404, "404 page not found"), "target_unavailable", "unavailable"),
        (Fail(400, message="maximum context length is 4096 tokens"), "unknown", "run_failed"),
    ],
)
def test_what_stays_is_classified_at_once(scripted_api, model_at, fail, failure, category):
    api = scripted_api(fail)
    with pytest.raises(RunFailedError) as caught:
        model_at(api).ask(_MESSAGES, [])
    assert (caught.value.failure, caught.value.category) == (failure, category)
    assert len(api.requests) == 1
    assert "k1" not in caught.value.message


def test_missing_v1_is_guessed(scripted_api, model_at):
    api = scripted_api(Say("x"))
    with pytest.raises(RunFailedError, match="is there a /v1 missing"):
        model_at(api, base_url=api.url + "/v2").ask(_MESSAGES, [])


def test_endpoint_that_is_not_there_is_unavailable(scripted_api, model_at):
    api = scripted_api()
    api.stop()
    with pytest.raises(RunFailedError, match="cannot be reached") as caught:
        model_at(api).ask(_MESSAGES, [])
    assert (caught.value.failure, caught.value.category) == ("target_unavailable", "unavailable")


@pytest.mark.parametrize("turn", [Stall(600), [Say("so far"), Stall(600)]])
def test_silent_endpoint_is_given_up(scripted_api, model_at, turn):
    api = scripted_api(turn)
    with pytest.raises(RunFailedError, match=r"was silent for 0.3 s") as caught:
        model_at(api, limits=Limits(stall_seconds=0.3)).ask(_MESSAGES, [])
    assert caught.value.failure == "transient"


@pytest.mark.parametrize("turn", [Stall(600), [Say("so far"), Stall(600)], Fail(503, retry_after=25)])
def test_cancel_ends_any_wait_at_once(scripted_api, model_at, turn):
    api, control, ended = scripted_api(turn), RunControl(), []

    def ask():
        with pytest.raises(RunEndedError):
            model_at(api, control=control).ask(_MESSAGES, [])
        ended.append(True)

    asking = threading.Thread(target=ask)
    asking.start()
    api.wait_for_requests(1)
    begun = time.monotonic()
    control.cancel()
    asking.join(BOUND_SECONDS)
    assert ended == [True]
    assert time.monotonic() - begun < BOUND_SECONDS


def test_abandoned_request_is_closed(scripted_api, model_at):
    # A stall between two pieces: the server sees at the second that nobody is there.
    api, control = scripted_api([Say("so far"), Stall(0.5), Say("x" * 2_000_000)]), RunControl()
    threading.Timer(0.2, control.cancel).start()
    with pytest.raises(RunEndedError):
        model_at(api, control=control).ask(_MESSAGES, [])
    api.wait_until(lambda kept: kept[0].is_broken, "broken connection")


@pytest.mark.parametrize(
    ("words", "part"),
    [("stream_options is not supported", "stream_options"), ("bad response_format", "response_format")],
)
def test_part_that_the_server_does_not_know_is_left_out_from_then_on(scripted_api, model_at, words, part):
    api = scripted_api(Fail(400, message=words), Say("one"), Say("two"))
    model = model_at(api)
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}
    assert [model.ask(_MESSAGES, [], form).text, model.ask(_MESSAGES, [], form).text] == ["one", "two"]
    assert [part in request.json for request in api.requests] == [True, False, False]


def test_server_may_answer_whole(scripted_api, model_at):
    document = '{"model": "m9", "choices": [{"message": {"content": "whole"}, "finish_reason": "stop"}]}'
    answer = model_at(scripted_api(Junk(document, content_type="application/json"))).ask(_MESSAGES, [])
    assert (answer.text, answer.model) == ("whole", "m9")


def test_key_that_cannot_be_sent_is_refused(scripted_api, model_at):
    with pytest.raises(RunFailedError, match="no request can be made"):
        model_at(scripted_api(), key="schlüssel").ask(_MESSAGES, [])
