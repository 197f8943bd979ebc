"""A scripted endpoint over real HTTP, real files, real processes, and a host that talks to the real plugin process."""

import contextlib
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

from animus_process import Liveness, ProcessLedger, child_environment, liveness
from animus_provider_oai.approval import Interactions
from animus_provider_oai.connection import Connections
from animus_provider_oai.ending import RunControl
from animus_provider_oai.endpoint import Endpoint
from animus_provider_oai.limits import Limits
from animus_provider_oai.loop import Agent
from animus_provider_oai.model import Model
from animus_provider_oai.task import Task
from animus_provider_oai.toolbox import Toolbox
from animus_provider_oai.transcript import Transcript

ANSWER_SECONDS = 20
QUICK = Limits(turns=20, stall_seconds=10, repeat_seconds=0.01)
_KEPT = ("PATH", "HOME", "TMPDIR", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")


class Log:
    """Hears everything."""

    def __init__(self):
        self.texts, self.thoughts, self.problems, self.calls, self.results = [], [], [], [], []
        self.has_begun = threading.Event()

    def text(self, piece):
        self.texts.append(piece)

    def thinking(self, piece):
        self.thoughts.append(piece)

    def problem(self, message):
        self.problems.append(message)

    def idle(self):
        """Nothing is held back."""

    def tool_call(self, name, arguments):
        self.calls.append((name, arguments))
        self.has_begun.set()

    def tool_result(self, name, output):
        self.results.append((name, output.text, output.is_success))


@pytest.fixture
def log():
    return Log()


@pytest.fixture
def ledger(tmp_path):
    return ProcessLedger(tmp_path / "state" / "processes")


@pytest.fixture
def worktree_folder(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def task(worktree_folder):
    def task(prompt="do it", **more):
        return Task(prompt, worktree_folder, child_environment(), **more)

    return task


@pytest.fixture
def toolbox(task, ledger):
    def toolbox(control=None, limits=QUICK, may_ask=False, enclosure=None, **more):
        return Toolbox(task(**more), ledger, control or RunControl(), limits, enclosure=enclosure, may_ask=may_ask)

    return toolbox


@pytest.fixture
def model_at(log):
    """A model behind a scripted API."""
    with contextlib.ExitStack() as stack:

        def model_at(api, *, limits=QUICK, control=None, key="k1", base_url=None, **more):
            endpoint = Endpoint(base_url or api.openai_url, "m1", key)
            connections = stack.enter_context(Connections(endpoint.base_url, limits.stall_seconds))
            return Model(endpoint, connections, control or RunControl(), log, session="s-1", limits=limits, **more)

        yield model_at


@pytest.fixture
def run_agent(model_at, toolbox, task, tmp_path, log):
    """Runs a whole agent against a scripted API."""

    def run_agent(api, *, limits=QUICK, control=None, on_question=None, session_id=None, **more):
        control = control or RunControl()
        interactions = Interactions(more.get("approvals"), control, lambda asked: on_question(interactions, asked))
        folder = tmp_path / "sessions"
        with Transcript.resume(folder, session_id) if session_id else Transcript.begin(folder, None) as transcript:
            log.session_id = transcript.session_id
            box = toolbox(control, limits, may_ask=interactions.may_ask, **more)
            model = model_at(api, limits=limits, control=control)
            return Agent(task(**more), model, box, transcript, interactions, log, limits).run()

    return run_agent


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

    def wait_note(self, method: str) -> dict:
        """The first note of that kind."""
        while not self.noted(method):
            self._take()
        return self.noted(method)[0]

    def noted(self, method: str) -> list[dict]:
        return [note["params"] for note in self.notes if note["method"] == method]

    def send(self, frame: dict) -> None:
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **frame}).encode() + b"\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(ANSWER_SECONDS)

    def close(self) -> int:
        with contextlib.suppress(BrokenPipeError):
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
    return tmp_path / "state"


@pytest.fixture
def start_host(tmp_path, worktree_folder, state_dir):
    hosts = []
    bound = {"project_root": str(worktree_folder), "repo_scope": "demo", "state_dir": str(state_dir)}

    def start(api=None, binding=bound, **variables) -> Host:
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment |= {"ANIMUS_CONFIG_DIR": str(tmp_path / "config"), "ANIMUS_OAI_MODEL": "m1"} | variables
        if api is not None:
            environment["ANIMUS_OAI_BASE_URL"] = api.openai_url
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "animus_provider_oai"],
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
def params(worktree_folder: Path):
    def params(prompt="do it", **more: Any) -> dict:
        return {"prompt": prompt, "cwd": str(worktree_folder), "session_id": "host-1"} | more

    return params
