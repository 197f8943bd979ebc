"""The host's side of one plugin process: frames in and out, every wait bounded, every stray byte noticed."""

import contextlib
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, Self, cast

import msgspec

from animus_conformance.requirement import CheckFailedError

__all__ = ["ANSWER_SECONDS", "EXIT_SECONDS", "Peer"]

ANSWER_SECONDS: Final = 10.0
"""How long an answer may take where the protocol names no shorter time."""
EXIT_SECONDS: Final = 5.0
"""How long a plugin may take to end after its input ended."""
_KILL_SECONDS: Final = 5.0
_STDERR_SHOWN: Final = 500
_LINE_SHOWN: Final = 200


class Peer:
    """A running plugin. Use as a context manager: at the end nothing of its process group is left."""

    def __init__(self, command: Sequence[str], *, cwd: Path, environment: Mapping[str, str], stderr: Path) -> None:
        """Start the plugin in a process group of its own.

        Raises:
            OSError: it cannot be started.
        """
        self._stderr = stderr
        with stderr.open("wb") as errors:
            self._process = subprocess.Popen(
                command,
                cwd=cwd,
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._replies: dict[str, dict[str, Any]] = {}
        self._last_id = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        """Answer the peer."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the plugin and whatever it started in its group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(_KILL_SECONDS)
        self._reader.join(_KILL_SECONDS)
        for pipe in (self._stdin, self._stdout):
            with contextlib.suppress(OSError):
                pipe.close()

    def send_line(self, line: bytes) -> None:
        """Write one line as it is."""
        try:
            self._stdin.write(line + b"\n")
            self._stdin.flush()
        except OSError as error:
            raise CheckFailedError(f"the plugin no longer reads its input{self._said()}") from error

    def notify(self, method: str, params: Any = msgspec.UNSET) -> None:
        """Send a notification."""
        self.send_line(_frame(method=method, params=params))

    def request(
        self, method: str, params: Any = msgspec.UNSET, *, request_id: Any = None, seconds: float = ANSWER_SECONDS
    ) -> dict[str, Any]:
        """Send a request and wait for the frame that answers it.

        Raises:
            CheckFailedError: no answer came in time, or the plugin wrote something that is no frame.
        """
        self._last_id += 1
        used = self._last_id if request_id is None else request_id
        self.send_line(_frame(id=used, method=method, params=params))
        return self.reply(used, f"{method!r} (id {used!r})", seconds)

    def reply(self, request_id: Any, what: str, seconds: float = ANSWER_SECONDS) -> dict[str, Any]:
        """Wait for the answer under `request_id`, compared with its type: ``1`` is not ``"1"``."""
        key = _key(request_id)
        while key not in self._replies:
            try:
                line = self._lines.get(timeout=seconds)
            except queue.Empty:
                raise CheckFailedError(f"no answer to {what} within {seconds:g} s{self._said()}") from None
            if line is None:
                raise CheckFailedError(f"the plugin ended before it answered {what}{self._said()}")
            frame = _decode(line)
            if "method" not in frame and "id" in frame:
                if _key(frame["id"]) != key and str(frame["id"]) == str(request_id):
                    raise CheckFailedError(f"{what} was answered under id {frame['id']!r}, which is another id")
                self._replies[_key(frame["id"])] = frame
        return self._replies.pop(key)

    def close_input(self) -> None:
        """End the plugin's input, as a host that dies does."""
        with contextlib.suppress(OSError):
            self._stdin.close()

    def exit_code(self, seconds: float = EXIT_SECONDS) -> int:
        """Wait for the plugin to end.

        Raises:
            CheckFailedError: it did not end in time.
        """
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise CheckFailedError(f"the plugin still runs after {seconds:g} s{self._said()}") from None

    @property
    def _stdin(self) -> IO[bytes]:
        return cast("IO[bytes]", self._process.stdin)

    @property
    def _stdout(self) -> IO[bytes]:
        return cast("IO[bytes]", self._process.stdout)

    def _read(self) -> None:
        for line in self._stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _said(self) -> str:
        text = self._stderr.read_bytes()[-_STDERR_SHOWN:].decode("utf-8", "replace").strip()
        return f"; its stderr ends with: {text}" if text else ""


def _frame(**members: Any) -> bytes:
    kept = {name: value for name, value in members.items() if value is not msgspec.UNSET}
    return msgspec.json.encode({"jsonrpc": "2.0", **kept})


def _key(request_id: Any) -> str:
    return msgspec.json.encode(request_id).decode()


def _decode(line: bytes) -> dict[str, Any]:
    try:
        frame: Any = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CheckFailedError(f"standard output carries a line that is no frame: {_shown(line)}") from error
    if not isinstance(frame, dict) or cast("dict[str, Any]", frame).get("jsonrpc") != "2.0":
        raise CheckFailedError(f"standard output carries JSON that is no JSON-RPC 2.0 frame: {_shown(line)}")
    return cast("dict[str, Any]", frame)


def _shown(line: bytes) -> str:
    return repr(line[:_LINE_SHOWN].decode("utf-8", "replace"))
