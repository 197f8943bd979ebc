"""How a field that has a default but is always written is declared, and the types fields share."""

import datetime
from typing import Annotated, Any

import msgspec

__all__ = ["Moment", "Wire", "always", "always_list", "always_null"]

Moment = Annotated[datetime.datetime, msgspec.Meta(tz=True)]
"""A moment that is read: RFC 3339 with an offset; without one it is refused, as other implementations do."""


class Wire(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The common shape of wire structs: frozen, keyword-only, defaults left out. Unknown fields are skipped."""


def always(default: Any) -> Any:
    """Declare a scalar field that is written even when it holds its default.

    msgspec leaves out a field that equals its plain default; it never leaves out one that comes from a factory.
    """
    return msgspec.field(default_factory=lambda: default)


def always_list() -> Any:
    """Declare a list field that is written even when it is empty."""
    return msgspec.field(default_factory=lambda: [])  # noqa: PIE807 - `list` itself would be left out when empty


def always_null() -> Any:
    """Declare a nullable field that is written as null rather than left out."""
    return msgspec.field(default_factory=lambda: None)
