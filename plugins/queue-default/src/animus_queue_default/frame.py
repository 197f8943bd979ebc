"""Checksummed frames: how records lie in a file, and how a torn end is told from a damaged middle.

A file starts with eight bytes that say what it is. Then frames follow, each ``<length u32><crc32 u32><payload>``
in little endian; the payload is a MessagePack array of records, one batch. A batch is one frame, so it is there
whole or not at all.

Behind the last frame there may be zeros: room that was made beforehand, because a sync that need not record a new
file length costs a third less. A crash can only leave an incomplete *last* frame: such a tail was never acknowledged
and is cut. Anything else that does not check out is damage to what was acknowledged, and nobody writes to the file
after that.
"""

import struct
from collections.abc import Callable, Iterator
from enum import Enum
from zlib import crc32

__all__ = [
    "HEAD",
    "HISTORY_MAGIC",
    "JOURNAL_MAGIC",
    "MAGIC_LENGTH",
    "Tail",
    "build_frame",
    "is_room",
    "judge_tail",
    "read_frames",
]

HEAD = struct.Struct("<II")
JOURNAL_MAGIC = b"animusqj"
HISTORY_MAGIC = b"animusqh"
MAGIC_LENGTH = 8

_WINDOW = 1024 * 1024
_MAX_PAYLOAD = 256 * 1024 * 1024
_SEARCH = 4 * 1024 * 1024
_SEARCH_PAYLOAD = 1024 * 1024
_UNWRITTEN = bytes(8)


class Tail(Enum):
    """What stands behind the last good frame."""

    CLEAN = "clean"
    TORN = "torn"
    DAMAGED = "damaged"


def build_frame(payload: bytes) -> bytes:
    """The frame that carries `payload`."""
    return HEAD.pack(len(payload), crc32(payload)) + payload


def read_frames(read: Callable[[int, int], bytes], start: int) -> Iterator[tuple[bytes, int]]:
    """Payloads of the good frames from byte `start` on, each with the offset behind it.

    Args:
        read: gives up to so many bytes from an offset, fewer only at the end of the file.
        start: where a frame begins.
    """
    offset, window = start, b""
    base = start
    while True:
        if len(window) - (offset - base) < HEAD.size:
            base, window = offset, read(_WINDOW, offset)
            if len(window) < HEAD.size:
                return
        length, checksum = HEAD.unpack_from(window, offset - base)
        if not 0 < length <= _MAX_PAYLOAD:
            return
        first = offset - base + HEAD.size
        if first + length > len(window):
            base, window, first = offset, read(max(_WINDOW, HEAD.size + length), offset), HEAD.size
            if first + length > len(window):
                return
        payload = window[first : first + length]
        if crc32(payload) != checksum:
            return
        offset += HEAD.size + length
        yield payload, offset


def is_room(head: bytes) -> bool:
    """Whether nothing was written where `head`, the first bytes of a possible frame, was read."""
    return not head or head == _UNWRITTEN


def judge_tail(rest: bytes) -> Tail:
    """What the bytes behind the last good frame are; `rest` reaches to the end of the file."""
    written = rest.rstrip(b"\0")
    if not written:
        return Tail.CLEAN
    if len(written) < HEAD.size:
        return Tail.TORN
    length, _ = HEAD.unpack_from(written)
    if not 0 < length <= _MAX_PAYLOAD or _holds_frame(written):
        return Tail.DAMAGED
    return Tail.TORN if len(written) < HEAD.size + length else Tail.DAMAGED


def _holds_frame(rest: bytes) -> bool:
    """Whether a good frame begins somewhere behind the first byte: then what is before it is no torn end."""
    view = memoryview(rest)
    for start in range(1, min(len(rest) - HEAD.size, _SEARCH)):
        length, checksum = HEAD.unpack_from(rest, start)
        first = start + HEAD.size
        if (
            0 < length <= _SEARCH_PAYLOAD
            and first + length <= len(rest)
            and crc32(view[first : first + length]) == checksum
        ):
            return True
    return False
