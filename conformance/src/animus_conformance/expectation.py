"""The file of expected failures: what is known to fail, and why. It fails itself when it is stale."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

from animus_conformance.requirement import Outcome, Status
from animus_conformance.suite import requirement_named

__all__ = ["ExpectationError", "expected_outcome", "load_expectations"]


class ExpectationError(Exception):
    """The file cannot be read, or names what does not exist."""


def load_expectations(path: Path) -> dict[str, str]:
    """Requirement id to reason, from a TOML file with one ``"<id>" = "<reason>"`` a line below ``[expected]``.

    Raises:
        ExpectationError: the file is missing or malformed, a reason is blank, an id is unknown.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ExpectationError(f"cannot read expected failures from {str(path)!r}: {error}") from error
    expected: dict[str, str] = table.get("expected", {})
    for requirement_id, reason in expected.items():
        if requirement_named(requirement_id) is None:
            raise ExpectationError(
                f"{str(path)!r} expects {requirement_id!r} to fail, and there is no such requirement"
            )
        if not str(reason).strip():
            raise ExpectationError(f"{str(path)!r} gives no reason for {requirement_id!r}")
    return expected


def expected_outcome(outcome: Outcome, expected: Mapping[str, str]) -> Outcome:
    """The outcome as the file of expected failures makes it."""
    reason = expected.get(outcome.requirement_id)
    if reason is None or outcome.status is Status.HARNESS_ERROR:
        return outcome
    if outcome.status is Status.FAILED:
        return outcome._replace(status=Status.EXPECTED_FAILURE, detail=reason, transcript=())
    return outcome._replace(
        status=Status.STALE_EXPECTATION,
        detail=f"is expected to fail ({reason}) and {outcome.status}: take it out of the file of expected failures",
    )
