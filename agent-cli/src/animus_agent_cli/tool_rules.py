"""Rules about single tool calls: what each looks at, and which of them decides.

An agent may only be run with rules where every one of its tool calls is judged before it is made.
"""

import fnmatch
import json
import re
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from animus_agent_cli.loose import as_dict

__all__ = ["ALLOW", "ASK", "DEFER", "DENY", "InputMatcher", "Judgement", "ToolRule", "ToolRules"]

DENY: Final = "deny"
ASK: Final = "ask"
ALLOW: Final = "allow"
DEFER: Final = "defer"
_STRICTNESS: Final = (DENY, ASK, ALLOW, DEFER)
"""The most restrictive first: of all rules that fit a call, that one decides."""
MATCHED_CHARACTERS: Final = 200_000
"""An input longer than this is not looked through: it fits every rule that restricts, and none that allows."""


class InputMatcher(NamedTuple):
    """What is looked for, anywhere in one field of a tool's input; ``a.b`` is the field ``b`` of the object ``a``."""

    field: str
    pattern: re.Pattern[str]

    def fits(self, arguments: Any, *, if_too_long: bool) -> bool:
        """Whether the field is there and the pattern is found in it. What is no text is looked at as JSON."""
        value: Any = arguments
        for step in self.field.split("."):
            value = as_dict(value).get(step)
        if value is None:
            return False
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return if_too_long if len(text) > MATCHED_CHARACTERS else self.pattern.search(text) is not None


class ToolRule(NamedTuple):
    """What is decided about calls of `tools` but for those `excluded`, whose input fits all `matchers`.

    Both are names with ``*``; no `tools` means all of them.
    """

    name: str
    decision: str
    tools: tuple[str, ...] = ()
    matchers: tuple[InputMatcher, ...] = ()
    reason: str | None = None
    excluded: tuple[str, ...] = ()

    def fits(self, names: tuple[str, ...], arguments: Any) -> bool:
        """Whether it is about a call of the tool that goes by `names`."""
        if (self.tools and not _is_among(names, self.tools)) or _is_among(names, self.excluded):
            return False
        restricts = self.decision in {DENY, ASK}
        return all(matcher.fits(arguments, if_too_long=restricts) for matcher in self.matchers)


def _is_among(names: Iterable[str], patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for name in names for pattern in patterns)


class Judgement(NamedTuple):
    """What was decided about a call, and by which rule."""

    decision: str
    rule: str
    reason: str | None = None

    @property
    def words(self) -> str:
        """Why, for the agent and for people."""
        return f"rule {self.rule!r}" if self.reason is None else f"rule {self.rule!r}: {self.reason}"


class ToolRules(NamedTuple):
    """All rules of a run.

    Attributes:
        rules: in the order they were written; of rules as strict as each other the first decides.
        ask_seconds: how long somebody is waited for where a rule asks.
    """

    rules: tuple[ToolRule, ...]
    ask_seconds: float = 600.0

    def judge(self, names: Iterable[str], arguments: Any) -> Judgement | None:
        """What is decided about a call; None leaves it to everything else that decides about tools.

        Args:
            names: all names of the tool.
            arguments: its input.
        """
        known = tuple(names)
        fitting = [rule for rule in self.rules if rule.fits(known, arguments)]
        strictest = min(fitting, key=lambda rule: _STRICTNESS.index(rule.decision), default=None)
        if strictest is None or strictest.decision == DEFER:
            return None
        return Judgement(strictest.decision, strictest.name, strictest.reason)
