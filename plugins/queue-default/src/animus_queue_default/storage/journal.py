"""One journal file: records appended in durable batches, read back by whoever opens it.

Files are named by number. The current one is the lowest that is not sealed; a sealed one says where its successor
goes on.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path

import msgspec

from animus_queue_default.fault import CorruptFileError, NewerFormatError, StorageError
from animus_queue_default.model.record import FORMAT, Header, Record
from animus_queue_default.storage.files import Files
from animus_queue_default.storage.frame import (
    HEAD,
    JOURNAL_MAGIC,
    MAGIC_LENGTH,
    Tail,
    build_frame,
    is_room,
    judge_tail,
    read_frames,
)

__all__ = [
    "ROOM_BYTES",
    "Journal",
    "Written",
    "batch_offsets",
    "decode_record",
    "encode_batch",
    "encode_record",
    "first_offset",
    "journal_numbers",
    "journal_path",
]

encode_record = msgspec.msgpack.Encoder().encode
decode_record = msgspec.msgpack.Decoder(Record).decode
_decode_raws = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_decode_head = msgspec.msgpack.Decoder(list[object]).decode
ROOM_BYTES = 256 * 1024
"""How much room is made at once: a write of about a millisecond, every several hundred operations."""
_PREFIX, _SUFFIX = "journal-", ".log"
_ARRAY_HEAD = struct.Struct(">BI")
_ARRAY_32 = 0xDD
_BATCH_HEAD = _ARRAY_HEAD.size
_RECORDS_BEGIN = HEAD.size + _BATCH_HEAD
_ONE_RECORD = _ARRAY_HEAD.pack(_ARRAY_32, 1)
Written = tuple[Record, bytes, int]
"""A record, its bytes, and where in the file they begin."""


def journal_path(directory: Path, number: int) -> Path:
    """Where journal file `number` lies."""
    return directory / f"{_PREFIX}{number:08d}{_SUFFIX}"


def journal_numbers(names: Iterable[str]) -> list[int]:
    """The numbers of the journal files among `names`, ascending."""
    stems = (
        name[len(_PREFIX) : -len(_SUFFIX)] for name in names if name.startswith(_PREFIX) and name.endswith(_SUFFIX)
    )
    return sorted(int(stem) for stem in stems if stem.isdigit())


def encode_batch(raws: Sequence[bytes]) -> bytes:
    """The frame for a batch of encoded records."""
    # A MessagePack array of records that are encoded already: its head, then they.
    if len(raws) == 1:  # the usual batch of whoever waits for each reply
        return build_frame(_ONE_RECORD + raws[0])
    return build_frame(_ARRAY_HEAD.pack(_ARRAY_32, len(raws)) + b"".join(raws))


def batch_offsets(frame_start: int, raws: Sequence[bytes]) -> Iterator[int]:
    """Where each record of a batch begins when its frame begins at `frame_start`."""
    return accumulate(map(len, raws[:-1]), initial=first_offset(frame_start))


def first_offset(frame_start: int) -> int:
    """Where the first record of a batch begins when its frame begins at `frame_start`."""
    return frame_start + _RECORDS_BEGIN


class Journal:
    """An open journal file.

    Args:
        files: the operating system.
        path: the file; it exists.
        end: where the next frame goes; None reads from the start.

    Raises:
        CorruptFileError: the file is no journal.
    """

    def __init__(self, files: Files, path: Path, end: int | None = None) -> None:
        self._files = files
        self.path = path
        self._descriptor: int | None = files.open(path)
        self.end = MAGIC_LENGTH if end is None else end
        self._room_end = 0
        self._is_certain = False
        magic = self._read(MAGIC_LENGTH, 0)
        if magic != JOURNAL_MAGIC:
            self.close()
            raise CorruptFileError(
                f"{str(path)!r} is not a queue journal (it begins with {magic!r}); nothing was written to it."
                " Move it away to start with an empty queue, or put the right file back"
            )

    def close(self) -> None:
        """Give the descriptor back."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            self._files.close(descriptor)

    def close_aside(self) -> None:
        """As `close`, for a file that was deleted."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            self._files.close_aside(descriptor)

    def append(self, raws: Sequence[bytes]) -> int:
        """Write one batch of encoded records durably.

        Returns:
            Where their frame begins; see `batch_offsets`.

        Raises:
            StorageError: it could not be written; what was written of it has been cut off again.
        """
        frame = encode_batch(raws)
        if self.end + len(frame) > self._room_end:
            self._make_room(self.end + len(frame))
        try:
            self._files.append(self._open_descriptor, frame, self.end)
        except OSError as error:
            self._undo()
            raise StorageError(
                f"cannot write to {str(self.path)!r}: {error.strerror or error}; nothing of this batch was kept."
                " Free space or fix the disk, then ask again"
            ) from error
        self._is_certain = True  # that sync covered what others had written, too
        start = self.end
        self.end += len(frame)
        return start

    def make_certain(self) -> None:
        """Make durable what was read: whoever wrote it may have died before its sync.

        Raises:
            StorageError: it could not be synced.
        """
        try:
            if not self._is_certain:
                self._files.sync(self._open_descriptor)
        except OSError as error:
            raise StorageError(f"cannot sync {str(self.path)!r}: {error.strerror or error}; ask again") from error
        self._is_certain = True

    def read_at(self, offset: int, length: int) -> bytes:
        """Bytes of a record that is known to lie there.

        Raises:
            StorageError: they cannot be read.
        """
        try:
            return self._files.read(self._open_descriptor, length, offset)
        except OSError as error:
            raise StorageError(f"cannot read {str(self.path)!r}: {error.strerror or error}; ask again") from error

    def checksum(self, start: int, end: int) -> int | None:
        """The checksum of a stretch of the file; None if the file is shorter."""
        return self._files.checksum(self._open_descriptor, start, end)

    def skip_to(self, end: int) -> None:
        """What stands before `end`, where a frame ends, is known already."""
        self.end = end

    def is_longer(self) -> bool:
        """Whether somebody wrote behind `end`: one read of eight bytes, see `Files.size`."""
        return not is_room(self._files.read(self._open_descriptor, HEAD.size, self.end))

    def read_new(self, upto: int | None = None) -> Iterator[list[Written]]:
        """The frames behind `end`, which moves on with them. The lock is held, so a torn tail is nobody's and is cut.

        Args:
            upto: stop at the first frame that ends there or behind; the tail is not looked at then.

        Raises:
            CorruptFileError: what stands there is damaged.
            NewerFormatError: a newer version wrote it.
        """
        if upto is not None and self.end >= upto:
            return
        is_first = self.end == MAGIC_LENGTH
        if not is_first and not self.is_longer():
            return
        for payload, offset in read_frames(self._read, self.end):
            records = self._decode(payload)
            self.end, self._is_certain = offset, False
            yield records
            if upto is not None and offset >= upto:
                return
        if self.end == MAGIC_LENGTH:
            raise CorruptFileError(
                f"{str(self.path)!r} does not begin with a header; nothing was written to it. Restore it from a backup,"
                " or move it away to start with an empty queue"
            )
        # Zeros here are room that somebody made. Only who reads the file for the first time looks behind them.
        if is_first or self.is_longer():
            self._cut_tail()

    def require_known_format(self) -> None:
        """Refuse a journal that a newer version wrote.

        Raises:
            CorruptFileError: it does not say its format.
            NewerFormatError: it is newer.
        """
        for payload, _ in read_frames(self._read, MAGIC_LENGTH):
            self._require_known_format(payload)
            return

    def _read(self, length: int, offset: int) -> bytes:
        return self._files.read(self._open_descriptor, length, offset)

    @property
    def _open_descriptor(self) -> int:
        if self._descriptor is None:
            raise StorageError(f"{str(self.path)!r} was closed; nothing was done, ask again")
        return self._descriptor

    def _decode(self, payload: bytes) -> list[Written]:
        first = self.end + HEAD.size
        try:
            if self.end == MAGIC_LENGTH:
                self._require_known_format(payload)
            if payload.startswith(_ONE_RECORD):  # the usual frame
                raw = payload[_BATCH_HEAD:]
                return [(decode_record(raw), raw, first + _BATCH_HEAD)]
            raws = [bytes(raw) for raw in _decode_raws(payload)]
            offsets = accumulate(map(len, raws), initial=first + len(payload) - sum(map(len, raws)))
            return [(decode_record(raw), raw, offset) for raw, offset in zip(raws, offsets, strict=False)]
        except msgspec.MsgspecError as error:
            raise CorruptFileError(
                f"{str(self.path)!r} holds a record at byte {self.end} that cannot be read ({error}); nothing was"
                " written to it. It checks out, so a newer version may have written it: upgrade animus-queue-default"
            ) from error

    def _require_known_format(self, payload: bytes) -> None:
        """The first record says the format; it is read before the rest, which a newer format may spell otherwise."""
        raws = _decode_raws(payload)
        head = _decode_head(raws[0]) if raws else []
        found = head[1] if len(head) > 1 and head[0] == Header.__struct_config__.tag else None
        if not isinstance(found, int):
            raise CorruptFileError(f"{str(self.path)!r} does not begin with a header; nothing was written to it")
        if found > FORMAT:
            raise NewerFormatError(
                f"{str(self.path)!r} has format {found}, this version knows formats up to {FORMAT}; upgrade"
                " animus-queue-default, or use another state directory"
            )

    def _cut_tail(self) -> None:
        rest = self._read(self._files.size(self._open_descriptor) - self.end, self.end)
        tail = judge_tail(rest, self.end)
        if tail is Tail.DAMAGED:
            raise CorruptFileError(
                f"{str(self.path)!r} is damaged at byte {self.end}; nothing was written to it. Copy it away, then"
                f" restore it from a backup, or keep what stands before the damage with: truncate -s {self.end}"
                f" {str(self.path)!r}"
            )
        if tail is Tail.TORN:
            torn = rest.rstrip(b"\0")
            self._files.save(self.path.with_name(f"torn-{self.path.stem}-{self.end}.bin"), torn)
            self._files.cut(self._open_descriptor, self.end)
        else:
            self._room_end = self.end + len(rest)

    def _make_room(self, needed: int) -> None:
        """Fill the file with zeros beyond `needed`. Where there is no space for that, the frame alone may still fit."""
        try:
            self._files.write(self._open_descriptor, bytes(needed + ROOM_BYTES - self.end), self.end)
        except OSError:
            return
        self._room_end = needed + ROOM_BYTES

    def _undo(self) -> None:
        """Cut off a batch that failed. Where even that fails, the next reader finds a torn tail and cuts it."""
        self._room_end = 0
        try:
            self._files.cut(self._open_descriptor, self.end)
            self._files.sync(self._open_descriptor)
        except OSError:
            return
