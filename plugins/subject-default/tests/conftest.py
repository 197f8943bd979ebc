"""A store on a real file, a clock that the tests move, and a host that talks to the real plugin process."""

import datetime
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from animus_plugin_protocol.testing import PluginProcess
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


ANSWER_SECONDS = 60
_KEPT = ("PATH", "HOME", "TMPDIR", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")


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

    def start(binding=bound) -> PluginProcess:
        hosts.append(PluginProcess(plugin_command, env=environment, cwd=tmp_path, binding=binding))
        return hosts[-1]

    yield start
    assert [host.close() for host in hosts] == [0] * len(hosts)


@pytest.fixture
def host(start_host):
    return start_host()
