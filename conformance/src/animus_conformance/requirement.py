"""What is asked of a plugin, and what came out of asking."""

import enum
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from animus_conformance.under_test import PluginUnderTest

__all__ = ["CheckFailedError", "NotApplicableError", "Outcome", "Requirement", "Status"]


class CheckFailedError(Exception):
    """The plugin does not do what is asked; the text says what was sent, expected and seen."""


class NotApplicableError(Exception):
    """What is asked does not concern this plugin; the text says why."""


class Status(enum.StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class Requirement(NamedTuple):
    """One thing a plugin must do. The id is for ever: ``<area>:<feature>``."""

    id: str
    text: str
    check: Callable[["PluginUnderTest"], None]


class Outcome(NamedTuple):
    """What one check found; `detail` says why it failed or was skipped."""

    requirement_id: str
    status: Status
    detail: str = ""
