"""What plugins say during a run, kept in full in a file of the run, up to a bound."""

import os
import re
from pathlib import Path

import msgspec

from animus_plugin_runtime.note import Note

__all__ = ["STREAM_LIMIT_BYTES", "RunStream"]

STREAM_LIMIT_BYTES = 64 * 1024 * 1024
"""How much of one call's stream is kept in the run's log."""

_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class RunStream:
    """Everything a callee said during one call, one JSON object a line, bounded."""

    def __init__(self, descriptor: int | None, limit_bytes: int = STREAM_LIMIT_BYTES) -> None:
        self._descriptor = descriptor
        self._left = limit_bytes

    @classmethod
    def open(cls, run_logs: Path, run_id: str | None, name: str) -> "RunStream":
        """The stream's file below the run's log directory; without a run nothing is kept."""
        if run_id is None or not _SAFE_NAME.fullmatch(run_id):
            return cls(None)
        directory = run_logs / run_id
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = directory / f"{name}-{os.urandom(3).hex()}.jsonl"
        return cls(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600))

    def write(self, note: Note) -> None:
        """Keep one note; the last line of a stream that reached its bound says so."""
        if self._descriptor is None:
            return
        line = msgspec.json.encode({"method": note.method, "params": note.params}) + b"\n"
        self._left -= len(line)
        if self._left < 0:
            os.write(self._descriptor, b'{"truncated":true}\n')
            self.close()
        else:
            os.write(self._descriptor, line)

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
