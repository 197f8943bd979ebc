"""JSON values made small enough to travel."""

import json
from typing import Any, Final

__all__ = ["ITEM_LIMIT_CHARACTERS", "bounded", "bounded_text"]

ITEM_LIMIT_CHARACTERS: Final = 32 * 1024
"""How long the arguments or the output of one tool call may be as JSON."""


def bounded_text(text: str, limit: int = ITEM_LIMIT_CHARACTERS) -> str:
    """The text, or its beginning and a word on what was cut."""
    return text if len(text) <= limit else f"{text[:limit]}\n[{len(text) - limit} characters are left out]"


def bounded(value: Any, limit: int = ITEM_LIMIT_CHARACTERS) -> Any:
    """The value, or, where it is too large as JSON, a text with the beginning of that JSON."""
    if isinstance(value, str):
        return bounded_text(value, limit)
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (ValueError, TypeError, RecursionError):
        return "[a value that cannot be told in JSON is left out]"
    return value if len(text) <= limit else bounded_text(text, limit)
