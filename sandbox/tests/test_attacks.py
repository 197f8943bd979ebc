"""Every attack fails inside as the table says, and reaches its aim outside, so that the failure proves something."""

import fcntl
import json
import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.ci
_WAIT_SECONDS = 60
_DEATH_SECONDS = 60


def outcome_of(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["outcome"]


def is_alive(worktree, wait_seconds=0.0):
    """Whether the daemon that holds the lock lives on: the system may take a moment to end it."""
    deadline = time.monotonic() + wait_seconds
    with (worktree / "alive.lock").open("w") as stream:
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    return True
                threading.Event().wait(0.01)
            else:
                return False


def test_attack_fails_inside_and_works_outside(attack, facts, spec, run_inside, attack_argv, terminal, can_control):
    name, worktree = attack["name"], spec.worktree
    inside = facts | {"is_inside": True, "url": "http://127.0.0.1:9101"}
    found = outcome_of(run_inside(spec, attack_argv(name, inside), stdin=terminal))
    if name == "outlive" and found == "done" and not is_alive(worktree, _DEATH_SECONDS):
        found = "gone"
    assert found in attack["inside"]

    if not can_control(attack):
        return
    outside = facts | {"is_inside": False, "url": facts["server_url"]}
    environment = {"PATH": os.defpath, "API_KEY": "".join(facts["key_halves"])}
    with subprocess.Popen(
        attack_argv(name, outside), env=environment, stdin=terminal, stdout=subprocess.PIPE, text=True, cwd=worktree
    ) as process:
        text, _ = process.communicate(timeout=_WAIT_SECONDS)
    assert json.loads(text)["outcome"] == "done"
    if name == "outlive":
        assert is_alive(worktree)
        end_holder(worktree / "alive.lock")


def end_holder(file: Path):
    """End the daemon of the control run: the process that has `file` open."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            held = [str(descriptor.readlink()) for descriptor in (process / "fd").iterdir()]
        except OSError:
            continue
        if str(file) in held and int(process.name) != os.getpid():
            os.kill(int(process.name), 9)


def test_readme_shows_the_attack_table(table):
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    assert table in readme, f"put this into README.md:\n{table}"
