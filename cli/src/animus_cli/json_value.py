"""JSON of a shape that others decide, read without trusting it."""

from collections.abc import Iterable
from typing import Any, cast

__all__ = ["json_array", "json_object"]


def json_object(value: Any) -> dict[str, Any]:
    """`value` if it is an object, else an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def json_array(value: Any) -> list[Any]:
    """`value` if it is an array, else an empty one."""
    return list(cast("Iterable[Any]", value)) if isinstance(value, list) else []
