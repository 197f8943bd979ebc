"""What agents write to each other: what one of them reads in its prompt, and what its answer posts."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from animus_workflow_runner_default.authoring.channels import channels_of, inbox_of, may_write_to
from animus_workflow_runner_default.authoring.model import Agent, Channel, Communication
from animus_workflow_runner_default.json_value import json_object
from animus_workflow_runner_default.phases.decision import json_objects

__all__ = ["MAX_MESSAGE_CHARS", "SHOWN_MESSAGES", "ChannelView", "Posted", "messages_of", "messages_text"]

SHOWN_MESSAGES = 20
"""How many messages of a channel a prompt holds at most."""
MAX_MESSAGE_CHARS = 2_000
MAX_NEW_MESSAGES = 20
"""How many messages one phase may post."""
_KIND = "agent_message"
_NOTHING = "(nothing yet)"


class ChannelView(NamedTuple):
    """A channel as one of its agents sees it; the messages are sender and text, oldest first."""

    name: str
    channel: Channel | None
    """None for what was written to the agent alone."""
    messages: Sequence[tuple[str, str]]


class Posted(NamedTuple):
    """What an answer posts (channel and text), and why other messages of it are not posted."""

    messages: list[tuple[str, str]]
    refused: list[str]


def messages_text(agent: Agent | None, views: Sequence[ChannelView]) -> str:
    """The section of a prompt: the newest messages that fit, oldest first, and how to write one."""
    talk = None if agent is None else agent.communication
    if talk is None or not views:
        return ""
    left = talk.max_context_chars
    blocks: list[str] = []
    for view in views:
        limit = left if view.channel is None else min(left, view.channel.max_context_chars)
        lines = _newest(view.messages, limit)
        left -= sum(map(len, lines))
        blocks.append(f"{_title(view)}:\n" + ("\n".join(lines) or _NOTHING))
    return "\n".join([*blocks, *_how_to_write(talk, views)])


def _title(view: ChannelView) -> str:
    if view.channel is None:
        return "To you alone"
    with_whom = f"with {', '.join(view.channel.participants)}"
    about = f"{view.channel.description}; {with_whom}" if view.channel.description else with_whom
    return f"Channel {view.name} ({about})"


def _newest(messages: Sequence[tuple[str, str]], limit: int) -> list[str]:
    lines: list[str] = []
    for sender, text in reversed(messages):
        line = f"- {sender}: {' '.join(text.split())}"
        limit -= len(line)
        if limit < 0:
            break
        lines.append(line)
    return lines[::-1]


def _how_to_write(talk: Communication, views: Sequence[ChannelView]) -> list[str]:
    names = [view.name for view in views if view.channel is not None]
    lines: list[str] = []
    if names:
        lines.append(f"To write to a channel, print one line of JSON: {_example('channel', names[0])}")
    if talk.can_message:
        who = ", ".join(talk.can_message)
        lines.append(f"To write to one agent ({who}), print one line of JSON: {_example('to', talk.can_message[0])}")
    return lines


def _example(key: str, name: str) -> str:
    return msgspec.json.encode({"kind": _KIND, key: name, "text": "..."}).decode()


def messages_of(agent: Agent, channels: Mapping[str, Channel], agents: Mapping[str, Agent], answer: str) -> Posted:
    """The messages in an answer, each through the gate that the agent's profile is."""
    posted = Posted([], [])
    for value in json_objects(answer):
        body = json_object(value) or {}
        text = body.get("text")
        if body.get("kind") != _KIND or not isinstance(text, str) or not text.strip():
            continue
        channel, fault = _addressed(agent, channels, agents, body)
        if fault is not None:
            posted.refused.append(fault)
        elif len(posted.messages) >= MAX_NEW_MESSAGES:
            posted.refused.append(f"one phase posts {MAX_NEW_MESSAGES} messages at most")
        else:
            posted.messages.append((channel, text.strip()[:MAX_MESSAGE_CHARS]))
    return posted


def _addressed(
    agent: Agent, channels: Mapping[str, Channel], agents: Mapping[str, Agent], body: dict[str, Any]
) -> tuple[str, str | None]:
    """The channel a message goes to, and why it may not."""
    name, other = body.get("channel"), body.get("to")
    if isinstance(other, str) and name is None:
        if other not in agents:
            return "", f"there is no agent {other!r}"
        return inbox_of(other), None if may_write_to(agent, other) else f"{agent.id!r} may not write to {other!r}"
    known = channels_of(agent, channels)
    if name is None and len(known) == 1:
        return known[0], None
    if not isinstance(name, str) or name not in known:
        return "", f"{agent.id!r} may not write to the channel {name!r}; it has: {', '.join(known) or 'none'}"
    return name, None
