"""The compiled hooks of an agent: rules about its tool calls, and what is recorded. Import these names from `model`."""

from typing import Annotated, Literal

import msgspec

from animus_workflow_runner_default.authoring.phase_model import Text

__all__ = ["Hooks", "InputMatcher", "PolicyRule", "ToolObserver"]


class InputMatcher(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A regular expression to be found in one field of a tool's input; ``a.b`` is the field ``b`` inside ``a``."""

    field: Text
    regex: str


class PolicyRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is decided about tool calls before they are made. Of all rules that fit a call the strictest decides."""

    id: Text | None = None
    """Said where the rule decides; its place in the list where it has none."""
    events: list[str] = []
    """Only ``pre_tool_use``: a rule decides before a tool is used."""
    tools: list[str] = []
    """Names with ``*``; none means every tool."""
    input_matchers: list[InputMatcher] = []
    """All of them have to fit."""
    decision: Literal["deny", "ask", "allow", "defer"]
    """``ask`` asks a person, ``allow`` asks nobody, ``defer`` leaves it to the policies of the agent."""
    reason: str | None = None
    """Told to the agent and to people."""


class ToolObserver(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What of an agent's work is written to a file of the run."""

    id: Text | None = None
    events: Annotated[list[str], msgspec.Meta(min_length=1)]
    tools: list[str] = []
    action: Literal["record"] = "record"


class Hooks(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Hooks of an agent."""

    policy_rules: list[PolicyRule] = []
    observers: list[ToolObserver] = []
