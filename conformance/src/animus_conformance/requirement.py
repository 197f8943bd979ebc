"""What is asked of a plugin, and what came out of asking."""

import enum
import functools
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from animus_conformance.peer import Peer
    from animus_conformance.under_test import PluginUnderTest

__all__ = [
    "CheckFailedError",
    "HarnessError",
    "NotApplicableError",
    "Outcome",
    "Requirement",
    "Status",
    "Suite",
]

FIRST_VERSION: Final = "1.1.0"


class CheckFailedError(Exception):
    """The plugin does not do what is asked; the text says what was sent, expected and seen."""


class NotApplicableError(Exception):
    """What is asked does not concern this plugin; the text says why."""


class HarnessError(Exception):
    """The harness did something wrong; nothing is known about the plugin."""


class Status(enum.StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not_applicable"
    """The plugin does not say that it does this. Never counted as passed."""
    EXPECTED_FAILURE = "expected_failure"
    """It failed, as the file of expected failures says."""
    STALE_EXPECTATION = "stale_expectation"
    """The file of expected failures says it fails, and it does not."""
    HARNESS_ERROR = "harness_error"
    """The harness failed: nothing is known about the plugin."""

    @property
    def is_good(self) -> bool:
        """Whether a run with nothing but such outcomes is a success."""
        return self in {Status.PASSED, Status.NOT_APPLICABLE, Status.EXPECTED_FAILURE}


Check = Callable[["PluginUnderTest"], None]


class Requirement(NamedTuple):
    """One thing a plugin must do.

    Attributes:
        id: for ever: ``<area>:<feature>`` or ``<area>:<feature>:<case>``.
        text: what must hold, one sentence.
        suite: the suite it belongs to.
        kind: the plugin kind it concerns, None for every kind.
        needs: methods that whoever serves the kind has to have; a missing one is a failure.
        when: methods or capability strings it concerns; where none of them is advertised, it does not apply.
        since: the protocol version that brought it.
        check: raises when it does not hold.
    """

    id: str
    text: str
    suite: str
    kind: str | None
    needs: tuple[str, ...]
    when: tuple[str, ...]
    since: str
    check: Check


class Outcome(NamedTuple):
    """What one check found; `detail` says why it failed or does not apply, `latencies` what each answer took."""

    requirement_id: str
    status: Status
    detail: str = ""
    transcript: tuple[str, ...] = ()
    seconds: float = 0.0
    latencies: Mapping[str, Sequence[float]] = MappingProxyType({})


class Suite:
    """Collects the requirements of one suite, in the order they are written.

    Args:
        name: ``core``, ``queue``, ...
        kind: the plugin kind it concerns, None for every kind.
    """

    def __init__(self, name: str, kind: str | None = None) -> None:
        self.name = name
        self.kind = kind
        self._requirements: list[Requirement] = []

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        """What was collected."""
        return tuple(self._requirements)

    def plugin(
        self, requirement_id: str, text: str, *, needs: tuple[str, ...] = (), when: tuple[str, ...] = ()
    ) -> Callable[[Check], Check]:
        """Register a check that starts the plugin itself."""

        def register(check: Check) -> Check:
            self._requirements.append(
                Requirement(requirement_id, text, self.name, self.kind, needs, when, FIRST_VERSION, check)
            )
            return check

        return register

    def opened(
        self, requirement_id: str, text: str, *, needs: tuple[str, ...] = (), when: tuple[str, ...] = ()
    ) -> Callable[[Callable[["Peer"], None]], Callable[["Peer"], None]]:
        """Register a check that is given a plugin behind its handshake."""

        def register(check: Callable[["Peer"], None]) -> Callable[["Peer"], None]:
            self.plugin(requirement_id, text, needs=needs, when=when)(functools.partial(_check_opened, check))
            return check

        return register


def _check_opened(check: Callable[["Peer"], None], plugin: "PluginUnderTest") -> None:
    with plugin.started() as peer:
        check(peer)
