"""A store on a real file, a clock that the tests move, and a host that talks to the real plugin process."""

import datetime
import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from animus_subject_default.subject_store import SubjectStore

_START = datetime.datetime(2026, 3, 1, 12, 0, tzinfo=datetime.UTC)


class HandClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = _START

    def __call__(self) -> datetime.datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += datetime.timedelta(seconds=seconds)


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "state" / "workflow.db"


@pytest.fixture
def store(database, clock):
    opened = SubjectStore(database, clock=clock)
    yield opened
    opened.close()


ANSWER_SECONDS = 20
_KEPT = ("PATH", "HOME", "TMPDIR", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")


class Host:
    """The host's side of one plugin process."""

    def __init__(self, process: subprocess.Popen, initialize: dict) -> None:
        self._process = process
        self._last_id = 0
        self._notes: list[dict] = []
        self._frames: queue.SimpleQueue = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        self.initialized = self.ask("initialize", initialize)
        self._send({"method": "initialized"})

    def ask(self, method: str, params: Any = None) -> Any:
        return self.ask_with_id(method, params)[0]

    def ask_with_id(self, method: str, params: Any = None) -> tuple[Any, int]:
        answer = self._exchange(method, params)
        assert "error" not in answer, answer
        return answer["result"], answer["id"]

    def fault(self, method: str, params: Any = None) -> dict:
        answer = self._exchange(method, params)
        assert "error" in answer, answer
        return answer["error"]

    def notes(self, method: str) -> list[dict]:
        """What was sent before the last answer."""
        return [note["params"] for note in self._notes if note["method"] == method]

    def close(self) -> int:
        self._process.stdin.close()
        code = self._process.wait(ANSWER_SECONDS)
        self._process.stdout.close()
        return code

    def _exchange(self, method: str, params: Any) -> dict:
        self._last_id += 1
        self._send({"id": self._last_id, "method": method} | ({} if params is None else {"params": params}))
        while True:
            frame = self._frames.get(timeout=ANSWER_SECONDS)
            if frame.get("id") == self._last_id and "method" not in frame:
                return frame
            self._notes.append(frame)

    def _send(self, frame: dict) -> None:
        self._process.stdin.write(json.dumps({"jsonrpc": "2.0", **frame}).encode() + b"\n")
        self._process.stdin.flush()

    def _read(self) -> None:
        for line in self._process.stdout:
            self._frames.put(json.loads(line))


@pytest.fixture
def plugin_command():
    return [sys.executable, "-P", "-m", "animus_subject_default"]


@pytest.fixture
def environment(tmp_path):
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | {"ANIMUS_CONFIG_DIR": str(tmp_path / "config")}


@pytest.fixture
def run_manifest(plugin_command, environment):
    def run() -> dict:
        done = subprocess.run(
            [*plugin_command, "--manifest"], env=environment, capture_output=True, check=True, timeout=ANSWER_SECONDS
        )
        return json.loads(done.stdout)

    return run


@pytest.fixture
def start_host(plugin_command, environment, tmp_path, database):
    hosts = []
    bound = {"project_root": str(tmp_path), "repo_scope": "demo", "state_dir": str(database.parent)}

    def start(binding=bound) -> Host:
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
    assert [host.close() for host in hosts] == [0] * len(hosts)


@pytest.fixture
def host(start_host):
    return start_host()
