"""Writing to a pipe that its reader may have stopped reading."""

import os
import select
from typing import Final

__all__ = ["write_bounded"]

_PIPE_BYTES: Final = 4096
"""A pipe that is ready for writing takes as many bytes without blocking (PIPE_BUF)."""


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
