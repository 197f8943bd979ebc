"""The command line that enters the sandbox; that it holds is shown by the attacks."""

import json
import os
import stat
import tempfile
from pathlib import Path

import pytest

from animus_sandbox import Bubblewrap, Limits, Route, Sandbox, SandboxSpec, SandboxSpecError, Secret, Upstream
from animus_sandbox.spec import SHELL

_BUBBLEWRAP = Bubblewrap(Path("/usr/bin/bwrap"), (0, 8, 0))
_LIMITS = Limits(memory_bytes=1 << 30, processes=None, open_files=100, cpu_seconds=7, tmp_bytes=4096)


@pytest.fixture
def made(worktree, tmp_path):
    (tmp_path / "tool").mkdir()
    (tmp_path / "agent-home").mkdir()
    upstream = Upstream("https://api.example.com/v1", (Route("POST", "/x"),), Secret("sk-real"))
    spec = SandboxSpec(
        worktree,
        readable=(tmp_path / "tool",),
        writable=(tmp_path / "agent-home",),
        environment={"A": "1", "PATH": "/x", "HOME": "/root"},
        upstreams=(upstream, upstream),
        limits=_LIMITS,
    )
    with Sandbox(spec, _BUBBLEWRAP) as made:
        yield made


def pairs(words, name):
    return [tuple(words[at + 1 : at + 3]) for at, word in enumerate(words) if word == name]


def test_only_what_is_meant_can_be_written(made, worktree, tmp_path):
    words = made.argv(["agent"])
    assert pairs(words, "--bind") == [(str(path), str(path)) for path in (tmp_path / "agent-home", worktree)]
    assert (str(tmp_path / "tool"), str(tmp_path / "tool")) in pairs(words, "--ro-bind")


def test_repository_is_protected_after_the_worktree_is_opened(made, worktree, repository):
    words = made.argv(["agent"])
    opened = words.index("--bind")
    protected = [target for source, target in pairs(words[opened:], "--ro-bind")]
    assert str(worktree / ".git") in protected
    config = dict(reversed(pair) for pair in pairs(words, "--ro-bind"))[str(repository / ".git" / "config")]
    assert "remote-password" not in Path(config).read_text()


def test_every_namespace_is_its_own(made):
    words = made.argv(["agent"])
    for word in ("user", "ipc", "pid", "net", "uts", "cgroup"):
        assert f"--unshare-{word}" in words
    assert {"--disable-userns", "--die-with-parent", "--new-session"} <= set(words)
    assert words[words.index("--cap-drop") + 1] == "ALL"
    assert words[-1] == "agent"


def test_limits_and_bridges_are_handed_inside(made):
    settings = json.loads(made.argv(["agent"])[-2])
    assert settings["limits"] == {"memory": 1 << 30, "files": 100, "cpu": 7, "core": 0}
    assert settings["bridges"] == [[9101, "/run/animus/upstream-0.sock"], [9102, "/run/animus/upstream-1.sock"]]
    assert made.urls == ["http://127.0.0.1:9101/v1", "http://127.0.0.1:9102/v1"]


def test_environment_is_what_was_asked_for_and_what_the_sandbox_decides(made):
    assert made.environment == {
        "A": "1",
        "PATH": "/x",
        "LANG": "C.UTF-8",
        "GIT_OPTIONAL_LOCKS": "0",
        "HOME": "/home/agent",
        "USER": "agent",
        "LOGNAME": "agent",
        "SHELL": SHELL,
        "TMPDIR": "/tmp",
        "IS_SANDBOX": "1",
    }


def test_private_files_are_private_and_go_with_the_sandbox(worktree):
    with Sandbox(SandboxSpec(worktree, limits=_LIMITS), _BUBBLEWRAP) as made:
        source = Path(dict(reversed(pair) for pair in pairs(made.argv(["x"]), "--ro-bind"))["/etc/passwd"])
        assert stat.S_IMODE(source.parent.stat().st_mode) == 0o700
        assert "agent:x:1000" in source.read_text()
    assert not source.parent.exists()


def test_what_a_dead_process_left_behind_is_removed(worktree):
    left = Path(tempfile.gettempdir()) / "animus-sandbox-999999999-x"
    left.mkdir(exist_ok=True)
    with Sandbox(SandboxSpec(worktree, limits=_LIMITS), _BUBBLEWRAP):
        assert not left.exists()


def test_key_on_the_command_line_is_refused(made):
    with pytest.raises(SandboxSpecError, match="the command line holds the key"):
        made.argv(["agent", "--key", "sk-real"])


def test_sandbox_that_is_not_entered_has_no_command_line(worktree):
    with pytest.raises(SandboxSpecError, match="not entered"):
        Sandbox(SandboxSpec(worktree), _BUBBLEWRAP).argv(["x"])


def test_root_without_control_groups_is_refused_a_limit_it_cannot_have(worktree, monkeypatch, tmp_path):
    from animus_sandbox import SandboxUnavailableError, control_group

    monkeypatch.setattr(control_group.make_control_group, "__kwdefaults__", {"root": tmp_path})
    monkeypatch.setattr(os, "getuid", lambda: 0)
    with (
        pytest.raises(SandboxUnavailableError, match="number of processes cannot be limited"),
        Sandbox(SandboxSpec(worktree, limits=_LIMITS._replace(processes=5)), _BUBBLEWRAP),
    ):
        pass
