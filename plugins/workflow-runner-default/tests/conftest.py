"""A host for the plugin under test (a real process on real pipes), projects, and a clock that tests move."""

import asyncio
import contextlib
import datetime
import itertools
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

REPLY_SECONDS = 120.0
EXIT_SECONDS = 60.0
PROGRAM = (
    "animus_workflow_runner_default.__main__:main",
    "animus_workflow_runner_default.wire.adapter",
    "animus_workflow_runner_default.authoring.loading",
    "animus_plugin_protocol._async_loop",
)
"""The plugin, and what it imports on its way."""


class RpcError(Exception):
    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(f"{error['code']}: {error['message']}")
        self.code = error["code"]
        self.message = error["message"]
        self.data = error.get("data")


def start_program(environ: dict[str, str]) -> subprocess.Popen[bytes]:
    """The plugin as its host starts it."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "animus_workflow_runner_default"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environ,
    )


class Host:
    """Speaks to one plugin process; replies and progress are kept by request id."""

    def __init__(self, process: Any, project: Path, state_dir: Path) -> None:
        self.process = process
        self.project, self.state_dir = project, state_dir
        self.stderr: list[str] = []
        self.cancelled: list[Any] = []
        self.calls: list[dict[str, Any]] = []
        self.on_host_call: Callable[[dict[str, Any]], Any] | None = None
        self.progress: dict[Any, list[dict[str, Any]]] = {}
        self.arrived = threading.Condition()
        self._replies: dict[Any, queue.Queue[dict[str, Any] | None]] = {}
        self._ids = itertools.count(1)
        self._seqs = itertools.count(1)
        self._call_ids: dict[int, Any] = {}
        self._write_lock = threading.Lock()
        self._threads = [threading.Thread(target=target, daemon=True) for target in (self._read, self._read_stderr)]
        for thread in self._threads:
            thread.start()

    def initialize(self, *, host_calls: bool = False, packs: list[Any] | None = None) -> dict[str, Any]:
        extensions: dict[str, Any] = {
            "project_binding": {
                "project_root": str(self.project),
                "repo_scope": "test-000000000000",
                "state_dir": str(self.state_dir),
            },
            "packs": packs or [],
        }
        if host_calls:
            extensions["host_calls"] = {"version": 1}
        result = self.call(
            "initialize",
            {
                "protocol_version": "1.1.0",
                "host_info": {"name": "test", "version": "0"},
                "capabilities": {"streaming": True, "progress": True, "cancellation": True},
                "init_extensions": extensions,
            },
        )
        self._send({"jsonrpc": "2.0", "method": "initialized"})
        return result

    def begin(self, method: str, params: Any = None) -> int:
        number = next(self._ids)
        self._replies[number] = queue.Queue()
        self.progress[number] = []
        frame: dict[str, Any] = {"jsonrpc": "2.0", "id": number, "method": method}
        if params is not None:
            frame["params"] = params
        self._send(frame)
        return number

    def finish(self, number: int, timeout: float = REPLY_SECONDS) -> Any:
        reply = self._replies[number].get(timeout=timeout)
        if reply is None:
            raise ConnectionError(f"the plugin is gone ({self.process.wait(60)}):\n" + "".join(self.stderr))
        if "error" in reply:
            raise RpcError(reply["error"])
        return reply["result"]

    def call(self, method: str, params: Any = None, timeout: float = REPLY_SECONDS) -> Any:
        return self.finish(self.begin(method, params), timeout)

    def execute(self, workflow_ref: str | None = None, **more: Any) -> Any:
        return self.call("workflow/execute", execute_params(workflow_ref, **more))

    def begin_execute(self, workflow_ref: str | None = None, **more: Any) -> int:
        return self.begin("workflow/execute", execute_params(workflow_ref, **more))

    def signal(self, workflow_id: str, signal: str, **more: Any) -> Any:
        return self.call("workflow/signal", {"workflow_id": workflow_id, "signal": signal, **more})

    def wait_progress(self, number: int, **wanted: Any) -> dict[str, Any]:
        """The first progress event of a request that has these values."""

        def found() -> dict[str, Any] | None:
            matching = (
                event
                for event in self.progress[number]
                if all(event.get(key) == value for key, value in wanted.items())
            )
            return next(matching, None)

        with self.arrived:
            assert self.arrived.wait_for(found, REPLY_SECONDS), f"no {wanted} in {self.progress[number]}"
            event = found()
        assert event is not None
        return event

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(EXIT_SECONDS)
        self._join()

    def close(self) -> int:
        if self.process.stdin is not None and not self.process.stdin.closed:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
        try:
            code = self.process.wait(EXIT_SECONDS)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait(EXIT_SECONDS)
            self._join()
        return code

    def _join(self) -> None:
        for thread in self._threads:
            thread.join(EXIT_SECONDS)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    def _send(self, frame: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        with self._write_lock:
            self.process.stdin.write(json.dumps(frame).encode() + b"\n")
            self.process.stdin.flush()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            frame = json.loads(line)
            if frame.get("method") == "$/progress":
                with self.arrived:
                    self.progress[frame["params"]["id"]].append(frame["params"]["value"])
                    self.arrived.notify_all()
            elif frame.get("method") == "$/cancelRequest":
                with self.arrived:
                    self.cancelled.append(frame["params"]["id"])
                    self.arrived.notify_all()
            elif frame.get("method") == "host/call":
                with self.arrived:
                    self.calls.append(frame["params"])
                    self.arrived.notify_all()
                threading.Thread(target=self._answer, args=(frame,), daemon=True).start()
            elif "id" in frame and frame["id"] in self._replies:
                self._replies[frame["id"]].put(frame)
        for waiting in self._replies.values():
            waiting.put(None)

    def _answer(self, frame: dict[str, Any]) -> None:
        with contextlib.suppress(OSError, ValueError):  # the plugin may be gone by now
            self._reply(frame)

    def _reply(self, frame: dict[str, Any]) -> None:
        assert self.on_host_call is not None
        self._call_ids[id(frame["params"])] = frame["id"]
        try:
            result = self.on_host_call(frame["params"])
        except RpcError as error:
            fault = {"code": error.code, "message": error.message, "data": error.data}
            self._send({"jsonrpc": "2.0", "id": frame["id"], "error": fault})
            return
        for seq, text in enumerate(result.pop("notes", [])):
            params = {"session_id": "s", "text": text, "final": False}
            note = {"id": frame["id"], "seq": seq, "method": "agent/output", "params": params}
            self._send({"jsonrpc": "2.0", "method": "host/note", "params": note})
        self._send({"jsonrpc": "2.0", "id": frame["id"], "result": result})

    def tell(self, call: dict[str, Any], method: str, body: dict[str, Any]) -> None:
        """Pass a note of a provider on to the plugin while its call is under way."""
        number = self._call_ids[id(call)]
        params = {"session_id": call["params"]["control_session_id"]} | body
        note = {"id": number, "seq": next(self._seqs), "method": method, "params": params}
        self._send({"jsonrpc": "2.0", "method": "host/note", "params": note})

    def _read_stderr(self) -> None:
        assert self.process.stderr is not None
        self.stderr.extend(line.decode("utf-8", "replace") for line in self.process.stderr)


def execute_params(workflow_ref: str | None, **more: Any) -> dict[str, Any]:
    subject = {"kind": "task", "id": "TASK-1", "title": "A title", "description": "What to do"}
    subject |= more.pop("subject", {})
    params: dict[str, Any] = dict(more)
    if workflow_ref is not None:
        params["subject_dispatch"] = {
            "subject": subject,
            "workflow_ref": workflow_ref,
            "trigger_source": "test",
            "requested_at": "2026-01-01T00:00:00Z",
            "vars": params.pop("vars", {}),
        }
    return params


def agent_result(output: str, **more: Any) -> dict[str, Any]:
    base = {"session_id": "s", "exit_code": 0, "output": output, "duration_ms": 1, "backend": "scripted"}
    lists = {key: [] for key in ("metadata", "tool_calls", "tool_results", "thinking", "errors")}
    return base | lists | more


class HandClock:
    """Time that only a test moves; deadlines fire when it passes them."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
        self.slept: list[float] = []

    def now(self) -> datetime.datetime:
        return self._start + datetime.timedelta(seconds=self._seconds)

    def monotonic(self) -> float:
        return self._seconds

    def advance(self, seconds: float) -> None:
        self._seconds += seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)
        await asyncio.sleep(0)

    @contextlib.asynccontextmanager
    async def timeout(self, seconds: float | None):
        async with asyncio.timeout(seconds):
            yield


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(scope="session")
def make_clock() -> type[HandClock]:
    """For tests that need a clock of their own for each of their examples."""
    return HandClock


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "project"
    (path / ".animus").mkdir(parents=True)
    return path


@pytest.fixture
def define(project: Path) -> Callable[[str], None]:
    """Write the project's workflow file."""

    def write(text: str) -> None:
        (project / ".animus" / "workflows.yaml").write_text(text, "utf-8")

    return write


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG", "LC_ALL", "TMPDIR"}}
    return kept | {"HOME": str(home), "ANIMUS_CONFIG_DIR": str(tmp_path / "config")}


@pytest.fixture
def start_host(project: Path, state_dir: Path, environ: dict[str, str], fork_server: Callable[..., Any]):
    """Start the plugin; every one that is started is ended with the test.

    A process that is given variables of Python's own starts from nothing, as a host starts it.
    """
    hosts: list[Host] = []
    fork = fork_server(*PROGRAM)

    def start(*, initialize: bool = True, host_calls: bool = False, extra: dict[str, str] | None = None) -> Host:
        given = environ | (extra or {})
        is_plain = fork is not None and not any(name.startswith("PYTHON") for name in given)
        process = fork((), Path.cwd(), given) if is_plain else start_program(given)
        host = Host(process, project, state_dir)
        hosts.append(host)
        if initialize:
            host.initialize(host_calls=host_calls)
        return host

    yield start
    for host in hosts:
        if host.process.poll() is None:
            host.close()
        else:
            host._join()


@pytest.fixture
def host(start_host: Callable[..., Host]) -> Host:
    return start_host()


@pytest.fixture
def git(environ: dict[str, str]) -> Callable[..., str]:
    """Run git as a user would."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")

    def run(cwd: Path, *arguments: str) -> str:
        done = subprocess.run(
            ["git", "-c", "user.name=U", "-c", "user.email=u@x", *arguments],
            cwd=cwd,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


@pytest.fixture
def repository(project: Path, git: Callable[..., str]) -> Path:
    """The project as a git repository with one commit on ``main``."""
    git(project, "init", "--quiet", "--initial-branch=main")
    (project / "file.txt").write_text("one\n")
    (project / ".gitignore").write_text("*.log\n")
    git(project, "add", "file.txt", ".gitignore")
    git(project, "commit", "--quiet", "-m", "first")
    return project


@pytest.fixture
def agent_reply() -> Callable[..., dict[str, Any]]:
    return agent_result


@pytest.fixture
def rpc_error() -> type[RpcError]:
    return RpcError
