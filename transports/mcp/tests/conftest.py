"""A project with the default plugins, and clients of the server's process."""

import json
import os
import subprocess
import sys
import threading
from collections import deque
from typing import Any

import pytest

ANSWER_SECONDS = 60
_KEPT = ("PATH", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
_FLOW = """
tools_allowlist: [sh]
workflows:
  - {id: w, phases: [p]}
phases:
  p: {mode: command, command: {program: sh, args: [-c, 'true']}}
"""


@pytest.fixture
def environment(tmp_path):
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | {"ANIMUS_CONFIG_DIR": str(tmp_path / "config"), "HOME": str(tmp_path / "home")}


@pytest.fixture
def project(tmp_path):
    pytest.importorskip("animus_flavor_default", reason="needs the plugins of the default flavor")
    folder = tmp_path / "project"
    (folder / ".animus").mkdir(parents=True)
    (folder / ".animus" / "workflows.yaml").write_text(_FLOW)
    return folder


class Client:
    """Writes lines to a server's process and reads its answers."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._last_id = 0
        self.answers: dict[Any, dict] = {}
        self.order: deque[Any] = deque()

    def hello(self, version: str = "2025-11-25") -> dict:
        hello = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}
        result = self.ask("initialize", hello)
        self.send({"method": "notifications/initialized"})
        return result

    def start(self, method: str, params: Any = None) -> int:
        self._last_id += 1
        self.send({"id": self._last_id, "method": method} | ({} if params is None else {"params": params}))
        return self._last_id

    def ask(self, method: str, params: Any = None) -> Any:
        answer = self.answer(self.start(method, params))
        assert "error" not in answer, answer
        return answer["result"]

    def call(self, tool: str, **arguments: Any) -> dict:
        return self.ask("tools/call", {"name": tool, "arguments": arguments})

    def answer(self, request_id: Any) -> dict:
        watchdog = threading.Timer(ANSWER_SECONDS, self.process.kill)
        watchdog.start()
        try:
            while request_id not in self.answers:
                line = self.process.stdout.readline()
                assert line, "the server ended"
                frame = json.loads(line)
                self.answers[frame.get("id")] = frame
                self.order.append(frame.get("id"))
        finally:
            watchdog.cancel()
        return self.answers[request_id]

    def send(self, *frames: dict) -> None:
        """Write them at once: the server finds the later ones behind the first, however slow this process is."""
        self.write(b"".join(json.dumps({"jsonrpc": "2.0", **frame}).encode() + b"\n" for frame in frames))

    def write(self, data: bytes) -> None:
        self.process.stdin.write(data)
        self.process.stdin.flush()


@pytest.fixture
def connect(project, environment):
    """Clients of a server each; what is given goes behind ``mcp serve``."""
    running = []

    def start(*options: str) -> Client:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "animus_cli", "mcp", "serve", *options],
            cwd=project,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        running.append(process)
        return Client(process)

    yield start
    for process in running:
        process.stdin.close()
        code = process.wait(ANSWER_SECONDS)
        process.stdout.close()
        assert code == 0


@pytest.fixture
def client(connect):
    client = connect()
    client.hello()
    return client


@pytest.fixture
def daemon(project, environment):
    """A daemon that serves the project until the test ends."""

    def animus(*words: str) -> None:
        command = [sys.executable, "-P", "-m", "animus_cli", *words]
        subprocess.run(command, cwd=project, env=environment, check=True, capture_output=True, timeout=ANSWER_SECONDS)

    animus("daemon", "start")
    yield
    animus("daemon", "stop")
