"""A host that talks to the real plugin process, around a program that replays recorded streams or the real one."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from animus_agent_cli.request import AgentRequest

ANSWER_SECONDS = 60
_HERE = Path(__file__).parent
_KEPT = ("PATH", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")


@pytest.fixture
def recorded():
    """The path of a recorded stream, or its lines."""
    return lambda name: _HERE / "recorded" / f"{name}.jsonl"


@pytest.fixture
def recorded_lines(recorded):
    return lambda name: [json.loads(line) for line in recorded(name).read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def request_of(tmp_path):
    """A request as the library makes it."""

    def make(**more: Any) -> AgentRequest:
        facts = {"prompt": "do it", "cwd": tmp_path, "folder": tmp_path, "environment": {}}
        return AgentRequest(**(facts | more))

    return make


class Host:
    """The host's side of one plugin process."""

    def __init__(self, process: subprocess.Popen, state_dir: Path) -> None:
        self.process = process
        self.notes: list[dict] = []
        self._last_id = 0
        self._early: dict[int, dict] = {}
        self._frames: queue.SimpleQueue = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        binding = {"project_root": str(state_dir.parent), "repo_scope": "demo", "state_dir": str(state_dir)}
        initialize = {
            "protocol_version": "1.1.0",
            "host_info": {"name": "test", "version": "0"},
            "capabilities": {"streaming": True, "progress": True, "cancellation": True},
            "init_extensions": {"project_binding": binding},
        }
        self.initialized = self.ask("initialize", initialize)
        self.send({"method": "initialized"})

    def ask(self, method: str, params: Any = None) -> Any:
        answer = self.answer(self.start(method, params))
        assert "error" not in answer, answer
        return answer["result"]

    def fault(self, method: str, params: Any = None) -> dict:
        answer = self.answer(self.start(method, params))
        assert "error" in answer, answer
        return answer["error"]

    def start(self, method: str, params: Any = None) -> int:
        self._last_id += 1
        self.send({"id": self._last_id, "method": method} | ({} if params is None else {"params": params}))
        return self._last_id

    def answer(self, request_id: int) -> dict:
        while request_id not in self._early:
            self._take()
        return self._early.pop(request_id)

    def note(self, method: str) -> dict:
        """The first note of a method; waits for it."""
        while not self.of(method):
            self._take()
        return self.of(method)[0]

    def of(self, method: str) -> list[dict]:
        return [note["params"] for note in self.notes if note["method"] == method]

    def said(self) -> str:
        return "".join(note["text"] for note in self.of("agent/output"))

    def send(self, frame: dict) -> None:
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **frame}).encode() + b"\n")
        self.process.stdin.flush()

    def close(self) -> int:
        self.process.stdin.close()
        code = self.process.wait(ANSWER_SECONDS)
        self.process.stdout.close()
        return code

    def _take(self) -> None:
        frame = self._frames.get(timeout=ANSWER_SECONDS)
        if "method" in frame:
            self.notes.append(frame)
        else:
            self._early[frame["id"]] = frame

    def _read(self) -> None:
        for line in self.process.stdout:
            self._frames.put(json.loads(line))


@pytest.fixture
def state_dir(tmp_path):
    return tmp_path / "project" / ".state"


@pytest.fixture
def work(state_dir):
    """The folder the agent works in."""
    folder = state_dir / "worktree"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def start_host(tmp_path, state_dir):
    """Hosts of plugin processes; what is given goes into the plugin's environment."""
    hosts = []
    home = tmp_path / "home"
    home.mkdir()

    def start(**environment: str) -> Host:
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        places = {"HOME": str(home), "ANIMUS_CONFIG_DIR": str(tmp_path / "config"), "TMPDIR": str(tmp_path)}
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "animus_provider_claude"],
            env=kept | places | environment,
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        hosts.append(Host(process, state_dir))
        return hosts[-1]

    yield start
    assert {host.close() for host in hosts} <= {0, -signal.SIGKILL}


@pytest.fixture
def fake(start_host):
    """A host of the plugin around the program that replays."""
    return start_host(ANIMUS_CLAUDE_PROGRAM=str(_HERE / "programs" / "claude"), ANTHROPIC_API_KEY="dummy")


@pytest.fixture
def replay(recorded, work, tmp_path):
    """Params of a run in which the program replays a recorded stream, or the lines that are given."""

    def params(stream: str | bytes, env: dict[str, str] | None = None, **more: Any) -> dict:
        file = tmp_path / "stream.jsonl"
        file.write_bytes(stream if isinstance(stream, bytes) else recorded(stream).read_bytes())
        env = {"FAKE_CLAUDE_STREAM": str(file), "FAKE_CLAUDE_SEEN": str(tmp_path / "seen.json")} | (env or {})
        return {"prompt": "do it", "session_id": "s1", "cwd": str(work), "env": env} | more

    return params


@pytest.fixture
def seen(tmp_path):
    """What the program that replays was called with and read."""
    return lambda: json.loads((tmp_path / "seen.json").read_text())
