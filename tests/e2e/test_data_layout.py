"""What a project leaves on the disk is what the table says: no path without a row, no row without a reader."""

import re
import tomllib
from pathlib import Path

import pytest

TABLE = Path(__file__).with_name("data_layout.toml")
ROWS = tomllib.loads(TABLE.read_text(encoding="utf-8"))["path"]
ROTATED = re.compile(r"\.previous(?=\.(jsonl|log)$)|(?<=notifications)\.1(?=\.jsonl$)|-(wal|shm)$")
OURS = ("animus.toml", ".animus/")
_PLACES = {"<number>": r"\d+"}
WORKFLOWS = """
default_workflow_ref: all
tools_allowlist: [sh]
tools:
  teller: {executable: sh}
agents:
  teller: {tool: teller}
phases:
  test:
    mode: command
    command:
      program: sh
      args: [-c, 'echo done; echo so >&2; git rev-parse --show-toplevel >> "$ANIMUS_PROJECT_ROOT/../seen"']
  tell:
    mode: agent
    agent: teller
    directive: echo told
  look:
    mode: manual
    manual: {instructions: Look at it.}
workflows:
  - id: all
    phases: [test, tell, look]
schedules:
  - {id: seldom, cron: "0 0 29 2 *", workflow_ref: all}
"""


def _pattern(path):
    """A name in <> stands for any, a number for digits."""
    parts = re.split("(<[^>]+>)", path)
    return re.compile("".join(_PLACES.get(one, "[^/]+") if one[:1] == "<" else re.escape(one) for one in parts))


def _has_row(name, rows):
    return any(_pattern(row["path"]).fullmatch(name) for row in rows)


def _files(root):
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file() or path.is_symlink()}


@pytest.fixture
def scene(project, wait_until):
    """A project in use, and stopped; the files of its three places."""
    assert project.animus("init").code == 0
    project.git("add", "-A")
    project.git("commit", "-qm", "set up")
    project.workflows(WORKFLOWS)
    assert project.animus("daemon", "start").code == 0
    assert project.animus("daemon", "pause").code == 0
    assert project.animus("daemon", "resume").code == 0
    run = project.json("workflow", "run")["workflow_id"]
    project.wait_for_status(run, "paused", "failed", "escalated")
    worktree = Path((project.root.parent / "seen").read_text().strip())
    wait_until((project.state_dir / "state" / "schedule-state.json").exists, what="the schedule written down")
    project.kill("animus_queue_default")
    wait_until(lambda: list(project.state_dir.glob("crashes/*.json")), what="a crash report")
    project.wait_for_status(run, "paused", "failed", "escalated")
    assert project.animus("daemon", "stop").code == 0
    inside = worktree.relative_to(project.state_dir).as_posix()
    state = {name for name in _files(project.state_dir) if not name.startswith(f"{inside}/")} | {inside}
    scope = project.state_dir.name
    return {
        "project": {name for name in _files(project.root) if name.startswith(OURS)},
        "scope": state,
        "machine": {name for name in _files(project.config) if not name.startswith(f"{scope}/")},
    }


def test_every_path_is_in_the_table_and_every_row_has_its_path(scene):
    unknown, missing = [], []
    for base, names in scene.items():
        rows = [row for row in ROWS if row["base"] == base]
        plain = {ROTATED.sub("", name) for name in names}
        unknown += [f"{base}: {name}" for name in plain if not _has_row(name, rows)]
        marked = [row for row in rows if row.get("in_scene")]
        missing += [f"{base}: {row['path']}" for row in marked if not any(_has_row(name, [row]) for name in plain)]
    assert (unknown, missing) == ([], [])


def test_every_row_has_a_writer_a_reader_and_a_test_that_exists():
    root = TABLE.parents[2]
    for row in ROWS:
        assert row["what"], row
        assert row["writer"], row
        assert row["reader"], row
        file, _, name = row["test"].partition("::")
        assert f"def {name}" in (root / file).read_text(encoding="utf-8"), row["test"]
    paths = [(row["base"], row["path"]) for row in ROWS]
    assert len(paths) == len(set(paths))
