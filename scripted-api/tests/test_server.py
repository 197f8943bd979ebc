import contextlib
import http.client
import threading
import time

import pytest

from animus_scripted_api import Say, Script, ScriptedApi, Stall

STOP_BOUND_SECONDS = 60


def test_requests_are_kept_with_headers_and_body(scripted_api, connect):
    api = scripted_api(Say("x"))
    connect(api).chat("mark", {"Authorization": "Bearer k1", "X-Other": "1"})
    (request,) = api.requests
    assert (request.api_key, request.headers["x-other"], request.model) == ("k1", "1", "m1")
    assert request.json["messages"][0]["content"] == "mark"


@pytest.mark.parametrize("turn", [Stall(600), [Say("so far"), Stall(600)]])
def test_stop_does_not_wait_for_a_stall(connect, turn):
    api = ScriptedApi(turn).start()
    client = connect(api)

    def ask():
        with contextlib.suppress(OSError, http.client.HTTPException):
            client.chat(stream=True)

    asking = threading.Thread(target=ask)
    asking.start()
    api.wait_for_requests(1)
    begun = time.monotonic()
    api.stop()
    asking.join(STOP_BOUND_SECONDS)
    assert not asking.is_alive()
    assert time.monotonic() - begun < STOP_BOUND_SECONDS


def test_stop_may_be_called_twice_and_without_start():
    api = ScriptedApi(Say("x"))
    api.stop()
    api.stop()


def test_waiting_for_requests_is_bounded(scripted_api):
    with pytest.raises(TimeoutError, match=r"no 1 requests within 0.01 s; there were 0"):
        scripted_api(Say("x")).wait_for_requests(1, 0.01)


def test_script_and_turns_together_are_refused():
    with pytest.raises(ValueError, match="not both"):
        ScriptedApi(Script(Say("x")), Say("y"))


def test_many_conversations_are_answered_at_once(scripted_api, connect):
    api = scripted_api(Say("one"), Say("two"))
    answers = []

    def talk(name):
        client = connect(api)
        answers.extend([client.chat(headers={"X-Session-Id": name})[0], client.chat(headers={"X-Session-Id": name})[0]])

    threads = [threading.Thread(target=talk, args=(str(number),)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers == [200] * 40
    assert len(api.requests) == 40
    assert api.problems == []
