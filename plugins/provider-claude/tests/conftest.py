"""A host that talks to the real plugin process, around a program that replays recorded streams or the real one."""

import json
import os
import signal
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from animus_agent_cli.request import AgentRequest
from animus_plugin_protocol.testing import PluginProcess

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


class Host(PluginProcess):
    """The host's side of one process of the plugin."""

    def said(self) -> str:
        return "".join(note["text"] for note in self.notes("agent/output"))


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
        command = [sys.executable, "-P", "-m", "animus_provider_claude"]
        environment = kept | places | environment
        bound = {"project_root": str(state_dir.parent), "repo_scope": "demo", "state_dir": str(state_dir)}
        hosts.append(Host(command, env=environment, cwd=tmp_path, binding=bound))
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


@pytest.fixture
def program():
    """The real program: named by ANIMUS_TEST_CLAUDE, else out of the wheel that carries it. Missing is a failure."""
    named = os.environ.get("ANIMUS_TEST_CLAUDE")
    if named is None:
        import claude_agent_sdk

        named = str(Path(claude_agent_sdk.__file__).parent / "_bundled" / "claude")
    assert Path(named).is_file(), f"{named} is missing; set ANIMUS_TEST_CLAUDE"
    return named


@pytest.fixture
def start(start_host, program, scripted_api):
    """A host of the plugin, and the model behind its agent: one turn an answer."""

    def start(*turns, **environment):
        api = scripted_api(*turns)
        quiet = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_TELEMETRY": "1"}
        key = {"ANTHROPIC_BASE_URL": api.url, "ANTHROPIC_API_KEY": "dummy-key"}
        return start_host(ANIMUS_CLAUDE_PROGRAM=program, **(quiet | key | environment)), api

    return start


@pytest.fixture
def run_id():
    """Of one test alone: other tests run beside it on this machine."""
    return f"wf-{uuid.uuid4()}"


@pytest.fixture
def params(work, run_id):
    def params(**more):
        env = {"ANIMUS_RUN_ID": run_id}
        facts = {"prompt": "do it", "session_id": "s1", "cwd": str(work), "model": "claude-sonnet-4-5", "env": env}
        return facts | more

    return params
