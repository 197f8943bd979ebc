"""Which plugin is meant, and which requirements it is held against."""

import importlib.metadata
import sys
from collections.abc import Sequence
from typing import Final

from animus_conformance.requirement import Requirement
from animus_conformance.suite import REQUIREMENTS, SUITES, requirement_named

__all__ = ["ChoiceError", "chosen_requirements", "command_of_entry_point"]

_GROUP: Final = "animus.plugins"


class ChoiceError(Exception):
    """What was asked for does not exist; the text says what does."""


def chosen_requirements(only: Sequence[str], kinds: Sequence[str]) -> tuple[Requirement, ...]:
    """The requirements with these ids, or of these kinds and suites; all of them when neither is given.

    Raises:
        ChoiceError: an id, kind or suite is unknown.
    """
    for name in only:
        if requirement_named(name) is None:
            raise ChoiceError(f"unknown requirement {name!r}; `animus-conformance list` names them all")
    known = {suite.name for suite in SUITES} | {suite.kind for suite in SUITES if suite.kind is not None}
    for name in kinds:
        if name not in known:
            raise ChoiceError(f"unknown kind or suite {name!r}; there are {', '.join(sorted(known))}")
    return tuple(
        requirement
        for requirement in REQUIREMENTS
        if (not only or requirement.id in only) and (not kinds or {requirement.suite, requirement.kind} & set(kinds))
    )


def command_of_entry_point(name: str) -> list[str]:
    """The command that starts the installed plugin of that entry-point name, as a host starts it.

    Raises:
        ChoiceError: none is installed under that name in this environment.
    """
    installed = {point.name: point.value for point in importlib.metadata.entry_points(group=_GROUP)}
    if name not in installed:
        found = ", ".join(sorted(installed)) or "none"
        raise ChoiceError(f"no plugin with the entry point {name!r} is installed; installed are: {found}")
    return [sys.executable, "-P", "-m", installed[name]]
