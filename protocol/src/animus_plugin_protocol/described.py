"""Types made known to msgspec before threads share them.

msgspec works out how to read a type when the type is first used, and puts it where every thread finds it before it is
complete: a second thread that reads the same type at that moment ends the process with a segmentation fault. Whatever
may be read for the first time on a thread of its own goes through `described`, which lets one thread do it at a time.
"""

from _thread import allocate_lock
from typing import Final, TypeVar

import msgspec

__all__ = ["described"]

T = TypeVar("T")

_one_at_a_time: Final = allocate_lock()
_known: Final[set[object]] = set()


def described(shape: T) -> T:
    """The type itself, complete, with every type in it. May be called on any thread, and as a class decorator."""
    if shape not in _known:
        with _one_at_a_time:
            msgspec.json.Decoder(shape)
            _known.add(shape)
    return shape
