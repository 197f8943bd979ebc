"""The context file of a session is private, and none outlives its provider for long."""

import os
import subprocess
import sys
import tempfile

import pytest

from animus_agent_cli.context_file import context_file


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_file_is_private_and_gone_with_its_session(temporary):
    with context_file(b'{"a":1}', None) as path:
        assert path.read_bytes() == b'{"a":1}'
        assert path.parent == temporary
        assert path.stat().st_mode & 0o777 == 0o600
    assert list(temporary.iterdir()) == []


def test_file_of_a_killed_provider_is_removed_by_the_next_one_and_those_of_the_living_stay(temporary):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = temporary / f"animus-context-{dead.pid}-abc_1.json"
    living = temporary / f"animus-context-{os.getppid()}-abc_1.json"
    strange = temporary / "animus-context-nobody.json"
    for path in (left, living, strange):
        path.write_text("{}")
    with context_file(b"{}", None):
        assert not left.exists()
        assert living.exists()
        assert strange.exists()


def test_file_of_a_run_lies_among_its_files(tmp_path):
    with context_file(b"{}", tmp_path / "runs" / "run-1") as path:
        assert path.parent == tmp_path / "runs" / "run-1"
