"""Plain data (what JSON can hold), narrowed for the type checker."""

from typing import Any, TypeGuard

__all__ = ["describe", "is_list", "is_mapping"]

SHOWN_TEXT = 40
"""So much of a wrong text stands in a message."""


def is_mapping(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether the value is a mapping; the keys of plain data are always strings."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether the value is a list."""
    return isinstance(value, list)


def describe(value: object) -> str:
    """The value in the words of a message: ``the string '30s'``, ``a list``, ``nothing``."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the string {value[:SHOWN_TEXT]!r}{'...' if len(value) > SHOWN_TEXT else ''}"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    noun = "list" if isinstance(value, list) else "mapping"
    return f"a {noun}" if value else f"an empty {noun}"
