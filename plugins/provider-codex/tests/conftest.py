"""A program in the place of the real one, and a host that talks to the real plugin process."""

import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from animus_agent_cli.request import AgentRequest

ANSWER_SECONDS = 60
TESTS = Path(__file__).parent
_KEPT = ("PATH", "HOME", "TMPDIR", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")


@pytest.fixture
def request_of(tmp_path):
    """A request to the domain."""

    def request(**more: Any) -> AgentRequest:
        facts = {"prompt": "do it", "cwd": tmp_path, "folder": tmp_path, "environment": {"HOME": str(tmp_path)}}
        return AgentRequest(**(facts | more))

    return request


@pytest.fixture
def sample():
    """A recorded stream: lines of codex 0.169.0 against a scripted server."""
    return lambda name: TESTS / "samples" / f"{name}.jsonl"


class Host:
    """The host's side of one plugin process."""

    def __init__(self, process: subprocess.Popen, binding: dict) -> None:
        self.process = process
        self.notes: list[dict] = []
        self._last_id = 0
        self._early: dict[int, dict] = {}
        self._frames: queue.SimpleQueue = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        self.initialized = self.ask(
            "initialize",
            {
                "protocol_version": "1.1.0",
                "host_info": {"name": "test", "version": "0"},
                "capabilities": {"streaming": True, "progress": True, "cancellation": True},
                "init_extensions": {"project_binding": binding},
            },
        )
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

    def wait_note(self, method: str) -> dict:
        while not (found := self.told(method)):
            self._take()
        return found[-1]

    def told(self, method: str) -> list[dict]:
        return [note["params"] for note in self.notes if note["method"] == method]

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
def fake_program(tmp_path):
    """The stand-in, as a program."""
    file = tmp_path / "bin" / "codex"
    file.parent.mkdir()
    file.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{TESTS}/fake_codex.py" "$@"\n')
    file.chmod(0o755)
    return file


@pytest.fixture
def start_host(tmp_path):
    hosts = []

    def start(**environment: str) -> Host:
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "animus_provider_codex"],
            env=kept | {"ANIMUS_CONFIG_DIR": str(tmp_path / "config"), **environment},
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        binding = {"project_root": str(tmp_path), "repo_scope": "demo", "state_dir": str(tmp_path / "state")}
        hosts.append(Host(process, binding))
        return hosts[-1]

    yield start
    assert {host.close() for host in hosts} <= {0}


@pytest.fixture
def host(start_host, fake_program):
    return start_host(ANIMUS_CODEX_PROGRAM=str(fake_program), OPENAI_API_KEY="sk-test")


@pytest.fixture
def params(tmp_path):
    """The params of a run, with what the stand-in is told."""

    def params(scenario: str = "streaming-short", **more: Any) -> dict:
        env = {"MOCK_SCENARIO": scenario, "ANIMUS_RUN_ID": "run-1", "FAKE_CODEX_CALL": str(tmp_path / "call.json")}
        return {
            "prompt": "do it",
            "cwd": str(tmp_path),
            "session_id": "s-1",
            "control_session_id": "s-1",
            "env": env | more.pop("env", {}),
            **more,
        }

    return params
