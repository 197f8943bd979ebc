"""Waiting and writing with a bound."""

import fcntl
import os
import select
import sys
import termios
import time
from typing import Final

__all__ = ["PATIENCE_VARIABLE", "patient", "write_apart", "write_bounded"]

PATIENCE_VARIABLE: Final = "ANIMUS_CONFORMANCE_PATIENCE"
"""A factor for every bound: above 1 on a machine that is slow or busy."""

_PIPE_BYTES: Final = 4096
"""A pipe that is ready for writing takes as many bytes without blocking (PIPE_BUF)."""

_LOOK_SECONDS: Final = 0.0002
"""Between two looks at whether a byte was read."""


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


def write_apart(descriptor: int, data: bytes, seconds: float) -> bool:
    """Write one byte at a time, the next when the reader has taken the last; False when it does not for `seconds`.

    Raises:
        OSError: the reader is gone.
    """
    for byte in data:
        if not write_bounded(descriptor, bytes([byte]), seconds):
            return False
        deadline = time.monotonic() + seconds
        while _unread(descriptor):
            if time.monotonic() > deadline:
                return False
            time.sleep(_LOOK_SECONDS)
    return True


def _unread(descriptor: int) -> int:
    """The bytes that wait in a pipe for its reader."""
    return int.from_bytes(fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)), sys.byteorder)
