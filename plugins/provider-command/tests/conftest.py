"""Real programs in real folders, and a host that talks to the real plugin process."""

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

from animus_agent_cli.program import ProgramCall
from animus_process import Liveness, ProcessLedger, child_environment, liveness
from animus_provider_command.command_run import CommandRun

ANSWER_SECONDS = 20
_KEPT = ("PATH", "HOME", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")


@pytest.fixture
def ledger(tmp_path):
    return ProcessLedger(tmp_path / "state" / "processes")


@pytest.fixture
def shell_call(tmp_path):
    """A call that runs a shell script in a folder of its own."""

    def call(script: str, **more: Any) -> ProgramCall:
        facts = {"program": "sh", "args": ["-c", script], "cwd": tmp_path, "environment": child_environment()}
        return ProgramCall(**(facts | more))

    return call


@pytest.fixture
def run_shell(shell_call, ledger, tmp_path):
    def run(script: str, **more: Any):
        file = tmp_path / "state" / "runs" / "agent.stdout"
        call = shell_call(script, **more)
        return CommandRun(call, ledger, output_file=file, on_text=lambda text, is_last: None).run()

    return run


@pytest.fixture
def is_gone():
    return lambda pid: liveness(int(pid), None) is Liveness.DEAD


class Host:
    """The host's side of one plugin process."""

    def __init__(self, process: subprocess.Popen, initialize: dict) -> None:
        self.process = process
        self._last_id = 0
        self._early: dict[int, dict] = {}
        self.notes: list[dict] = []
        self._frames: queue.SimpleQueue = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        self.initialized = self.ask("initialize", initialize)
        self.send({"method": "initialized"})

    def ask(self, method: str, params: Any = None) -> Any:
        answer = self.answer(self.start(method, params))
        assert "error" not in answer, answer
        return answer["result"]

    def fault(self, method: str, params: Any = None) -> dict:
        return self.answer(self.start(method, params))["error"]

    def start(self, method: str, params: Any = None) -> int:
        self._last_id += 1
        self.send({"id": self._last_id, "method": method} | ({} if params is None else {"params": params}))
        return self._last_id

    def answer(self, request_id: int) -> dict:
        while request_id not in self._early:
            self._take()
        return self._early.pop(request_id)

    def wait_text(self, text: str, session_id: str | None = None) -> None:
        """Wait until a live note holds `text`."""
        while text not in self.live(session_id):
            self._take()

    def live(self, session_id: str | None = None) -> str:
        notes = [note["params"] for note in self.notes if note["method"] == "agent/output"]
        return "".join(note["text"] for note in notes if session_id in (None, note["session_id"]))

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
def environment(tmp_path):
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | {"ANIMUS_CONFIG_DIR": str(tmp_path / "config"), "TMPDIR": str(tmp_path)}


@pytest.fixture
def state_dir(tmp_path):
    return tmp_path / "state"


@pytest.fixture
def start_host(environment, tmp_path, state_dir):
    hosts = []
    bound = {"project_root": str(tmp_path), "repo_scope": "demo", "state_dir": str(state_dir)}

    def start(binding=bound) -> Host:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "animus_provider_command"],
            env=environment,
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
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
    assert {host.close() for host in hosts} <= {0, -signal.SIGKILL}


@pytest.fixture
def host(start_host):
    return start_host()


@pytest.fixture
def shell_params(tmp_path: Path):
    def params(script: str, **more: Any) -> dict:
        return {"prompt": "p", "cwd": str(tmp_path), "command": {"program": "sh", "args": ["-c", script]}} | more

    return params
