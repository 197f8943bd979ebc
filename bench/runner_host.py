"""A host with one workflow runner on its pipes, for the benches of the runner: blocking, and no more than they need."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

READ_BYTES = 65_536
"""Below the size at which the C library would map fresh memory for each read."""
EXIT_SECONDS = 20.0
SETTLE_SECONDS = 2.2
"""Definitions written less than two seconds ago are compiled anew for every run, which nobody wants to time."""
AGENT_RESULT = {
    "session_id": "s",
    "exit_code": 0,
    "output": "done",
    "duration_ms": 0,
    "backend": "bench",
    "metadata": [],
    "tool_calls": [],
    "tool_results": [],
    "thinking": [],
    "errors": [],
}
"""What an agent says that has nothing to do."""


class RunnerHost:
    """Starts the runner for a project in `folder` and speaks to it; answers every agent at once.

    Attributes:
        pid: the runner's process.
        on_frame: shown every frame that comes, before it is handled.
    """

    def __init__(
        self,
        folder: Path,
        workflows: str,
        *,
        environ: dict[str, str] | None = None,
        command: Sequence[str] = (sys.executable, "-P", "-m", "animus_workflow_runner_default"),
    ) -> None:
        (folder / "p" / ".animus").mkdir(parents=True, exist_ok=True)
        (folder / "p" / ".animus" / "workflows.yaml").write_text(workflows, "utf-8")
        self.project, self.state = folder / "p", folder / "state"
        self.on_frame: Callable[[dict[str, Any]], None] = lambda _frame: None
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=kept | {"HOME": str(folder), "ANIMUS_CONFIG_DIR": str(folder / "config")} | (environ or {}),
            bufsize=0,
        )
        self.pid = self._process.pid
        self._buffer = b""
        self._replies: dict[int, dict[str, Any]] = {}
        self._number = 0
        self._encode, self._decode = msgspec.json.Encoder().encode, msgspec.json.Decoder().decode
        binding = {"project_root": str(self.project), "repo_scope": "bench", "state_dir": str(self.state)}
        self.call(
            "initialize",
            {
                "protocol_version": "1.1.0",
                "host_info": {"name": "bench", "version": "0"},
                "capabilities": {"streaming": True, "progress": True, "cancellation": True},
                "init_extensions": {"project_binding": binding, "packs": [], "host_calls": {"version": 1}},
            },
        )
        self._write({"jsonrpc": "2.0", "method": "initialized"})
        time.sleep(SETTLE_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def begin(self, method: str, params: Any = None) -> int:
        """Send a request; its number."""
        self._number += 1
        frame = {"jsonrpc": "2.0", "id": self._number, "method": method}
        self._write(frame if params is None else frame | {"params": params})
        return self._number

    def begin_execute(self, workflow_ref: str, workflow_id: str) -> int:
        """Ask for a run."""
        return self.begin("workflow/execute", execute_params(workflow_ref, workflow_id))

    def finish(self, number: int) -> Any:
        """The result of a request, once it is there."""
        while number not in self._replies:
            self._read()
        return _result(self._replies.pop(number))

    def finished(self) -> Iterator[tuple[int, Any]]:
        """Results as they come; wait for the next one by going on."""
        while True:
            while not self._replies:
                self._read()
            for number in list(self._replies):
                yield number, _result(self._replies.pop(number))

    def handle(self, seconds: float) -> None:
        """Handle what comes within `seconds`; results are kept for `finish`."""
        until = time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0:
            if select.select([self._process.stdout], [], [], left)[0]:
                self._read()

    def call(self, method: str, params: Any = None) -> Any:
        """A request and its result."""
        return self.finish(self.begin(method, params))

    def execute(self, workflow_ref: str, workflow_id: str) -> Any:
        """A run, to where it ends or waits."""
        return self.finish(self.begin_execute(workflow_ref, workflow_id))

    def close(self) -> None:
        """End the runner; one that does not end is killed."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        # What it still says must not stop it from ending.
        drain = threading.Thread(target=self._process.stdout.read, daemon=True)
        drain.start()
        try:
            self._process.wait(EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(EXIT_SECONDS)
        drain.join(EXIT_SECONDS)

    def _read(self) -> None:
        data = os.read(self._process.stdout.fileno(), READ_BYTES)
        if not data:
            raise ConnectionError(f"the runner is gone: exit code {self._process.wait(EXIT_SECONDS)}")
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            frame = self._decode(line)
            self.on_frame(frame)
            if frame.get("method") == "host/call":
                self._write({"jsonrpc": "2.0", "id": frame["id"], "result": AGENT_RESULT})
            elif "method" not in frame:
                self._replies[frame["id"]] = frame

    def _write(self, frame: dict[str, Any]) -> None:
        data = memoryview(self._encode(frame) + b"\n")
        while data:
            data = data[os.write(self._process.stdin.fileno(), data) :]


def execute_params(workflow_ref: str, workflow_id: str) -> dict[str, Any]:
    """What a host sends to have a run executed, each about a subject of its own."""
    dispatch = {
        "subject": {"kind": "task", "id": f"TASK-{workflow_id}", "title": "A title", "description": "What to do"},
        "workflow_ref": workflow_ref,
        "trigger_source": "bench",
        "requested_at": "2026-01-01T00:00:00Z",
        "vars": {},
    }
    return {"workflow_id": workflow_id, "subject_dispatch": dispatch}


def _result(frame: dict[str, Any]) -> Any:
    if "error" in frame:
        raise RuntimeError(f"the runner refused: {frame['error']}")
    return frame["result"]


def disturbed() -> str:
    """How busy the machine is, for the last line of a table."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
