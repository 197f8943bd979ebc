"""Checksummed frames: how records lie in a file, and how a torn end is told from a damaged middle.

A file starts with eight bytes that say what it is. Then frames follow, each ``<length u32><crc32 u32><payload>``
in little endian; the payload is a MessagePack array of records, one batch. A batch is one frame, so it is there
whole or not at all.

Behind the last frame there may be zeros: room that was made beforehand, because a sync that need not record a new
file length costs a third less. A crash can only leave an incomplete *last* frame, of which a power cut may have
kept any sectors and not others: such a tail was never acknowledged and is cut. Anything else that does not check
out is damage to what was acknowledged, and nobody writes to the file after that.
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
_SECTOR = 512
"""What a disk writes whole or not at all."""
_ZEROS_A_PAYLOAD_MAY_END_WITH = 16


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


def judge_tail(rest: bytes, start: int) -> Tail:
    """What the bytes behind the last good frame are.

    Args:
        rest: those bytes, to the end of the file.
        start: where in the file they begin.
    """
    written = rest.rstrip(b"\0")
    if not written:
        return Tail.CLEAN
    if len(written) < HEAD.size:
        return Tail.TORN
    if _holds_frame(written):
        return Tail.DAMAGED
    if _misses_sector(written, start):
        return Tail.TORN
    length, checksum = HEAD.unpack_from(written)
    if not 0 < length <= _MAX_PAYLOAD or _is_whole(written[HEAD.size :], checksum):
        return Tail.DAMAGED
    return Tail.TORN if len(written) < HEAD.size + length else Tail.DAMAGED


def _misses_sector(written: bytes, start: int) -> bool:
    """Whether a sector of what was to be written still is the room that was there before."""
    first = _SECTOR - start % _SECTOR
    pieces = ((0, first), *((at, at + _SECTOR) for at in range(first, len(written), _SECTOR)))
    return any(not written[begin:end].strip(b"\0") for begin, end in pieces)


def _is_whole(payload: bytes, checksum: int) -> bool:
    """Whether the payload checks out although its length does not: then the length is what was damaged."""
    found = crc32(payload)
    for _ in range(_ZEROS_A_PAYLOAD_MAY_END_WITH):
        if found == checksum:
            return True
        found = crc32(b"\0", found)
    return False


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
