"""The real Claude Code and the real codex, headless, against a scripted server."""

import os
import subprocess
from pathlib import Path

import pytest

from animus_scripted_api import CallTool, Say, Think

pytestmark = pytest.mark.ci

END_SECONDS = 60
_SCRIPT = ([Think("let me"), CallTool("shell", {"command": "echo made > made.txt"})], Say("all done"))
_CODEX = """
model = "scripted"
model_provider = "scripted"
[model_providers.scripted]
name = "scripted"
base_url = "{url}"
wire_api = "responses"
env_key = "SCRIPTED_KEY"
requires_openai_auth = false
supports_websockets = false
[analytics]
enabled = false
"""


def _claude():
    if os.environ.get("ANIMUS_TEST_CLAUDE"):
        return os.environ["ANIMUS_TEST_CLAUDE"]
    import claude_agent_sdk

    return str(Path(claude_agent_sdk.__file__).parent / "_bundled" / "claude")


@pytest.fixture
def run(tmp_path):
    def run(command, environment):
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)} | environment
        return subprocess.run(
            command,
            env=environment,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=END_SECONDS,
            check=True,
        ).stdout

    return run


def test_real_claude_completes_a_tool_round(scripted_api, run, tmp_path):
    api = scripted_api(*_SCRIPT)
    environment = {
        "CLAUDE_CONFIG_DIR": str(tmp_path / ".claude"),
        "ANTHROPIC_BASE_URL": api.url,
        "ANTHROPIC_API_KEY": "scripted-key",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
    }
    command = [_claude(), "-p", "make it", "--model", "scripted", "--allowedTools", "Bash"]
    assert "all done" in run(command, environment)
    assert (tmp_path / "made.txt").read_text() == "made\n"
    assert api.requests[0].api_key == "scripted-key"
    assert api.problems == []


def test_real_codex_completes_a_tool_round(scripted_api, run, tmp_path):
    api = scripted_api(*_SCRIPT)
    (tmp_path / "config.toml").write_text(_CODEX.format(url=api.openai_url))
    command = [
        os.environ["ANIMUS_TEST_CODEX"],
        "exec",
        "--json",
        "--skip-git-repo-check",
        "--sandbox",
        "danger-full-access",
        "x",
    ]
    assert "all done" in run(command, {"CODEX_HOME": str(tmp_path), "SCRIPTED_KEY": "scripted-key"})
    assert (tmp_path / "made.txt").read_text() == "made\n"
    assert api.requests[0].api_key == "scripted-key"
    assert api.problems == []
