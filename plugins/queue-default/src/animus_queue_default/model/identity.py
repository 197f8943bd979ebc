"""New ids."""

import os
from collections.abc import Callable

__all__ = ["Mint", "mint_id"]

Mint = Callable[[], str]
"""Makes an id nobody has."""

_POOL_IDS = 64
_ID_BYTES, _ID_DIGITS, _ID_LENGTH = 16, 32, 36
_DASHES = (8, 13, 18, 23)
_DIGIT_COLUMNS = tuple(column for column in range(_ID_LENGTH) if column not in _DASHES)
_BLANK = b"-" * _ID_LENGTH + b"\n"
_VERSION_BYTE, _VARIANT_BYTE = 6, 8
_VERSION_4 = bytes(byte & 0x0F | 0x40 for byte in range(256))
_RFC_VARIANT = bytes(byte & 0x3F | 0x80 for byte in range(256))
_pool: list[str] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.clear)  # or parent and child would give out the same ids


def mint_id() -> str:
    """A random UUID (version 4).

    They are drawn and spelled many at once: a system call and a `uuid.UUID` for each would be a fifth of an enqueue.
    """
    if not _pool:
        _pool.extend(_draw())
    return _pool.pop()


def _draw() -> list[str]:
    drawn = bytearray(os.urandom(_ID_BYTES * _POOL_IDS))
    drawn[_VERSION_BYTE::_ID_BYTES] = drawn[_VERSION_BYTE::_ID_BYTES].translate(_VERSION_4)
    drawn[_VARIANT_BYTE::_ID_BYTES] = drawn[_VARIANT_BYTE::_ID_BYTES].translate(_RFC_VARIANT)
    digits = drawn.hex().encode()
    text = bytearray(_BLANK * _POOL_IDS)
    for digit, column in enumerate(_DIGIT_COLUMNS):
        text[column :: len(_BLANK)] = digits[digit::_ID_DIGITS]
    return text.decode().split()
