"""A host for a plugin's own tests: it starts the real process, does the handshake and asks.

It checks nothing that a test does not ask about; whether a plugin keeps the protocol is what the conformance checks
say. Source: docs/protocol.md, lifecycle and framing.
"""

import contextlib
import json
import queue
import subprocess
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, cast

from animus_plugin_protocol.version import PROTOCOL_VERSION

__all__ = ["PluginFault", "PluginProcess"]

ANSWER_SECONDS = 60.0
"""How long a test waits for a frame, or for the end of the process."""
_CAPABILITIES = {"streaming": True, "progress": True, "cancellation": True}


class PluginFault(Exception):  # noqa: N818  # named as what it carries, as the wire names it
    """The plugin answered a request with an error; `error` is its object."""

    def __init__(self, method: str, error: dict[str, Any]) -> None:
        super().__init__(f"{method!r} was answered with {error!r}")
        self.error = error


class PluginProcess:
    """A plugin's process and the host's side of it; a context manager that closes the process.

    Args:
        command: the plugin's command line.
        binding: the project it is bound to: `project_root`, `repo_scope` and, where the host names the folder for its
            state, `state_dir`. None binds it to none.
        env: the whole environment of the process; None hands on the test's own.
        cwd: the folder the process starts in.
        extensions: more members of `init_extensions`.
        seconds: how long an answer, a note or the end of the process may take.

    Raises:
        PluginFault: the plugin refused `initialize`.
        ConnectionError: the process ended without an answer, or wrote what is not a frame.
        TimeoutError: nothing came in time.

    Attributes:
        process: the process itself.
        initialized: the plugin's answer to `initialize`.
        noted: the frames of its notifications and requests that were read so far, oldest first.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        binding: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        extensions: Mapping[str, Any] | None = None,
        seconds: float = ANSWER_SECONDS,
    ) -> None:
        self.process = subprocess.Popen(
            command, env=env, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self._stdin, self._stdout = cast("IO[str]", self.process.stdin), cast("IO[str]", self.process.stdout)
        self._seconds = seconds
        self._last_id = 0
        self._answers: dict[int, dict[str, Any]] = {}
        self.noted: list[dict[str, Any]] = []
        self._untaken: defaultdict[str, deque[Any]] = defaultdict(deque)
        self._frames: queue.SimpleQueue[dict[str, Any] | Exception] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.initialized: dict[str, Any] = self.ask(
                "initialize",
                {
                    "protocol_version": PROTOCOL_VERSION,
                    "host_info": {"name": "test", "version": "0"},
                    "capabilities": _CAPABILITIES,
                    "init_extensions": ({} if binding is None else {"project_binding": dict(binding)})
                    | dict(extensions or {}),
                },
            )
        except BaseException:
            self.kill()
            raise
        self.notify("initialized")

    def ask(self, method: str, params: Any = None) -> Any:
        """The result of a request; raises `PluginFault` for an error."""
        answer = self.answer(self.start(method, params))
        if "error" in answer:
            raise PluginFault(method, answer["error"])
        return answer["result"]

    def fault(self, method: str, params: Any = None) -> dict[str, Any]:
        """The error object a request is answered with; an `AssertionError` when it is answered with a result."""
        answer = self.answer(self.start(method, params))
        if "error" not in answer:
            raise AssertionError(f"{method!r} was answered with {answer['result']!r}")
        error: dict[str, Any] = answer["error"]
        return error

    def start(self, method: str, params: Any = None) -> int:
        """Send a request and give its id; `answer` waits for what comes back."""
        self._last_id += 1
        self.send({"id": self._last_id, **_call(method, params)})
        return self._last_id

    def answer(self, request_id: int) -> dict[str, Any]:
        """The response frame of a request."""
        self.wait_until(lambda: request_id in self._answers)
        return self._answers.pop(request_id)

    def notify(self, method: str, params: Any = None) -> None:
        """Send a notification."""
        self.send(_call(method, params))

    def notes(self, method: str) -> list[Any]:
        """Params of the notifications of a method that were read so far: at an answer, all that came before it."""
        return [note.get("params") for note in self.noted if note["method"] == method]

    def next_note(self, method: str) -> Any:
        """Params of the oldest one that was not given in this way yet; waits for it."""
        self.wait_until(lambda: self._untaken[method])
        return self._untaken[method].popleft()

    def untaken_notes(self, method: str) -> list[Any]:
        """Params of those that were read and that `next_note` did not give yet."""
        return list(self._untaken[method])

    def wait_until(self, condition: Callable[[], Any]) -> None:
        """Read frames until the condition holds."""
        while not condition():
            try:
                frame = self._frames.get(timeout=self._seconds)
            except queue.Empty:
                raise TimeoutError(f"the plugin wrote nothing for {self._seconds:g} s") from None
            if isinstance(frame, Exception):
                self._frames.put(frame)  # for whoever waits next
                raise frame
            if "method" in frame:
                self.noted.append(frame)
                self._untaken[frame["method"]].append(frame.get("params"))
            else:
                self._answers[frame["id"]] = frame

    def send(self, frame: Mapping[str, Any]) -> None:
        """Write one frame as it is, with the version of JSON-RPC added."""
        self._stdin.write(json.dumps({"jsonrpc": "2.0", **frame}) + "\n")
        self._stdin.flush()

    def kill(self) -> None:
        """End the process by SIGKILL and wait for it."""
        self.process.kill()
        self.close()

    def close(self) -> int:
        """End the plugin's input, as a host that goes away does; gives the exit code. May be called again."""
        with contextlib.suppress(BrokenPipeError):  # it is gone already, with something unread
            self._stdin.close()
        try:
            return self.process.wait(self._seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(self._seconds)
            raise
        finally:
            self._reader.join(self._seconds)
            self._stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self) -> None:
        for line in self._stdout:
            try:
                self._frames.put(json.loads(line))
            except ValueError:
                self._frames.put(ConnectionError(f"the plugin wrote {line!r}, which is not JSON"))
                return
        self._frames.put(ConnectionError("the plugin ended its output; what it has to say is on its standard error"))


def _call(method: str, params: Any) -> dict[str, Any]:
    return {"method": method} if params is None else {"method": method, "params": params}
