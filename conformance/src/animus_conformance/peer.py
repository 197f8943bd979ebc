"""The host's side of one plugin process: frames in and out, every wait bounded, every frame judged."""

import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, Self, cast

import msgspec

from animus_conformance.answer import checked_refusal, frame_of, key_of, members_of, stderr_tail
from animus_conformance.judgement import Judgement, decode_frame
from animus_conformance.requirement import CheckFailedError
from animus_conformance.transcript import Transcript
from animus_conformance.writing import patient, write_apart, write_bounded
from animus_plugin_protocol import ErrorCode
from animus_plugin_protocol.wire.lifecycle import InitializeResult, PluginCapabilities

__all__ = ["ANSWER_SECONDS", "EXIT_SECONDS", "WRITE_SECONDS", "Peer"]

ANSWER_SECONDS: Final = 10.0
"""How long an answer may take where the protocol names no shorter time."""
EXIT_SECONDS: Final = 5.0
WRITE_SECONDS: Final = 10.0
"""How long a plugin may leave its input unread."""
_KILL_SECONDS: Final = 5.0
_QUIET_SECONDS: Final = 2.0


class Peer:
    """One process of the plugin, spoken to as a host speaks.

    Attributes:
        initialized: what the plugin answered to ``initialize``, once it did.
        notes: notifications the plugin sent, in order.
        latencies: seconds from request to answer, per method.
        judgement: holds every frame against the method table.
        may_read: while it is not set, nothing the plugin writes is read.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        stderr: Path | None,
        transcript: Transcript,
    ) -> None:
        """Start the plugin in a process group of its own; without `stderr` nobody reads its standard error.

        Raises:
            OSError: it cannot be started.
        """
        self._stderr = stderr
        self._transcript = transcript
        errors = subprocess.PIPE if stderr is None else stderr.open("wb")
        try:
            self._process = subprocess.Popen(
                command,
                cwd=cwd,
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        finally:
            if not isinstance(errors, int):
                errors.close()
        self.initialized: InitializeResult | None = None
        self.notes: list[dict[str, Any]] = []
        self.latencies: dict[str, list[float]] = {}
        self.judgement = Judgement()
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._replies: dict[str, list[dict[str, Any]]] = {}
        self._last_id = 0
        self.may_read = threading.Event()
        self.may_read.set()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        """Answer the peer."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the plugin and whatever it started in its group."""
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    @property
    def pid(self) -> int:
        """The plugin's process and process group."""
        return self._process.pid

    @property
    def capabilities(self) -> PluginCapabilities:
        """What the plugin said it can do; nothing before the handshake."""
        return PluginCapabilities() if self.initialized is None else self.initialized.capabilities

    def kind_extra(self, kind: str) -> dict[str, Any]:
        """The capability block of a kind; empty where there is none."""
        found = None if self.initialized is None else self.initialized.kind_capabilities.get(kind)
        extra: Any = {} if found is None else found.extra
        return cast("dict[str, Any]", extra) if isinstance(extra, dict) else {}

    def send_bytes(self, data: bytes, *, apart: bool = False) -> None:
        """Write bytes as they are; `apart`, each of them when the one before has been read."""
        self._transcript.sent(data)
        write = write_apart if apart else write_bounded
        try:
            is_written = write(cast("IO[bytes]", self._process.stdin).fileno(), data, patient(WRITE_SECONDS))
        except (OSError, ValueError) as error:
            raise CheckFailedError(f"the plugin no longer reads its input{self._said()}") from error
        if not is_written:
            raise CheckFailedError(f"the plugin read nothing for {WRITE_SECONDS:g} s{self._said()}")

    def send_line(self, line: bytes) -> None:
        """Write one line as it is."""
        self.send_bytes(line + b"\n")

    def notify(self, method: str, params: Any = msgspec.UNSET) -> None:
        """Send a notification."""
        frame = frame_of(method=method, params=params)
        self.judgement.sending(frame)
        self.send_line(msgspec.json.encode(frame))

    def begin(self, method: str, params: Any = msgspec.UNSET, *, request_id: Any = None, odd: bool = False) -> Any:
        """Send a request and answer its id; `odd` params are wrong on purpose."""
        frame = self.prepared(method, params, request_id=request_id, odd=odd)
        self.send_line(msgspec.json.encode(frame))
        return frame["id"]

    def prepared(
        self, method: str, params: Any = msgspec.UNSET, *, request_id: Any = None, odd: bool = False
    ) -> dict[str, Any]:
        """A request that the caller writes itself."""
        self._last_id += 1
        frame = frame_of(id=self._last_id if request_id is None else request_id, method=method, params=params)
        if odd:
            self.judgement.asking(frame["id"], method)
        else:
            self.judgement.sending(frame)
        return frame

    def request(
        self,
        method: str,
        params: Any = msgspec.UNSET,
        *,
        request_id: Any = None,
        seconds: float = ANSWER_SECONDS,
        odd: bool = False,
    ) -> dict[str, Any]:
        """Send a request and wait for the frame that answers it.

        Raises:
            CheckFailedError: no answer came in time, or the plugin wrote something that is no frame.
        """
        started = time.monotonic()
        used = self.begin(method, params, request_id=request_id, odd=odd)
        answer = self.reply(used, f"{method!r} (id {used!r})", seconds)
        self.latencies.setdefault(method, []).append(time.monotonic() - started)
        return answer

    def call(self, method: str, params: Any = msgspec.UNSET, *, seconds: float = ANSWER_SECONDS) -> Any:
        """Send a request and give its result.

        Raises:
            CheckFailedError: it was answered with an error, or not in time.
        """
        answer = self.request(method, params, seconds=seconds)
        if "error" in answer:
            raise CheckFailedError(f"{method!r} was answered with error {answer['error']}, expected a result")
        return members_of(answer["result"])

    def refused(
        self, method: str, params: Any = msgspec.UNSET, *codes: int, odd: bool = False, category: str | None = None
    ) -> dict[str, Any]:
        """Send a request that has to be answered with one of these error codes, and give the error."""
        return checked_refusal(self.request(method, params, odd=odd), method, codes, category)

    def reply(self, request_id: Any, what: str, seconds: float = ANSWER_SECONDS) -> dict[str, Any]:
        """Wait for the answer under `request_id`, compared with its type: ``1`` is not ``"1"``."""
        key = key_of(request_id)
        deadline = time.monotonic() + patient(seconds)
        while not self._replies.get(key):
            if not self._take(deadline):
                raise CheckFailedError(f"no answer to {what} within {seconds:g} s{self._said()}")
            other = next((kept for kept in self._replies if kept != key and kept.strip('"') == key.strip('"')), None)
            if other is not None:
                raise CheckFailedError(f"{what} was answered under id {other}, which is another id")
        return self._replies[key].pop(0)

    def wait_note(
        self, matches: Callable[[dict[str, Any]], bool], what: str, seconds: float = ANSWER_SECONDS
    ) -> dict[str, Any]:
        """Wait for a notification."""
        deadline = time.monotonic() + patient(seconds)
        while True:
            found = next((note for note in self.notes if matches(note)), None)
            if found is not None:
                return found
            if not self._take(deadline):
                raise CheckFailedError(f"no {what} within {seconds:g} s{self._said()}")

    def drain(self) -> None:
        """Read until a ping that is sent now is answered: what the plugin had to say before has arrived."""
        used = self.begin("$/ping", request_id=f"drain-{self._last_id}")
        self.reply(used, "'$/ping'", _QUIET_SECONDS * 2)

    def read_rest(self) -> None:
        """After the plugin ended: judge what it wrote last.

        Raises:
            CheckFailedError: a line of it is no frame.
        """
        self._reader.join(_KILL_SECONDS)
        while (line := self._lines.get()) is not None:
            self._transcript.received(line)
            self.judgement.received(decode_frame(line))

    def unclaimed(self) -> list[dict[str, Any]]:
        """Answers that nobody has asked for yet."""
        return [frame for frames in self._replies.values() for frame in frames]

    def close_input(self) -> None:
        """End the plugin's input, as a host that dies does."""
        self._transcript.noted("end of input")
        with contextlib.suppress(OSError):
            cast("IO[bytes]", self._process.stdin).close()

    def kill(self) -> None:
        """SIGKILL to the plugin's process group."""
        self.may_read.set()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
            self._transcript.noted("SIGKILL")
        self._process.wait(_KILL_SECONDS)
        self._reader.join(_KILL_SECONDS)

    def exit_code(self, seconds: float = EXIT_SECONDS) -> int:
        """Wait for the plugin to end.

        Raises:
            CheckFailedError: it did not end in time.
        """
        try:
            code = self._process.wait(patient(seconds))
        except subprocess.TimeoutExpired:
            raise CheckFailedError(f"the plugin still runs after {seconds:g} s{self._said()}") from None
        self._transcript.noted(f"exit code {code}")
        return code

    def _take(self, deadline: float) -> bool:
        """Take one line in and file it; False when none came before `deadline`."""
        try:
            line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            return False
        if line is None:
            self._lines.put(None)
            raise CheckFailedError(f"the plugin ended while an answer was awaited{self._said()}")
        self._transcript.received(line)
        frame = decode_frame(line)
        self.judgement.received(frame)
        if "method" not in frame:
            self._replies.setdefault(key_of(frame["id"]), []).append(frame)
        elif "id" in frame:
            self._decline(frame)
        else:
            self.notes.append(frame)
        return True

    def _decline(self, frame: dict[str, Any]) -> None:
        """A plugin's request: this host has no other plugins."""
        error = {"code": ErrorCode.HOST_NO_SUCH_PLUGIN, "message": "the conformance harness has no other plugins"}
        self.send_line(msgspec.json.encode({"jsonrpc": "2.0", "id": frame["id"], "error": error}))

    def _read(self) -> None:
        stdout = cast("IO[bytes]", self._process.stdout)
        with contextlib.suppress(ValueError):
            while self.may_read.wait() and (line := stdout.readline()):
                self._lines.put(line)
        self._lines.put(None)

    def _said(self) -> str:
        return "" if self._stderr is None else stderr_tail(self._stderr)
