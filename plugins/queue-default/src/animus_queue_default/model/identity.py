"""New ids."""

import os
from collections.abc import Callable

__all__ = ["Mint", "mint_id"]

Mint = Callable[[], str]
"""Makes an id nobody has."""

_HEX_DIGITS = 32
_POOL_IDS = 64
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
_pool: list[str] = []


def mint_id() -> str:
    """A random UUID (version 4).

    Randomness is drawn for many at once: a system call and a `uuid.UUID` for each would be a fifth of an enqueue.
    """
    if not _pool:
        digits = os.urandom(_POOL_IDS * _HEX_DIGITS // 2).hex()
        _pool.extend(digits[at : at + _HEX_DIGITS] for at in range(0, len(digits), _HEX_DIGITS))
    digits = _pool.pop()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{_VARIANT[digits[16]]}{digits[17:20]}-{digits[20:]}"
