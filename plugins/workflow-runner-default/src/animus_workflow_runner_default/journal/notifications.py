"""The notifications log of a run: one JSON line per event, numbered, whole lines only, bounded.

The journal is the truth; this file is what people tail and tools read without a database. A line that a crash cut short
is removed when the log is opened, so that numbers go on where whole lines end.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from animus_workflow_runner_default.json_value import json_object

__all__ = ["FILE_NAME", "NotificationLog", "read_notifications"]

FILE_NAME = "notifications.jsonl"
ROTATED_NAME = "notifications.1.jsonl"
MAX_BYTES = 100 * 1024 * 1024
"""At this size the log becomes ``notifications.1.jsonl`` (replacing that) and a new one begins."""
TAIL_BYTES = 64 * 1024


class NotificationLog:
    """Appends to the log of one run; numbers go on across processes and rotations."""

    def __init__(self, folder: Path, *, max_bytes: int = MAX_BYTES) -> None:
        """Open it, removing a line that was not finished.

        Raises:
            OSError: it cannot be opened.
        """
        self.path = folder / FILE_NAME
        self._max_bytes = max_bytes
        self._rotated = folder / ROTATED_NAME
        self._next = 1 + (_mend(self.path) or _mend(self._rotated))

    def append(self, *bodies: dict[str, Any]) -> int:
        """Add events, one or more, in one write; the number of the last.

        Raises:
            OSError: they cannot be written.
        """
        numbered = enumerate(bodies, self._next)
        lines = b"".join(msgspec.json.encode({"seq": number, **body}) + b"\n" for number, body in numbered)
        # Plain calls: each step of a run comes here.
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            is_full = 0 < os.lseek(descriptor, 0, os.SEEK_END) > self._max_bytes - len(lines)
            if not is_full:
                os.write(descriptor, lines)
        finally:
            os.close(descriptor)
        if is_full:
            self.path.replace(self._rotated)
            self.path.write_bytes(lines)
        self._next += len(bodies)
        return self._next - 1


def _mend(path: Path) -> int:
    """Cut the log to whole lines; the number of the last one, 0 if there is none."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)  # plain, as in `append`: of a new run there is no log yet
    except FileNotFoundError:
        return 0
    with os.fdopen(descriptor, "rb+") as stream:
        end = stream.seek(0, os.SEEK_END)
        start = max(0, end - TAIL_BYTES)
        stream.seek(start)
        tail = stream.read()
        whole = tail.rfind(b"\n") + 1
        if whole != len(tail):
            stream.truncate(start + whole)
        for line in reversed(tail[:whole].splitlines()):
            number = _number(line)
            if number is not None:
                return number
    return 0


def _number(line: bytes) -> int | None:
    try:
        body = json_object(msgspec.json.decode(line)) or {}
    except msgspec.DecodeError:
        return None
    number = body.get("seq")
    return number if isinstance(number, int) else None


def read_notifications(folder: Path, after: int = 0, limit: int = 500) -> list[dict[str, Any]]:
    """The events numbered above `after`, in order, at most `limit`; a line that is being written is left out."""
    found: list[dict[str, Any]] = []
    for name in (ROTATED_NAME, FILE_NAME):
        for body in _lines(folder / name):
            if body["seq"] > after and len(found) < limit:
                found.append(body)
    return found


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return
    for line in content.split(b"\n")[:-1]:
        if _number(line) is not None:
            yield msgspec.json.decode(line)
