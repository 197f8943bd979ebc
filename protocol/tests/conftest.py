"""A scripted host that speaks with a plugin in a thread or in a process, on either loop."""

import contextlib
import importlib.util
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

import pytest

PATIENCE_SECONDS = 60.0
"""How long anything may take before a test fails; no test waits that long when it passes."""

PROBE = Path(__file__).with_name("probe_plugin.py")
MAJOR = "1.1.0"


class PluginGoneError(Exception):
    """The plugin closed its end."""


class Host:
    """The host's side of two pipes: writes what it is told and reads frames, each wait bounded."""

    def __init__(self, write_to: int, read_from: int) -> None:
        self.write_to = write_to
        self.read_from = read_from
        self._buffer = b""
        self._lines: deque[bytes] = deque()
        self.notes: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self._next_id = 1000

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self.write_to, view) :]

    def send(self, *frames: Any) -> None:
        self.write(b"".join(json.dumps(frame).encode() + b"\n" for frame in frames))

    def notify(self, method: str, params: Any = None) -> None:
        self.send({"jsonrpc": "2.0", "method": method} | ({} if params is None else {"params": params}))

    def line(self) -> bytes:
        """The next line of the plugin."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._lines:
            poll = select.poll()
            poll.register(self.read_from, select.POLLIN)
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                pytest.fail(f"the plugin wrote nothing for {PATIENCE_SECONDS} s; unfinished: {self._buffer[:200]!r}")
            chunk = os.read(self.read_from, 1 << 20)
            if not chunk:
                raise PluginGoneError(self._buffer)
            *lines, self._buffer = (self._buffer + chunk).split(b"\n")
            self._lines.extend(lines)
        return self._lines.popleft()

    def frame(self) -> dict[str, Any]:
        """The next frame, whatever it is."""
        frame = json.loads(self.line())
        assert frame["jsonrpc"] == "2.0"
        return frame

    def reply(self, request_id: Any) -> dict[str, Any]:
        """The response with this id; notifications before it are kept in `notes`, requests in `asked`."""
        while True:
            frame = self.frame()
            if "method" in frame:
                (self.asked if "id" in frame else self.notes).append(frame)
                continue
            assert (type(frame["id"]), frame["id"]) == (type(request_id), request_id), frame
            return frame

    def reply_of_any(self, request_ids: list[Any]) -> Any:
        """Which of these requests is answered next, and not with an error."""
        while True:
            frame = self.frame()
            if "method" not in frame:
                assert frame["id"] in request_ids, frame
                assert "error" not in frame, frame
                return frame["id"]

    def request(self, method: str, params: Any = None, *, request_id: Any = None) -> dict[str, Any]:
        request_id = self.start(method, params, request_id=request_id)
        return self.reply(request_id)

    def start(self, method: str, params: Any = None, *, request_id: Any = None) -> Any:
        """Send a request and do not wait."""
        if request_id is None:
            self._next_id += 1
            request_id = self._next_id
        frame = {"jsonrpc": "2.0", "id": request_id, "method": method}
        self.send(frame if params is None else {**frame, "params": params})
        return request_id

    def result(self, method: str, params: Any = None) -> Any:
        reply = self.request(method, params)
        assert "error" not in reply, reply
        return reply["result"]

    def error(self, method: str, params: Any = None) -> dict[str, Any]:
        reply = self.request(method, params)
        assert "result" not in reply, reply
        return reply["error"]

    def note(self, method: str) -> dict[str, Any]:
        """The next frame, which must be this notification."""
        frame = self.frame()
        assert frame["method"] == method, frame
        assert "id" not in frame
        return frame.get("params")

    def initialize(
        self, *, version: str = MAJOR, host: str = "test", extensions: Any = None, progress: bool = True
    ) -> Any:
        params: dict[str, Any] = {
            "protocol_version": version,
            "host_info": {"name": host, "version": "1.0.0"},
            "capabilities": {"streaming": True, "progress": progress, "cancellation": True},
        }
        if extensions is not None:
            params["init_extensions"] = extensions
        return self.request("initialize", params)

    def handshake(self, **arguments: Any) -> Any:
        reply = self.initialize(**arguments)
        self.notify("initialized")
        return reply["result"]

    def is_quiet(self) -> bool:
        """Whether the plugin has nothing more to say: the answer to a ping is the next thing it writes."""
        request_id = self.start("$/ping")
        return self.frame() == {"jsonrpc": "2.0", "id": request_id, "result": {}}

    def close_stdin(self) -> None:
        if self.write_to >= 0:
            os.close(self.write_to)
            self.write_to = -1

    def rest(self) -> list[dict[str, Any]]:
        """Everything until the plugin closes its end."""
        frames = []
        with contextlib.suppress(PluginGoneError):
            while True:
                frames.append(self.frame())
        return frames


class ThreadPlugin(Host):
    """A plugin in a thread of the test."""

    def __init__(self, plugin: Any, world: Any = None) -> None:
        plugin_reads, host_writes = os.pipe()
        host_reads, plugin_writes = os.pipe()
        super().__init__(host_writes, host_reads)
        self.world = world
        self._code: list[int] = []
        self._thread = threading.Thread(target=self._run, args=(plugin, plugin_reads, plugin_writes), daemon=True)
        self._thread.start()

    def _run(self, plugin: Any, read_from: int, write_to: int) -> None:
        with os.fdopen(read_from, "rb") as stdin, os.fdopen(write_to, "wb", buffering=0) as stdout:
            self._code.append(plugin.run([], stdin=stdin, stdout=stdout))

    def exit_code(self) -> int:
        self._thread.join(PATIENCE_SECONDS)
        return self._code[0]

    def close(self) -> None:
        self.close_stdin()
        if self.world is not None:
            self.world.door.set()
        self._thread.join(PATIENCE_SECONDS)
        os.close(self.read_from)


class ProcessPlugin(Host):
    """A plugin in a process of its own."""

    def __init__(self, argv: list[str], environment: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
        )
        assert self.process.stdin
        assert self.process.stdout
        super().__init__(os.dup(self.process.stdin.fileno()), self.process.stdout.fileno())
        self.process.stdin.close()
        self._stderr = b""
        self._stderr_reader = threading.Thread(target=self._read_stderr, daemon=True)
        self._stderr_reader.start()

    def _read_stderr(self) -> None:
        assert self.process.stderr
        self._stderr = self.process.stderr.read()

    def exit_code(self) -> int:
        return self.process.wait(PATIENCE_SECONDS)

    def stderr(self) -> str:
        """Everything on stderr; ends the plugin first."""
        self.close_stdin()
        self.exit_code()
        self._stderr_reader.join(PATIENCE_SECONDS)
        return self._stderr.decode(errors="replace")

    def close(self) -> None:
        self.close_stdin()
        try:
            self.process.wait(PATIENCE_SECONDS)
        finally:
            self.process.kill()
            self.process.wait()
            self._stderr_reader.join(PATIENCE_SECONDS)
            assert self.process.stdout
            assert self.process.stderr
            self.process.stdout.close()
            self.process.stderr.close()


@pytest.fixture(scope="session")
def probe() -> Any:
    """The module of the probe plugin."""
    spec = importlib.util.spec_from_file_location("animus_probe_plugin", PROBE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # annotations are resolved there
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run_in_thread():
    """Run any plugin in a thread and speak with it."""
    with contextlib.ExitStack() as stack:

        def start(plugin: Any, world: Any = None) -> ThreadPlugin:
            host = ThreadPlugin(plugin, world)
            stack.callback(host.close)
            return host

        yield start


@pytest.fixture
def run_process():
    """Run any plugin in a process and speak with it."""
    with contextlib.ExitStack() as stack:

        def start(argv: list[str], environment: dict[str, str] | None = None) -> ProcessPlugin:
            host = ProcessPlugin(argv, environment)
            stack.callback(host.close)
            return host

        yield start


@pytest.fixture(params=["threads", "asyncio"])
def loop(request) -> str:
    """Both loops."""
    return request.param


@pytest.fixture(params=["threads in a thread", "asyncio in a thread", "threads in a process"])
def host(request, probe, run_in_thread, run_process) -> Host:
    """The probe, not yet greeted: each loop in a thread, and a real process (`process_host` has both loops there)."""
    loop_name, _, where = request.param.partition(" in a ")
    if where == "thread":
        world = probe.World()
        return run_in_thread(probe.build(loop_name, world), world)
    return run_process([sys.executable, str(PROBE)], {"PROBE_LOOP": loop_name})


@pytest.fixture
def ready(host) -> Host:
    """The probe after the handshake."""
    host.handshake()
    return host


@pytest.fixture
def thread_host(loop, probe, run_in_thread) -> ThreadPlugin:
    """The probe in a thread after the handshake, on both loops."""
    world = probe.World()
    host = run_in_thread(probe.build(loop, world), world)
    host.handshake()
    return host


@pytest.fixture
def process_host(loop, run_process) -> ProcessPlugin:
    """The probe in a process after the handshake, on both loops."""
    host = run_process([sys.executable, str(PROBE)], {"PROBE_LOOP": loop})
    host.handshake()
    return host
