"""Where frames come from and go to, and the claim on the standard streams (protocol section 1).

After `claim_standard_streams` only the loop can read descriptor 0 and write descriptor 1: everybody else, child
processes and C libraries included, reads nothing from 0 and writes to stderr through 1.
"""

import contextlib
import io
import os
import select
import stat
import sys
from collections.abc import Generator
from typing import Any, BinaryIO, Final, NamedTuple, Protocol

from animus_plugin_protocol._outbox import Sink

__all__ = ["READ_BYTES", "Source", "Streams", "claim_standard_streams", "open_streams"]

READ_BYTES: Final = 65_536
"""From 128 KiB on the allocator maps and unmaps memory for each read, which halves the rate."""


class Source(Protocol):
    """Where bytes come from.

    Attributes:
        fileno: None where there is no descriptor to wait on.
        unread: bytes that `read` gives first, without waiting for the descriptor.
    """

    fileno: int | None
    unread: bytes

    def read(self) -> bytes:
        """Some bytes; none at the end of the stream."""
        ...


class Streams(NamedTuple):
    """Both directions."""

    source: Source
    sink: Sink


class DescriptorSource:
    """A pipe, socket or file."""

    def __init__(self, fileno: int, unread: bytes = b"") -> None:
        self.fileno: int | None = fileno
        self.unread = unread
        self._fileno = fileno

    def read(self) -> bytes:
        """Some bytes; an error on the descriptor counts as its end."""
        if self.unread:
            data, self.unread = self.unread, b""
            return data
        try:
            return os.read(self._fileno, READ_BYTES)
        except OSError:
            return b""


class ObjectSource:
    """A binary file object without a descriptor."""

    fileno: int | None = None
    unread: bytes = b""

    def __init__(self, stream: Any) -> None:
        self._read: Any = getattr(stream, "read1", None)
        if self._read is None:
            self._read = stream.readline

    def read(self) -> bytes:
        """Some bytes."""
        try:
            return bytes(self._read(READ_BYTES))
        except (OSError, ValueError):
            return b""


class DescriptorSink:
    """A pipe or socket that is written without waiting; anything else is written with waiting."""

    def __init__(self, fileno: int) -> None:
        self._fileno = fileno

    def write(self, data: bytes | memoryview) -> int:
        """How much was taken."""
        try:
            return os.write(self._fileno, data)
        except BlockingIOError:
            return 0

    def wait_writable(self, timeout_seconds: float) -> bool:
        """Also true when the other end is gone: the next write says so."""
        poll = select.poll()
        poll.register(self._fileno, select.POLLOUT)
        return bool(poll.poll(timeout_seconds * 1000))


class ObjectSink:
    """A binary file object without a descriptor; written with waiting."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, data: bytes | memoryview) -> int:
        """Always everything."""
        self._stream.write(bytes(data))
        self._stream.flush()
        return len(data)

    def wait_writable(self, timeout_seconds: float) -> bool:  # noqa: ARG002 - the shape of Sink
        """Always."""
        return True


@contextlib.contextmanager
def open_streams(stdin: BinaryIO | None, stdout: BinaryIO | None, unread: bytes = b"") -> Generator[Streams]:
    """The streams of a run: the given objects, or the claimed standard streams, of which `unread` was read already."""
    read_from: int | None
    write_to: int | None
    if stdin is None or stdout is None:
        read_from, write_to = claim_standard_streams()
    else:
        read_from, write_to = _fileno(stdin), _fileno(stdout)
    source = ObjectSource(stdin) if read_from is None else DescriptorSource(read_from, unread)
    if write_to is None:
        yield Streams(source, ObjectSink(stdout))
        return
    if read_from is not None:
        _set_blocking(read_from, blocking=True)
    was_blocking = _let_writes_return(write_to)
    try:
        yield Streams(source, DescriptorSink(write_to))
    finally:
        if was_blocking:
            _set_blocking(write_to, blocking=True)


def claim_standard_streams() -> tuple[int, int]:
    """Take descriptors 0 and 1 away; the private descriptors that lead to the host, not inherited by children."""
    null = os.open(os.devnull, os.O_RDWR)
    try:
        os.fstat(2)
    except OSError:  # started without stderr: nothing else may take its number
        os.dup2(null, 2)
    read_from, write_to = os.dup(0), os.dup(1)
    os.dup2(null, 0)
    os.dup2(2, 1)
    if null > 2:  # noqa: PLR2004 - where descriptor 2 was free it may have become that
        os.close(null)
    stray: object = sys.stdout
    if isinstance(stray, io.TextIOWrapper):  # a stray print is seen when it happens, whatever it holds
        stray.reconfigure(line_buffering=True, errors="backslashreplace")  # pyright: ignore[reportUnknownMemberType] - generic in typeshed only
    return read_from, write_to


def _fileno(stream: BinaryIO) -> int | None:
    try:
        return stream.fileno()
    except (AttributeError, OSError):  # io.UnsupportedOperation is an OSError
        return None


def _let_writes_return(fileno: int) -> bool:
    """Make writes to a pipe or socket return instead of wait; whether that changed something.

    Not for anything else, and not where stderr is the same pipe: a print there would fail when the pipe is full.
    """
    if not hasattr(os, "set_blocking") or not hasattr(select, "poll"):
        return False
    status = os.fstat(fileno)
    if not (stat.S_ISFIFO(status.st_mode) or stat.S_ISSOCK(status.st_mode)) or not os.get_blocking(fileno):
        return False
    with contextlib.suppress(OSError):
        if os.path.samestat(status, os.fstat(2)):
            return False
    _set_blocking(fileno, blocking=False)
    return True


def _set_blocking(fileno: int, *, blocking: bool) -> None:
    if hasattr(os, "set_blocking"):
        with contextlib.suppress(OSError):
            os.set_blocking(fileno, blocking)
