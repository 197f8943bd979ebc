import os
import types

import pytest

from animus_sandbox import SandboxUnavailableError, require_bubblewrap, sandbox_problems


@pytest.fixture
def fake(tmp_path):
    """A folder with a `bwrap` that answers as told."""

    def make(version, trial="exit 0"):
        file = tmp_path / "bwrap"
        file.write_text(f'#!/bin/sh\n[ "$1" = --version ] && {{ echo "{version}"; exit 0; }}\n{trial}\n')
        file.chmod(0o755)
        return str(tmp_path)

    return make


def test_missing_bubblewrap_is_named_with_what_to_do(tmp_path):
    assert sandbox_problems(str(tmp_path)) == ["bwrap is not in PATH; install bubblewrap (apt-get install bubblewrap)"]


def test_bubblewrap_that_works_is_taken(fake):
    found = require_bubblewrap(fake("bubblewrap 0.11.1"))
    assert found.version == (0, 11, 1)
    assert sandbox_problems(str(found.program.parent)) == []


@pytest.mark.parametrize(
    ("version", "trial", "reason"),
    [
        ("bubblewrap 0.6.1", "exit 0", "too old; install 0.8.0"),
        ("hello", "exit 0", "does not say its version"),
        ("bubblewrap 0.8.0", "echo no permissions >&2; exit 1", "does not work here: no permissions; allow user"),
    ],
)
def test_bubblewrap_that_would_not_hold_is_refused(fake, version, trial, reason):
    with pytest.raises(SandboxUnavailableError, match=reason):
        require_bubblewrap(fake(version, trial))


def test_unknown_machine_is_refused(monkeypatch, fake):
    monkeypatch.setattr(os, "uname", lambda: types.SimpleNamespace(machine="vax"))
    with pytest.raises(SandboxUnavailableError, match="machine 'vax'"):
        require_bubblewrap(fake("bubblewrap 0.8.0"))
