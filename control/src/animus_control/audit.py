"""Who changed what: one JSON object a line, each holding the digest of the line before it.

A line that was altered, removed or put in later breaks the chain at that place, and `verify` names it. The chain goes
on over rotation. Whoever may write the file can still rewrite all of it: keep the latest digest elsewhere to notice.
"""

import datetime
import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["AuditLog", "AuditVerdict", "is_change", "verify"]

LIMIT_BYTES = 10 * 1024 * 1024
"""At this size the file becomes the previous one, which replaces the one before."""

_TAIL_BYTES = 256 * 1024
_BEGINNING = hashlib.sha256(b"animus.audit.v1").hexdigest()


_READS = frozenset(
    ("list", "get", "health", "events", "logs", "stats", "history", "next", "inspect", "render", "validate", "nudge")
) | {"export", "metrics", "verify", "why", "search", "info", "browse", "ping", "agents", "watch", "project/status"}
"""Last words, or whole names, of the operations that change nothing."""


def is_change(operation: str) -> bool:
    """Whether an operation is written down: everything that is not known to only read."""
    return operation not in _READS | {"daemon/status", "agent/status"} and operation.rpartition("/")[2] not in _READS


class AuditVerdict(NamedTuple):
    """Whether a log is whole; `line` counts from one through the previous file and the current one."""

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
    """

    def __init__(self, path: Path, redacted: Callable[[Any], Any]) -> None:
        self._path, self._redacted = path, redacted

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
        """Write one line. It survives the death of every process, and of the machine once the system has written it."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_ino != self._path.stat().st_ino:  # somebody rotated meanwhile
                self.append(operation, params, actor, outcome)
                return
            seq, digest = _last(descriptor) or _last_of(_previous(self._path)) or (0, _BEGINNING)
            row = {
                "seq": seq + 1,
                "at": datetime.datetime.now(datetime.UTC).isoformat(),
                "operation": operation,
                "actor": actor,
                "outcome": outcome,
                "params": self._redacted(params),
                "previous": digest,
            }
            os.write(descriptor, json.dumps(row, ensure_ascii=False, default=str).encode() + b"\n")
            if os.fstat(descriptor).st_size > LIMIT_BYTES:
                self._path.replace(_previous(self._path))
        finally:
            os.close(descriptor)


def verify(path: Path) -> AuditVerdict:
    """Check the chain of the previous file and the current one; the first line of all is taken as it is."""
    lines = [line for file in (_previous(path), path) if file.exists() for line in file.read_bytes().splitlines()]
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


def _previous(path: Path) -> Path:
    return path.with_suffix(".previous.jsonl")


def _last_of(path: Path) -> tuple[int, str] | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        return _last(descriptor)
    finally:
        os.close(descriptor)


def _last(descriptor: int) -> tuple[int, str] | None:
    """Number and digest of the last line, whatever it is: a broken one breaks the chain and is found by `verify`."""
    size = os.fstat(descriptor).st_size
    lines = os.pread(descriptor, _TAIL_BYTES, max(size - _TAIL_BYTES, 0)).splitlines()
    if not lines:
        return None
    try:
        seq = int(json.loads(lines[-1])["seq"])
    except (ValueError, KeyError, TypeError):
        seq = 0
    return seq, hashlib.sha256(lines[-1]).hexdigest()
