"""Server-sent events, as bytes."""

import json
from collections.abc import Iterator
from typing import Any, Final

__all__ = ["PIECE_CHARACTERS", "pieces", "sent_event"]

PIECE_CHARACTERS: Final = 24
"""Texts and arguments are streamed in pieces of this size, so that a client has something to join."""


def sent_event(data: dict[str, Any], event: str | None = None) -> bytes:
    """One event."""
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


def pieces(text: str) -> Iterator[str]:
    """`text` in pieces; an empty text is one empty piece."""
    for start in range(0, max(len(text), 1), PIECE_CHARACTERS):
        yield text[start : start + PIECE_CHARACTERS]
