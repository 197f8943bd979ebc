"""New ids."""

import uuid
from collections.abc import Callable

__all__ = ["Mint", "mint_id"]

Mint = Callable[[], str]
"""Makes an id nobody has."""


def mint_id() -> str:
    """A random UUID."""
    return str(uuid.uuid4())
