"""A session on disk: every message, written and synced before it has an effect, so that a killed run can go on.

One file a session, one JSON object a line. A line that a crash cut short is the last one and is dropped. The file is
locked while a run uses it; the lock goes with the process.
"""

import contextlib
import fcntl
import json
import os
import re
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Self, cast

from animus_provider_oai.answer import ToolCall
from animus_provider_oai.ending import RunFailedError
from animus_provider_oai.limits import TRANSCRIPT_LIMIT_BYTES

__all__ = ["KEPT_SECONDS", "Transcript", "sweep_sessions"]

KEPT_SECONDS: Final = 30 * 24 * 3600
"""Sessions that nobody touched for so long are removed."""
_SWEPT: Final = 2000
_VERSION: Final = 1
_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SUFFIX: Final = ".ndjson"


class Transcript:
    """The messages of one session, without the system prompt. Use it in a ``with`` statement.

    Attributes:
        session_id: what `resume` takes.
        system_prompt: as it was given when the session began.
        messages: in order, as the endpoint is sent them.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.session_id = path.stem
        self.system_prompt: str | None = None
        self.messages: list[dict[str, Any]] = []
        self._path = path
        self._descriptor = descriptor
        self._size = 0
        self._begun: set[str] = set()

    @classmethod
    def begin(cls, folder: Path, system_prompt: str | None) -> Self:
        """Make a new session in `folder`.

        Raises:
            RunFailedError: it cannot be written.
        """
        path = folder / f"{uuid.uuid4()}{_SUFFIX}"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            transcript = cls(path, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            transcript.system_prompt = system_prompt
            transcript._write({"version": _VERSION, "system_prompt": system_prompt})
            _sync_folder(folder)
        except OSError as error:
            raise _start_failed(f"session file {str(path)!r} cannot be written: {error}") from error
        return transcript

    @classmethod
    def resume(cls, folder: Path, session_id: str) -> Self:
        """Take up a session.

        Raises:
            RunFailedError: there is none of that name, a run uses it, or its file is damaged.
        """
        path = folder / f"{session_id}{_SUFFIX}"
        if _ID.fullmatch(session_id) is None or not path.is_file():
            raise _start_failed(f"there is no session {session_id!r} in {str(folder)!r}; begin a new one")
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise _start_failed(f"session file {str(path)!r} cannot be opened: {error}") from error
        transcript = cls(path, descriptor)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise _start_failed(f"session {session_id!r} is in use by a run that has not ended") from error
            transcript._load()
        except BaseException:
            os.close(descriptor)
            raise
        return transcript

    def append(self, message: dict[str, Any]) -> None:
        """Add a message; on return it is on disk.

        Raises:
            RunFailedError: the session is too long, or the disk refuses.
        """
        self._record({"message": message})
        self.messages.append(message)

    def begin_call(self, call_id: str) -> None:
        """Say that a tool call is about to have effects; raises as `append`."""
        self._begun.add(call_id)
        self._record({"begun": call_id})

    def has_begun(self, call_id: str) -> bool:
        """Whether a tool call may have had effects."""
        return call_id in self._begun

    def open_calls(self) -> list[ToolCall]:
        """The tool calls of the last answer that have no result yet, as the model made them."""
        answered = {message.get("tool_call_id") for message in self.messages if message.get("role") == "tool"}
        answers = [message for message in self.messages if message.get("role") == "assistant"]
        return [call for message in answers[-1:] for call in _calls(message) if call.call_id not in answered]

    def call_ids(self) -> set[str]:
        """The ids of all tool calls so far."""
        return {call.call_id for message in self.messages for call in _calls(message)}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def _record(self, record: dict[str, Any]) -> None:
        try:
            self._write(record)
        except OSError as error:
            raise RunFailedError(f"session file {str(self._path)!r} cannot be written: {error}") from error

    def _write(self, record: dict[str, Any]) -> None:
        line = json.dumps(record, separators=(",", ":")).encode() + b"\n"
        if self._size + len(line) > TRANSCRIPT_LIMIT_BYTES:
            raise RunFailedError(
                f"the session has grown to {self._size} bytes, and {TRANSCRIPT_LIMIT_BYTES} is the most; "
                "split the work, or begin a new session",
                limit="bytes",
            )
        while line:
            written = os.write(self._descriptor, line)
            self._size += written
            line = line[written:]
        os.fsync(self._descriptor)

    def _load(self) -> None:
        data = b""
        while piece := os.read(self._descriptor, 1024 * 1024):
            data += piece
        whole = data[: data.rfind(b"\n") + 1]
        try:
            self._take([cast("dict[str, Any]", json.loads(line)) for line in whole.splitlines()])
        except (ValueError, KeyError, TypeError) as error:
            raise _start_failed(
                f"session file {str(self._path)!r} is damaged ({error!r}); begin a new session"
            ) from error
        os.ftruncate(self._descriptor, len(whole))
        os.lseek(self._descriptor, 0, os.SEEK_END)
        self._size = len(whole)

    def _take(self, records: list[dict[str, Any]]) -> None:
        head, *rest = records
        if head["version"] != _VERSION:
            raise ValueError(f"version {head['version']!r} is unknown")
        self.system_prompt = head["system_prompt"]
        for record in rest:
            if "begun" in record:
                self._begun.add(record["begun"])
            else:
                self.messages.append(record["message"])


def sweep_sessions(folder: Path, now: Callable[[], float] = time.time) -> None:
    """Remove sessions that nobody touched for `KEPT_SECONDS`. What cannot be removed stays."""
    with contextlib.suppress(OSError):
        for entry in sorted(folder.glob(f"*{_SUFFIX}"))[:_SWEPT]:
            if now() - entry.stat().st_mtime > KEPT_SECONDS:
                entry.unlink(missing_ok=True)


def _calls(message: dict[str, Any]) -> list[ToolCall]:
    return [
        ToolCall(call["id"], call["function"]["name"], call["function"]["arguments"])
        for call in message.get("tool_calls", ())
    ]


def _start_failed(message: str) -> RunFailedError:
    return RunFailedError(message, category="session_start_failed")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
