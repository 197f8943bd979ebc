import pytest

from animus_scripted_api import CallTool, Conversation, Reply, Request, Say, Script, When
from animus_scripted_api.script import ExhaustedError


def _request(text="hello", *, session=None, model="m1", number=1):
    headers = {"x-session-id": session} if session else {}
    body = f'{{"model": "{model}", "messages": [{{"role": "user", "content": "{text}"}}]}}'.encode()
    return Request(number, "POST", "/v1/chat/completions", headers, body)


def _said(script, request):
    return "".join(step.text for step in script.next_reply(request).steps)


def test_conversation_takes_turns_in_order():
    script = Script(Say("one"), Say("two"))
    assert [_said(script, _request()), _said(script, _request())] == ["one", "two"]


def test_each_conversation_starts_at_the_beginning():
    script = Script(Say("one"), Say("two"))
    assert [_said(script, _request(session=name)) for name in ("a", "b", "a", "b")] == ["one", "one", "two", "two"]


def test_conversation_is_chosen_by_what_it_says():
    script = Script(
        Conversation([Say("to the reviewer")], When(contains="REVIEW")),
        Conversation([Say("to m2")], When(model="m2", lacks="never")),
        Conversation([Say("to all")]),
    )
    assert _said(script, _request("please REVIEW", session="a")) == "to the reviewer"
    assert _said(script, _request(session="b", model="m2")) == "to m2"
    assert _said(script, _request("never", session="c", model="m2")) == "to all"


def test_part_is_taken_only_so_many_times():
    script = Script(Conversation([Say("first")], times=1), Conversation([Say("later")]))
    assert [_said(script, _request(session=name)) for name in "abc"] == ["first", "later", "later"]


def test_turn_may_be_a_function_of_the_request():
    script = Script(lambda request: Say(request.last_text.upper()))
    assert _said(script, _request("shout")) == "SHOUT"


def test_predicate_may_be_a_function():
    script = Script(Conversation([Say("yes")], lambda request: request.number == 2), Conversation([Say("no")]))
    assert _said(script, _request(session="a", number=2)) == "yes"
    assert _said(script, _request(session="b", number=3)) == "no"


def test_last_turn_may_repeat():
    script = Script(Conversation([Say("one"), Say("more")], repeat_last=True))
    assert [_said(script, _request()) for _ in range(4)] == ["one", "more", "more", "more"]


def test_used_up_script_says_where():
    script = Script(Say("one"))
    script.next_reply(_request("the last words"))
    with pytest.raises(ExhaustedError, match=r"all 1 turns .*the last words"):
        script.next_reply(_request("the last words"))


def test_request_that_nothing_means_is_named():
    with pytest.raises(ExhaustedError, match=r"no conversation .* 'm9'"):
        Script(Conversation([Say("x")], When(model="m1"))).next_reply(_request(model="m9"))


def test_reply_knows_whether_it_calls_tools():
    assert Reply((Say("x"), CallTool("shell"))).calls_tools
    assert not Reply((Say("x"),)).calls_tools
