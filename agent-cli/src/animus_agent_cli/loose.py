"""Values out of JSON whose shape is not to be relied on: each as what is wanted, or as nothing."""

from collections.abc import Iterable
from typing import Any, cast

__all__ = ["as_dict", "as_list", "as_number", "as_text"]


def as_dict(value: Any) -> dict[str, Any]:
    """The object, or an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """The array, or an empty one."""
    return list(cast("Iterable[Any]", value)) if isinstance(value, list) else []


def as_text(value: Any) -> str | None:
    """The text, if it is one and holds something."""
    return value if isinstance(value, str) and value else None


def as_number(value: Any) -> float:
    """The number, or 0."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
