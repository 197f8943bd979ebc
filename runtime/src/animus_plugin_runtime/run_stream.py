"""What plugins say during a run, kept in full in a file of the run, up to a bound."""

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import msgspec

from animus_plugin_runtime.note import Note
from animus_plugin_runtime.redaction import redacted

__all__ = ["KEPT_SECONDS", "STREAM_LIMIT_BYTES", "RunStream", "forget_streams"]

STREAM_LIMIT_BYTES = 64 * 1024 * 1024
"""How much of one call's stream is kept in the run's log."""

KEPT_SECONDS = 24 * 3600.0
"""How long streams stay that belong to no run any more: it may be a run that has only just begun."""

_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class RunStream:
    """Everything a callee said during one call, one JSON object a line, bounded, without secrets."""

    def __init__(
        self, descriptor: int | None, limit_bytes: int = STREAM_LIMIT_BYTES, secrets: Sequence[str] = ()
    ) -> None:
        self._descriptor = descriptor
        self._left = limit_bytes
        self._secrets = secrets

    @classmethod
    def open(cls, run_logs: Path, run_id: str | None, name: str, secrets: Sequence[str] = ()) -> "RunStream":
        """The stream's file below the run's log directory; without a run nothing is kept.

        `secrets` are texts that the callee was given and that are not kept.
        """
        if run_id is None or not _SAFE_NAME.fullmatch(run_id):
            return cls(None)
        directory = run_logs / run_id
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = directory / f"{name}-{os.urandom(3).hex()}.jsonl"
        return cls(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600), secrets=secrets)

    def write(self, note: Note) -> None:
        """Keep one note; the last line of a stream that reached its bound says so."""
        if self._descriptor is None:
            return
        said = redacted(msgspec.json.decode(note.params), self._secrets)
        line = msgspec.json.encode({"method": note.method, "params": said}) + b"\n"
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


def forget_streams(run_logs: Path, runs: Path, now: float) -> list[str]:
    """Remove the streams of runs whose files are gone: who keeps the runs decides for how long. Blocks on the disk.

    Args:
        run_logs: holds a directory of streams for each run.
        runs: holds a directory of files for each run that is kept.
        now: seconds since 1970.

    Returns:
        The runs.
    """
    forgotten: list[str] = []
    with os.scandir(run_logs) as found:
        for entry in found:
            if not (runs / entry.name).exists() and entry.stat(follow_symlinks=False).st_mtime < now - KEPT_SECONDS:
                shutil.rmtree(entry.path, ignore_errors=True)
                forgotten.append(entry.name)
    return forgotten
