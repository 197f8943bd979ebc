"""The example of the README is a plugin that works."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


@pytest.fixture
def example(tmp_path) -> list[str]:
    plugin, test = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    (tmp_path / "plugin.py").write_text(plugin)
    (tmp_path / "test_plugin.py").write_text(test)
    return [sys.executable, str(tmp_path / "plugin.py")]


def test_the_example_serves_a_host(example, run_process):
    host = run_process(example)
    assert host.handshake()["plugin_info"]["plugin_kind"] == "provider"
    assert host.result("agent/run", {"prompt": "hello", "cwd": "/"})["output"] == "hello"
    assert host.notes[0]["params"] == {"session_id": "s-1", "text": "hello", "final": False}


def test_the_example_prints_its_manifest(example):
    done = subprocess.run([*example, "--manifest"], capture_output=True, check=True)
    assert b'"animus-provider-echo"' in done.stdout


def test_the_example_of_a_test_passes(example, tmp_path):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "test_plugin.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def test_every_module_the_readme_names_exists():
    import importlib

    for name in re.findall(r"^\| (.*?) \|", README.read_text(), re.MULTILINE):
        for module in re.findall(r"`([a-z_]+)(?:\.\*)?`", name):
            importlib.import_module(f"animus_plugin_protocol.{module}")
