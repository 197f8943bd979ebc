"""What an agent reads of others in its prompt, and what its answer posts through the gate of its profile."""

import json

import pytest

from animus_workflow_runner_default.authoring.model import Agent, Channel, Communication, Runtime
from animus_workflow_runner_default.phases.messages import (
    MAX_MESSAGE_CHARS,
    MAX_NEW_MESSAGES,
    ChannelView,
    messages_of,
    messages_text,
)

CHANNELS = {
    "design": Channel(participants=["a", "b"], description="what was decided"),
    "ops": Channel(participants=["b"]),
}


def agent(agent_id="a", **more):
    return Agent(id=agent_id, runtime=Runtime(), communication=Communication(**({"enabled": True} | more)))


AGENTS = {"a": agent(), "b": agent("b")}


def line(**body):
    return json.dumps({"kind": "agent_message"} | body)


def posted(answer, **more):
    return messages_of(agent(**more), CHANNELS, AGENTS, answer)


def test_prompt_shows_the_channel_who_is_in_it_and_how_to_write():
    view = ChannelView("design", CHANNELS["design"], [("b", "use\nSQLite {{title}}")])
    text = messages_text(agent(), [view])
    assert "Channel design (what was decided; with a, b):\n- b: use SQLite {{title}}\n" in text
    assert '{"kind":"agent_message","channel":"design","text":"..."}' in text
    assert '"to"' not in text


def test_prompt_of_an_agent_that_may_write_to_others_says_so():
    text = messages_text(agent(can_message=["b"]), [ChannelView("@a", None, [])])
    assert "To you alone:\n(nothing yet)" in text
    assert '(b), print one line of JSON: {"kind":"agent_message","to":"b","text":"..."}' in text


@pytest.mark.parametrize(("own", "whole", "shown"), [(100, 4_000, 2), (4_000, 100, 2), (4_000, 4_000, 5), (10, 10, 0)])
def test_newest_messages_that_fit_are_shown_oldest_first(own, whole, shown):
    channel = Channel(participants=["a"], max_context_chars=own)
    said = [("b", f"{number} " + "x" * 40) for number in range(5)]
    text = messages_text(agent(max_context_chars=whole), [ChannelView("c", channel, said)])
    assert [f"- b: {number} " in text for number in range(5)] == [number >= 5 - shown for number in range(5)]


def test_all_channels_together_are_bounded():
    views = [ChannelView(name, CHANNELS[name], [("b", "x" * 50)]) for name in CHANNELS]
    text = messages_text(agent(max_context_chars=60), views)
    assert text.count("x" * 50) == 1


def test_agent_without_communication_sees_nothing():
    assert messages_text(Agent(id="a"), []) == ""


def test_messages_are_found_among_other_words():
    answer = f"I did it.\n{line(channel='design', text=' use SQLite ')}\n```json\n{line(text='second')}\n```\nDone."
    assert posted(answer) == ([("design", "use SQLite"), ("design", "second")], [])


def test_message_to_one_agent_goes_to_its_inbox():
    assert posted(line(to="b", text="hi"), can_message=["b"]).messages == [("@b", "hi")]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"channel": "ops", "text": "x"}, "'a' may not write to the channel 'ops'; it has: design"),
        ({"channel": "nowhere", "text": "x"}, "may not write to the channel 'nowhere'"),
        ({"channel": "@b", "text": "x"}, "may not write to the channel '@b'"),
        ({"to": "b", "text": "x"}, "'a' may not write to 'b'"),
        ({"to": "nobody", "text": "x"}, "there is no agent 'nobody'"),
    ],
)
def test_what_the_profile_does_not_allow_is_not_posted(body, why):
    found = posted(line(**body))
    assert found.messages == []
    assert why in found.refused[0]


def test_flood_is_bounded_and_said():
    found = posted("\n".join(line(text=f"{number}" + "x" * 9_000) for number in range(MAX_NEW_MESSAGES + 3)))
    assert len(found.messages) == MAX_NEW_MESSAGES
    assert {len(text) for _, text in found.messages} == {MAX_MESSAGE_CHARS}
    assert len(found.refused) == 3


@pytest.mark.parametrize("answer", ["no JSON", line(text=""), line(text=1), '{"kind": "other", "text": "x"}', "[1]"])
def test_what_is_no_message_is_none(answer):
    assert posted(answer) == ([], [])
