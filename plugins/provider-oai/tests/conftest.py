"""A scripted endpoint over real HTTP, real files, real processes, and a host that talks to the real plugin process."""

import contextlib
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from animus_plugin_protocol.testing import PluginProcess
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

ANSWER_SECONDS = 60
QUICK = Limits(turns=20, stall_seconds=60, repeat_seconds=0.01)
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


@pytest.fixture
def state_dir(tmp_path):
    return tmp_path / "state"


@pytest.fixture
def start_host(tmp_path, worktree_folder, state_dir):
    hosts = []
    bound = {"project_root": str(worktree_folder), "repo_scope": "demo", "state_dir": str(state_dir)}

    def start(api=None, binding=bound, **variables) -> PluginProcess:
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment |= {"ANIMUS_CONFIG_DIR": str(tmp_path / "config"), "ANIMUS_OAI_MODEL": "m1"} | variables
        if api is not None:
            environment["ANIMUS_OAI_BASE_URL"] = api.openai_url
        command = [sys.executable, "-P", "-m", "animus_provider_oai"]
        hosts.append(PluginProcess(command, env=environment, cwd=tmp_path, binding=binding))
        return hosts[-1]

    yield start
    assert {host.close() for host in hosts} <= {0, -signal.SIGKILL}


@pytest.fixture
def params(worktree_folder: Path):
    def params(prompt="do it", **more: Any) -> dict:
        return {"prompt": prompt, "cwd": str(worktree_folder), "session_id": "host-1"} | more

    return params
