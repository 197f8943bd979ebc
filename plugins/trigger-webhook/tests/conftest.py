"""A spool on a real file, a server on a port of its own, and a host that talks to the real plugin process."""

import contextlib
import hashlib
import hmac
import http.client
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from typing import Any, NamedTuple

import pytest

from animus_trigger_webhook.spool import Spool

ANSWER_SECONDS = 20
_KEPT = ("PATH", "HOME", "TMPDIR", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")


class HandClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds

    def move(self, seconds: float) -> None:
        self.seconds += seconds


class Reply(NamedTuple):
    status: int
    body: Any
    headers: dict[str, str]


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def spool_path(tmp_path):
    return tmp_path / "state" / "trigger-webhook" / "deliveries.db"


@pytest.fixture
def spool(spool_path, clock):
    opened = Spool(spool_path, clock)
    yield opened
    opened.close()


def signature_of(secret: str, body: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@pytest.fixture
def sign():
    return signature_of


@pytest.fixture
def post():
    """Send a delivery to ``ADDRESS:PORT``."""

    def send(address: str, path: str, body: bytes = b"{}", headers: dict[str, str] | None = None) -> Reply:
        host, _, port = address.rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=ANSWER_SECONDS)
        with contextlib.closing(connection):
            connection.request("POST", path, body, {"Content-Type": "application/json"} | (headers or {}))
            response = connection.getresponse()
            return Reply(response.status, json.loads(response.read()), dict(response.getheaders()))

    return send


class Host:
    """The host's side of one plugin process."""

    def __init__(self, process: subprocess.Popen, initialize: dict) -> None:
        self._process = process
        self._last_id = 0
        self._answers: queue.SimpleQueue = queue.SimpleQueue()
        self._events: queue.SimpleQueue = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        self.initialized = self.ask("initialize", initialize)
        self.notify("initialized")

    def ask(self, method: str, params: Any = None) -> Any:
        answer = self._exchange(method, params)
        assert "error" not in answer, answer
        return answer["result"]

    def fault(self, method: str, params: Any = None) -> dict:
        answer = self._exchange(method, params)
        assert "error" in answer, answer
        return answer["error"]

    def notify(self, method: str, params: Any = None) -> None:
        self._send({"method": method} | ({} if params is None else {"params": params}))

    def watch(self, *rows: dict) -> Any:
        return self.ask("trigger/watch", {"config": {"triggers": list(rows)}})

    def event(self) -> dict:
        """The next event."""
        return self._events.get(timeout=ANSWER_SECONDS)

    def events_so_far(self) -> list[dict]:
        """What was reported until an answer that is asked for now."""
        self.ask("$/ping")
        found = []
        with contextlib.suppress(queue.Empty):
            while True:
                found.append(self._events.get_nowait())
        return found

    def kill(self) -> None:
        os.kill(self._process.pid, signal.SIGKILL)
        self.close()

    def close(self) -> int:
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        code = self._process.wait(ANSWER_SECONDS)
        self._process.stdout.close()
        return code

    def _exchange(self, method: str, params: Any) -> dict:
        self._last_id += 1
        self._send({"id": self._last_id, "method": method} | ({} if params is None else {"params": params}))
        while True:
            frame = self._answers.get(timeout=ANSWER_SECONDS)
            if frame.get("id") == self._last_id:
                return frame

    def _send(self, frame: dict) -> None:
        self._process.stdin.write(json.dumps({"jsonrpc": "2.0", **frame}).encode() + b"\n")
        self._process.stdin.flush()

    def _read(self) -> None:
        with contextlib.suppress(ValueError):
            for line in self._process.stdout:
                frame = json.loads(line)
                if frame.get("method") == "trigger/event":
                    self._events.put(frame["params"])
                else:
                    self._answers.put(frame)


@pytest.fixture
def plugin_command():
    return [sys.executable, "-P", "-m", "animus_trigger_webhook"]


@pytest.fixture
def state_dir(tmp_path):
    return tmp_path / "state"


@pytest.fixture
def address(state_dir):
    """Where the plugin listens, as it wrote it down."""
    return lambda: (state_dir / "trigger-webhook" / "address").read_text().strip()


@pytest.fixture
def start_host(plugin_command, tmp_path, state_dir):
    hosts = []
    bound = {"project_root": str(tmp_path), "repo_scope": "demo", "state_dir": str(state_dir)}

    def start(bind="127.0.0.1:0", binding=bound, **variables: str) -> Host:
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment = kept | {"ANIMUS_CONFIG_DIR": str(tmp_path / "config"), "ANIMUS_WEBHOOK_BIND": bind} | variables
        process = subprocess.Popen(
            plugin_command, env=environment, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        initialize = {
            "protocol_version": "1.1.0",
            "host_info": {"name": "test", "version": "0"},
            "capabilities": {"streaming": True, "progress": True, "cancellation": True},
            "init_extensions": {} if binding is None else {"project_binding": binding},
        }
        hosts.append(Host(process, initialize))
        return hosts[-1]

    yield start
    for host in hosts:
        host.close()


@pytest.fixture
def host(start_host):
    return start_host()
