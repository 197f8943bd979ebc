"""A project whose plugins are all somebody else's: each manner of writing them, from `animus` to the verdict."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from animus_conformance.scripted_kinds import KIND_MANNERS, KINDS

BOUND_SECONDS = 120.0
ROLES = """
[roles]
queue = "scripted-queue"
workflow_runner = "scripted-workflow-runner"
config_source = "scripted-config-source"
"subject_backend:task" = "scripted-subject-backend"
"""


class Project:
    def __init__(self, root, config):
        self.root = root
        self.environ = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(config.parent),
            "ANIMUS_CONFIG_DIR": str(config),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
        }

    def animus(self, *words):
        done = subprocess.run(
            [str(Path(sys.executable).parent / "animus"), *words, "--json"],
            cwd=self.root, env=self.environ, capture_output=True, text=True, timeout=BOUND_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr or done.stdout
        return json.loads(done.stdout)["data"]


@pytest.fixture(params=sorted(KIND_MANNERS))
def project(request, tmp_path):
    """A project that is served by scripted plugins of one manner."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    root, config = tmp_path / "p", tmp_path / "a"
    (root / ".animus").mkdir(parents=True)
    config.mkdir()
    switches = ["--chatty"] if request.param == "shell" else []
    rows: list[str] = []
    for kind in KINDS:
        words = ["-P", "-m", "animus_conformance.scripted_kinds", "--kind", kind, "--manner", request.param, *switches]
        rows += [f"[plugins.scripted-{kind.replace('_', '-')}]", f"command = {json.dumps([sys.executable, *words])}"]
    (config / "plugins.toml").write_text("\n".join(rows) + "\n", encoding="utf-8")
    made = Project(root, config)
    subprocess.run(["git", "init", "-q", "."], cwd=root, env=made.environ, check=True, timeout=60)
    (root / "animus.toml").write_text('flavor = "default"\n' + ROLES, encoding="utf-8")
    return made


def test_a_task_runs_through_plugins_of_somebody_else(project):
    listed = {row["name"]: row for row in project.animus("plugin", "list")["plugins"]}
    assert [listed[f"scripted-{kind.replace('_', '-')}"].get("problem") for kind in KINDS] == [None] * len(KINDS)
    made = project.animus("subject", "create", "--kind", "task", "--title", "Write it")
    done = project.animus("workflow", "run", "scripted", "--subject", made["id"], "--sync")
    assert done["status"] == "completed"
    assert (project.root / "scripted-runs").read_text(encoding="utf-8").split() == [done["workflow_id"]]
    assert project.animus("queue", "stats")["total"] == 0
