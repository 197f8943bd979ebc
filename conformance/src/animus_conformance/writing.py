"""Waiting and writing with a bound."""

import os
import select
from typing import Final

__all__ = ["PATIENCE_VARIABLE", "patient", "write_bounded"]

PATIENCE_VARIABLE: Final = "ANIMUS_CONFORMANCE_PATIENCE"
"""A factor for every bound: above 1 on a machine that is slow or busy."""

_PIPE_BYTES: Final = 4096
"""A pipe that is ready for writing takes as many bytes without blocking (PIPE_BUF)."""


def patient(seconds: float) -> float:
    """A bound as this machine needs it."""
    return seconds * float(os.environ.get(PATIENCE_VARIABLE, "1"))


def write_bounded(descriptor: int, data: bytes, seconds: float) -> bool:
    """Write all of `data`; False when the reader takes none of it for `seconds`.

    Raises:
        OSError: the reader is gone.
    """
    left = memoryview(data)
    while left:
        if not select.select([], [descriptor], [], seconds)[1]:
            return False
        left = left[os.write(descriptor, left[:_PIPE_BYTES]) :]
    return True
