"""JSON values from outside, told apart by type."""

from typing import Any, cast

__all__ = ["json_array", "json_object"]


def json_object(value: Any) -> dict[str, Any] | None:
    """The value if it is an object, else None."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def json_array(value: Any) -> list[Any] | None:
    """The value if it is an array, else None."""
    return cast("list[object]", value) if isinstance(value, list) else None
