"""A program in the place of the real one, and a host that talks to the real plugin process."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from animus_agent_cli.request import AgentRequest
from animus_plugin_protocol.testing import PluginProcess

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

    def start(**environment: str) -> PluginProcess:
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment = kept | {"ANIMUS_CONFIG_DIR": str(tmp_path / "config"), **environment}
        command = [sys.executable, "-P", "-m", "animus_provider_codex"]
        bound = {"project_root": str(tmp_path), "repo_scope": "demo", "state_dir": str(tmp_path / "state")}
        hosts.append(PluginProcess(command, env=environment, cwd=tmp_path, binding=bound))
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
