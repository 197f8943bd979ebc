"""Hooks of agents: that every event and every regular expression in them means something."""

import re
from collections.abc import Iterator

import msgspec

from animus_plugin_protocol.described import described
from animus_workflow_runner_default.authoring.catalog import Catalog
from animus_workflow_runner_default.authoring.diagnostics import did_you_mean
from animus_workflow_runner_default.authoring.model import Hooks

__all__ = ["EVENTS", "PRE_TOOL_USE", "check_hooks", "event_name"]

PRE_TOOL_USE = "pre_tool_use"
EVENTS = (PRE_TOOL_USE, "post_tool_use", "session_start", "session_end")
"""What can be observed of an agent, whatever plays it. ``PreToolUse`` is the same as ``pre_tool_use``."""
_Fault = tuple[tuple[str | int, ...], str]


def event_name(written: str) -> str:
    """The event as it is called here."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", written).lower()


def check_hooks(catalog: Catalog) -> None:
    """Report what is wrong with the hooks of agents."""
    for layers in catalog.agent_layers.values():
        for layer in layers:
            written = layer.value.get("hooks")
            if layer.fault is None and written:
                for steps, message in _faults(msgspec.convert(written, described(Hooks))):
                    catalog.blame(layer, message, "hooks", *steps)


def _faults(hooks: Hooks) -> Iterator[_Fault]:
    for index, rule in enumerate(hooks.policy_rules):
        place = ("policy_rules", index)
        for at, event in enumerate(rule.events):
            yield from _event_fault(event, (*place, "events", at))
            if event_name(event) in EVENTS[1:]:
                message = (
                    f"a rule decides before a tool is used, not at {event!r}: write {PRE_TOOL_USE}, or an observer"
                )
                yield (*place, "events", at), message
        yield from _tool_faults(rule.tools, place)
        for at, matcher in enumerate(rule.input_matchers):
            try:
                re.compile(matcher.regex)
            except re.error as error:
                yield (*place, "input_matchers", at, "regex"), f"not a regular expression: {error}"
    for index, observer in enumerate(hooks.observers):
        yield from _tool_faults(observer.tools, ("observers", index))
        for at, event in enumerate(observer.events):
            yield from _event_fault(event, ("observers", index, "events", at))


def _tool_faults(tools: list[str], place: tuple[str | int, ...]) -> Iterator[_Fault]:
    for at, name in enumerate(tools):
        if "(" in name:  # as a tool_policy may have it; here it would fit no call
            yield (*place, "tools", at), f"{name!r} is no tool: what a tool is given is looked at by 'input_matchers'"


def _event_fault(event: str, place: tuple[str | int, ...]) -> Iterator[_Fault]:
    if event_name(event) not in EVENTS:
        yield place, f"unknown event {event!r}{did_you_mean(event_name(event), EVENTS)}"
