"""Who changed what: one JSON object a line, each holding the digest of the line before it.

A line that was altered, removed or put in later breaks the chain at that place, and `verify` names it. The chain goes
on from file to file: a full one is put aside under the number of its last line, the first line of the next names that
line's digest, and the oldest files go when there are too many. Whoever may write the files can still rewrite all of
them: keep the latest digest elsewhere to notice.
"""

import datetime
import errno
import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["KEPT_BYTES", "AuditLog", "AuditVerdict", "is_change", "verify"]

KEPT_BYTES = 64 * 1024 * 1024
"""How much is kept if nothing else is said."""

_FILES = 8
"""What is kept lies in so many files, so that an eighth of it goes at once."""

_NUMBER_DIGITS = 12
"""The name of a full file ends in the number of its last line."""

_WINDOW_BYTES = 8 * 1024
_BEGINNING = hashlib.sha256(b"animus.audit.v1").hexdigest()


_READS = frozenset(
    ("list", "get", "health", "events", "logs", "stats", "history", "next", "inspect", "render", "validate", "nudge")
) | {"export", "metrics", "verify", "why", "search", "info", "browse", "ping", "agents", "watch", "project/status"}
"""Last words, or whole names, of the operations that change nothing."""


def is_change(operation: str) -> bool:
    """Whether an operation is written down: everything that is not known to only read."""
    return operation not in _READS | {"daemon/status", "agent/status"} and operation.rpartition("/")[2] not in _READS


class AuditVerdict(NamedTuple):
    """Whether a log is whole; `line` counts from one through all files that are kept, the oldest first."""

    lines: int
    is_whole: bool
    line: int | None = None
    reason: str | None = None
    latest: str | None = None


class AuditLog:
    """Appends; several processes may do so at once.

    Args:
        path: the file.
        redacted: takes secrets out of what is written.
        kept_bytes: how much is kept, give or take a line; older lines go with their file.
    """

    def __init__(self, path: Path, redacted: Callable[[Any], Any], *, kept_bytes: int = KEPT_BYTES) -> None:
        self._path, self._redacted, self._limit_bytes = path, redacted, kept_bytes // _FILES

    @contextmanager
    def around(self, operation: str, params: Any, actor: str | None) -> Generator[None]:
        """Write down how the block ends, if `operation` changes anything: ``done`` or ``failed``."""
        outcome = "failed"
        try:
            yield
            outcome = "done"
        finally:
            if is_change(operation):
                self.append(operation, params, actor, outcome)

    def append(self, operation: str, params: Any, actor: str | None, outcome: str) -> None:
        """Write one line. It survives the death of every process, and of the machine once the system has written it.

        Raises:
            OSError: there is no room for the line; nothing of it is left.
        """
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, fcntl.LOCK_EX) as descriptor:
            _cut_torn_line(descriptor)
            seq, digest = _last(descriptor) or _last_aside(self._path) or (0, _BEGINNING)
            row = {
                "seq": seq + 1,
                "at": datetime.datetime.now(datetime.UTC).isoformat(),
                "operation": operation,
                "actor": actor,
                "outcome": outcome,
                "params": self._redacted(params),
                "previous": digest,
            }
            _write_line(descriptor, json.dumps(row, ensure_ascii=False, default=str).encode() + b"\n")
            if os.fstat(descriptor).st_size > self._limit_bytes:
                self._put_aside(seq + 1)

    def _put_aside(self, seq: int) -> None:
        """Each step leaves a whole chain: the oldest file less, then ours under another name, which ends our lock."""
        for file in _aside(self._path)[: 2 - _FILES]:
            file.unlink()
        self._path.rename(self._path.with_suffix(f".{seq:0{_NUMBER_DIGITS}d}.jsonl"))


def verify(path: Path) -> AuditVerdict:
    """Check the chain through all files; the first line of all is taken as it is."""
    lines = _lines(path)
    digest: str | None = None
    seq: int | None = None
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            found = (int(row["seq"]), str(row["previous"]))
        except (ValueError, KeyError, TypeError):
            return AuditVerdict(len(lines), is_whole=False, line=number, reason="is no line of an audit log")
        if digest is not None and found[1] != digest:
            return AuditVerdict(len(lines), is_whole=False, line=number, reason="does not follow the line before it")
        if digest is None and found[0] == 1 and found[1] != _BEGINNING:
            return AuditVerdict(len(lines), is_whole=False, line=number, reason="is not how a log begins")
        if seq is not None and found[0] != seq + 1:
            return AuditVerdict(len(lines), is_whole=False, line=number, reason="is out of order")
        digest, seq = hashlib.sha256(line).hexdigest(), found[0]
    return AuditVerdict(len(lines), is_whole=True, latest=digest)


def _lines(path: Path) -> list[bytes]:
    """The lines of all files, while nobody appends; what a dying machine left of the last one is none."""
    try:
        with _locked(path, os.O_RDONLY, fcntl.LOCK_SH) as descriptor:
            texts = [file.read_bytes() for file in _aside(path)]
            texts.append(os.pread(descriptor, os.fstat(descriptor).st_size, 0).rpartition(b"\n")[0])
    except FileNotFoundError:  # nothing was written since the last file was put aside
        texts = [file.read_bytes() for file in _aside(path)]
    return [line for text in texts for line in text.splitlines()]


def _aside(path: Path) -> list[Path]:
    """The full files, the oldest first."""
    return sorted(path.parent.glob(f"{path.stem}.{'[0-9]' * _NUMBER_DIGITS}.jsonl"))


@contextmanager
def _locked(path: Path, flags: int, lock: int) -> Generator[int]:
    """The file that has the name while we hold the lock: whoever had it before may have put it aside."""
    while True:
        descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, lock)
            if _is_named(descriptor, path):
                yield descriptor
                return
        finally:
            os.close(descriptor)


def _is_named(descriptor: int, path: Path) -> bool:
    try:
        return os.fstat(descriptor).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False


def _write_line(descriptor: int, line: bytes) -> None:
    size, written = os.fstat(descriptor).st_size, 0
    try:
        written = os.write(descriptor, line)
    finally:
        if written < len(line):
            os.ftruncate(descriptor, size)
    if written < len(line):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _cut_torn_line(descriptor: int) -> None:
    """Take away what a machine that died left of a line: nobody was told that it was written."""
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        os.ftruncate(descriptor, size - len(_tail(descriptor)))


def _last_aside(path: Path) -> tuple[int, str] | None:
    files = _aside(path)
    if not files:
        return None
    descriptor = os.open(files[-1], os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _last(descriptor)
    finally:
        os.close(descriptor)


def _last(descriptor: int) -> tuple[int, str] | None:
    """Number and digest of the last line, whatever it is: a broken one breaks the chain and is found by `verify`."""
    line = _tail(descriptor).removesuffix(b"\n")
    if not line:
        return None
    try:
        seq = int(json.loads(line)["seq"])
    except (ValueError, KeyError, TypeError):
        seq = 0
    return seq, hashlib.sha256(line).hexdigest()


def _tail(descriptor: int) -> bytes:
    """What follows the last line feed but the one that ends the file."""
    size, window = os.fstat(descriptor).st_size, _WINDOW_BYTES
    while True:
        text = os.pread(descriptor, window, max(size - window, 0))
        start = text.rfind(b"\n", 0, max(len(text) - 1, 0)) + 1
        if start or window >= size:
            return text[start:]
        window *= 2
