"""Real programs in real folders, and a host that talks to the real plugin process."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from animus_agent_cli.program import ProgramCall
from animus_plugin_protocol.testing import PluginProcess
from animus_process import Liveness, ProcessLedger, child_environment, liveness
from animus_provider_command.command_run import CommandRun

ANSWER_SECONDS = 60
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


class Host(PluginProcess):
    """The host's side of one process of the plugin."""

    def wait_text(self, text: str, session_id: str | None = None) -> None:
        """Wait until a live note holds `text`."""
        self.wait_until(lambda: text in self.live(session_id))

    def live(self, session_id: str | None = None) -> str:
        notes = self.notes("agent/output")
        return "".join(note["text"] for note in notes if session_id in (None, note["session_id"]))


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
        command = [sys.executable, "-P", "-m", "animus_provider_command"]
        hosts.append(Host(command, env=environment, cwd=tmp_path, binding=binding))
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
