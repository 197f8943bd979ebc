"""Dispatches and moments as the queue and runner suites send them."""

import datetime
import itertools
from typing import Any, Final

from animus_conformance.requirement import CheckFailedError

__all__ = ["dispatch", "moment", "only", "require", "require_equal", "subject_of"]

_numbers: Final = itertools.count(1)


def subject_of(name: str | None = None, kind: str = "animus.task") -> dict[str, Any]:
    """A subject reference that no other check uses."""
    native = name if name is not None else f"TASK-{next(_numbers):03d}"
    return {"kind": kind, "id": native, "title": f"About {native}"}


def dispatch(name: str | None = None, **more: Any) -> dict[str, Any]:
    """A dispatch of a subject of its own."""
    return {
        "subject": subject_of(name),
        "workflow_ref": "conformance",
        "trigger_source": "conformance",
        "requested_at": "2026-01-01T00:00:00Z",
        **more,
    }


def moment(seconds: float) -> str:
    """The RFC 3339 text of the moment `seconds` from now."""
    then = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
    return then.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def only(items: list[Any], what: str) -> Any:
    """The one item there has to be.

    Raises:
        CheckFailedError: there is none, or more than one.
    """
    if len(items) != 1:
        raise CheckFailedError(f"{what}: expected one, found {len(items)}")
    return items[0]


def require(holds: object, what: str) -> None:
    """Fail the check with `what` unless it holds.

    Raises:
        CheckFailedError: it does not hold.
    """
    if not holds:
        raise CheckFailedError(what)


def require_equal(found: Any, expected: Any, what: str) -> None:
    """Fail the check unless both are equal.

    Raises:
        CheckFailedError: they are not.
    """
    if found != expected:
        raise CheckFailedError(f"{what} is {found!r}, expected {expected!r}")
