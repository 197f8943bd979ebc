"""Channels of agents: who reads and writes which, and that every name in them means something."""

from collections.abc import Iterator, Mapping

import msgspec

from animus_plugin_protocol.described import described
from animus_workflow_runner_default.authoring.catalog import Catalog
from animus_workflow_runner_default.authoring.checking import Finding
from animus_workflow_runner_default.authoring.diagnostics import did_you_mean
from animus_workflow_runner_default.authoring.model import Agent, Channel, Communication

__all__ = ["ANYBODY", "INBOX", "channels_of", "check_channels", "inbox_of", "may_write_to"]

INBOX = "@"
"""What the name of an agent's own channel begins with: what others write to it alone."""
ANYBODY = "*"
"""In ``can_message``: every agent."""


def inbox_of(agent_id: str) -> str:
    """The channel that holds what was written to one agent."""
    return f"{INBOX}{agent_id}"


def channels_of(agent: Agent, channels: Mapping[str, Channel]) -> list[str]:
    """The channels an agent reads and writes: those its profile names, else those it is a participant of."""
    talk = agent.communication
    if talk is None or not talk.enabled:
        return []
    if talk.channels:
        return [name for name in talk.channels if name in channels]
    return [name for name, channel in channels.items() if agent.id in channel.participants]


def may_write_to(agent: Agent, other: str) -> bool:
    """Whether an agent may write to another one alone."""
    talk = agent.communication
    return talk is not None and talk.enabled and (other in talk.can_message or ANYBODY in talk.can_message)


def check_channels(catalog: Catalog) -> None:
    """Report what is wrong with channels and with what agents say about them."""
    agents = catalog.sections["agents"]
    for name, definition in catalog.sections["agent_channels"].items():
        channel: Channel | None = definition.shape
        if name.startswith(INBOX):
            catalog.blame(definition, f"a channel's name does not begin with {INBOX!r}", of_key=True)
        for index, participant in enumerate([] if channel is None else channel.participants):
            if participant not in agents:
                message = (
                    f"{participant!r} is no agent here{did_you_mean(participant, agents)}; agents are told the name"
                )
                path = (*definition.path, "participants", index)
                catalog.report.take(Finding(path=path, message=message, severity="warning"), definition.document)
    for layers in catalog.agent_layers.values():
        for layer in layers:
            written = layer.value.get("communication")
            if layer.fault is None and written:
                for steps, message in _faults(msgspec.convert(written, described(Communication)), catalog):
                    catalog.blame(layer, message, "communication", *steps)


def _faults(talk: Communication, catalog: Catalog) -> Iterator[tuple[tuple[str | int, ...], str]]:
    channels, agents = catalog.sections["agent_channels"], catalog.sections["agents"]
    for index, name in enumerate(talk.channels):
        found = channels.get(name)
        if found is None:
            hint = did_you_mean(name, channels) or "; define it under agent_channels"
            yield ("channels", index), f"unknown channel {name!r}{hint}"
        elif found.fault is not None:
            yield ("channels", index), f"the channel {name!r} has a fault: {found.fault}"
    for index, name in enumerate(talk.can_message):
        if name != ANYBODY and name not in agents:
            yield ("can_message", index), f"unknown agent {name!r}{did_you_mean(name, agents)}"
