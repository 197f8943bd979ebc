"""Other people's hosts, as far as a plugin can tell: what they send, what they read, and what they lose.

Three manners: ``spawn-per-call`` starts a process for each call, ``lines`` keeps one and reads lines, ``values`` keeps
one and reads JSON values wherever they end. All of them clear the environment, count ids as unsigned integers from 1,
send ``initialized`` at once and without params, say nothing of a state folder, drop answers they cannot read, and tear
the connection down at a frame above 8 MiB or, in ``lines``, at bytes that are no UTF-8. What is lost is kept in
`EmulatedHost.lost`; a plugin that works under every host loses nothing.
"""

import contextlib
import json
import os
import queue
import subprocess
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Final, Self, cast

__all__ = ["BUFFERED_NOTES", "HOST_MANNERS", "EmulatedHost", "HostGaveUpError", "RefusedByPluginError"]

HOST_MANNERS: Final = ("spawn-per-call", "lines", "values")
BUFFERED_NOTES: Final = 256
"""Notifications that are kept for a reader that is late, unless the manifest asks for more; older ones are lost."""

_READ_CAP_BYTES: Final = 8 * 1024 * 1024
_PROBE_BYTES: Final = 1024 * 1024
_PROBE_SECONDS: Final = 5.0
_HANDSHAKE_SECONDS: Final = 30.0
_CALL_SECONDS: Final = 30.0
_SHUTDOWN_SECONDS: Final = 2.0
_FORWARDED: Final = (
    "PATH",
    "HOME",
    "USER",
    "SHELL",
    "TERM",
    "TMPDIR",
    "LANG",
    "LC_ALL",
    "RUST_LOG",
    "RUST_BACKTRACE",
    "TZ",
)
_INT32: Final = range(-(2**31), 2**31)


class HostGaveUpError(Exception):
    """The host got no answer it can read."""


class RefusedByPluginError(Exception):
    """The plugin answered with an error.

    Attributes:
        code: the error's code.
    """

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(str(error["message"]))
        self.code: int = error["code"]


class EmulatedHost:
    """A host that keeps one plugin, in one of `HOST_MANNERS`.

    Args:
        command: how the plugin is started; no argument is added.
        project: the project it is bound to, and its working directory.
        manner: which host this is.
        environment: what the host itself was started with; the plugin gets the names hosts forward, and those its
            manifest asks for.

    Attributes:
        manifest: what the probe read.
        notes: notifications, as far as they were kept.
        lost: frames that this host cannot read, and why.
    """

    def __init__(
        self, command: Sequence[str], project: Path, manner: str, environment: dict[str, str] | None = None
    ) -> None:
        self._command = list(command)
        self._project = project
        self._manner = manner
        self._given = dict(os.environ) if environment is None else environment
        self.lost: list[str] = []
        self.manifest = self._probe()
        self.notes: deque[dict[str, Any]] = deque(
            maxlen=self.manifest.get("notification_buffer_size") or BUFFERED_NOTES
        )
        self._running: _Process | None = None

    def __enter__(self) -> Self:
        """Answer the host."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the plugin."""
        self._end()

    def call(self, method: str, params: Any = None, *, seconds: float = _CALL_SECONDS) -> Any:
        """Ask the plugin, in a process of its own where the manner says so.

        Raises:
            RefusedByPluginError: it answered with an error.
            HostGaveUpError: it did not answer in time, or not in a way this host reads.
        """
        process = self._running or self._open()
        try:
            return process.ask(method, params, seconds)
        finally:
            if self._manner == "spawn-per-call":
                self._end()

    def _open(self) -> "_Process":
        self._running = process = _Process(self._command, self._project, self._environment(), self)
        binding = {"project_root": str(self._project), "repo_scope": "project-0123456789ab"}
        params = {
            "protocol_version": "1.1.0",
            "host_info": {"name": "animus", "version": "0.7.0"},
            "capabilities": {"streaming": True, "progress": True, "cancellation": True},
            "init_extensions": {"project_binding": binding},
        }
        answer = process.ask("initialize", params, _HANDSHAKE_SECONDS)
        if answer["protocol_version"].split(".")[0] != "1":
            raise HostGaveUpError(f"the plugin speaks {answer['protocol_version']}")
        process.write({"jsonrpc": "2.0", "method": "initialized"})
        return process

    def _end(self) -> None:
        if self._running is not None:
            self._running.end()
            self._running = None

    def _probe(self) -> dict[str, Any]:
        done = subprocess.run(
            [*self._command, "--manifest"],
            cwd=self._project,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=_PROBE_SECONDS * 4,  # the bound of hosts, on a machine that does other things too
        )
        if len(done.stdout) > _PROBE_BYTES or len(done.stderr) > _PROBE_BYTES:
            raise HostGaveUpError("the manifest is larger than hosts read")
        return cast("dict[str, Any]", json.loads(done.stdout))

    def _environment(self) -> dict[str, str]:
        asked = [entry["name"] for entry in getattr(self, "manifest", {}).get("env_required", [])]
        return {name: self._given[name] for name in (*_FORWARDED, *asked) if name in self._given}

    def take(self, frame: Any, answers: "queue.SimpleQueue[dict[str, Any] | None]") -> None:
        """File one value that the plugin wrote."""
        why = _why_unreadable(frame)
        if why is not None:
            self.lost.append(f"{why}: {str(frame)[:200]}")
        elif "id" in frame:
            answers.put(frame)
        else:
            self.notes.append(frame)

    @property
    def reads_values(self) -> bool:
        """Whether frames end where their JSON ends, and not with their line."""
        return self._manner == "values"


class _Process:
    """One process of the plugin."""

    def __init__(self, command: list[str], cwd: Path, environment: dict[str, str], host: EmulatedHost) -> None:
        self._host = host
        self._process = subprocess.Popen(
            command, cwd=cwd, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._answers: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._last_id = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def write(self, frame: dict[str, Any]) -> None:
        stdin = cast("IO[bytes]", self._process.stdin)
        stdin.write(json.dumps(frame, separators=(",", ":")).encode() + b"\n")
        stdin.flush()

    def ask(self, method: str, params: Any, seconds: float) -> Any:
        self._last_id += 1
        frame = {"jsonrpc": "2.0", "id": self._last_id, "method": method}
        self.write(frame if params is None else {**frame, "params": params})
        deadline = time.monotonic() + seconds
        while True:
            try:
                answer = self._answers.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise HostGaveUpError(
                    f"no answer to {method!r} within {seconds:g} s; lost: {self._host.lost}"
                ) from None
            if answer is None:
                self._answers.put(None)
                raise HostGaveUpError(f"the connection ended while {method!r} was open; lost: {self._host.lost}")
            if answer["id"] != self._last_id:
                self._host.lost.append(f"nothing was asked under id {answer['id']}")
            elif "error" in answer:
                raise RefusedByPluginError(answer["error"])
            else:
                return answer.get("result")

    def end(self) -> None:
        """`shutdown`, two seconds, `exit`, the end of input, and then SIGKILL."""
        with contextlib.suppress(OSError, HostGaveUpError, RefusedByPluginError):
            self.ask("shutdown", None, _SHUTDOWN_SECONDS)
            self.write({"jsonrpc": "2.0", "method": "exit"})
        stdin = cast("IO[bytes]", self._process.stdin)
        with contextlib.suppress(OSError):
            stdin.close()
        try:
            self._process.wait(_SHUTDOWN_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(_SHUTDOWN_SECONDS)
        cast("IO[bytes]", self._process.stdout).close()

    def _read(self) -> None:
        """Until the end, or until this host gives the connection up."""
        with contextlib.suppress(ValueError):
            self._read_values() if self._host.reads_values else self._read_lines()
        self._answers.put(None)

    def _read_lines(self) -> None:
        stdout = cast("IO[bytes]", self._process.stdout)
        while line := stdout.readline(_READ_CAP_BYTES + 1):
            if len(line) > _READ_CAP_BYTES:
                self._host.lost.append("a frame is larger than 8 MiB")
                return
            try:
                text = line.decode()
            except UnicodeDecodeError as error:
                self._host.lost.append(f"a line is no UTF-8: {error}")
                return
            if text.strip():
                self._host.take(_value_of(text), self._answers)

    def _read_values(self) -> None:
        stdout = cast("IO[bytes]", self._process.stdout)
        held = ""
        decoder = json.JSONDecoder()
        while data := stdout.readline():
            held = (held + data.decode(errors="replace")).lstrip()
            while held:
                try:
                    value, end = decoder.raw_decode(held)
                except ValueError:
                    if len(held) > _READ_CAP_BYTES:
                        self._host.lost.append("a frame is larger than 8 MiB")
                        return
                    break
                held = held[end:].lstrip()
                self._host.take(value, self._answers)


def _value_of(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _why_unreadable(frame: Any) -> str | None:
    """Why a host of another making drops this value; None when it reads it."""
    if not isinstance(frame, dict):
        return "no object"
    members = cast("dict[str, Any]", frame)
    if not isinstance(members.get("jsonrpc"), str):
        return "jsonrpc is no text"
    if "id" not in members:
        return None if isinstance(members.get("method"), str) else "neither id nor method"
    if type(members["id"]) is not int or members["id"] < 0:
        return "the id is no unsigned integer"
    error = members.get("error")
    if error is None:
        return None
    parts = cast("dict[str, Any]", error) if isinstance(error, dict) else {}
    is_readable = isinstance(parts.get("message"), str) and parts.get("code") in _INT32
    return None if is_readable else "the error has no 32-bit code or no message"
