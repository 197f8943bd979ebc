"""Real projects, from the index: a change is made, judged by their own tests, sent back, approved and merged."""

import json

import pytest

pytestmark = pytest.mark.ci


def outline(reader):
    """The attempts of the run that was last named: phase, attempt, verdict."""
    run = json.loads(reader.ask(f"animus workflow get {reader.run} --json"))["data"]
    assert run["status"] == "completed"
    return [(row["phase_id"], row["attempt"], row["status"]) for row in run["detail"]["phases"]]


def status_of(reader, subject):
    return json.loads(reader.ask(f"animus subject get {subject} --json"))["data"]["status"]


def subjects_of_commits(reader, *options):
    return reader.ask(f"git log --format=%s {' '.join(options)}").splitlines()


def test_the_pluggy_tutorial_ends_as_it_says(reader):
    reader.follow("pluggy.md")
    assert outline(reader) == [
        ("implementation", 1, "completed"),
        ("lint", 1, "completed"),
        ("test", 1, "rework"),
        ("implementation", 2, "completed"),
        ("lint", 2, "completed"),
        ("test", 2, "completed"),
        ("approval", 1, "completed"),
    ]
    assert status_of(reader, "task:TASK-001") == "done"
    merge, *rest = subjects_of_commits(reader, "--first-parent")
    assert merge.startswith("Merge animus/task-TASK-001-")
    assert rest == ["Set Animus up", "pluggy 1.6.0"]
    assert subjects_of_commits(reader, "main^1..main^2") == ["task:TASK-001: Name every unknown hook at once"] * 2
    assert "if not hookimpl.optionalhook:" in (reader.cwd / "src/pluggy/_manager.py").read_text()
    assert reader.ask("git status --porcelain") == ""
    assert reader.ask("PYTHONPATH=src python3 -m pytest -q").splitlines()[-1].startswith("124 passed")


def test_the_click_tutorial_ends_as_it_says(reader):
    reader.follow("click.md")
    assert outline(reader) == [
        ("implementation", 1, "completed"),
        ("lint", 1, "rework"),
        ("implementation", 2, "completed"),
        ("lint", 2, "completed"),
        ("test", 1, "rework"),
        ("implementation", 3, "completed"),
        ("lint", 3, "completed"),
        ("test", 2, "completed"),
        ("approval", 1, "completed"),
    ]
    assert status_of(reader, "task:TASK-001") == "done"
    assert subjects_of_commits(reader, "--first-parent")[1:] == ["Set Animus up", "click 8.3.1"]
    assert reader.ask("git diff --name-only main^1 main") == "src/click/types.py"
    assert reader.ask("git status --porcelain") == ""
    assert " passed" in reader.ask("PYTHONPATH=src python3 -m pytest -q").splitlines()[-1]


def test_the_node_tutorial_ends_as_it_says(reader, need):
    need("node", "npm")
    reader.follow("node.md")
    assert outline(reader) == [
        ("implementation", 1, "completed"),
        ("test", 1, "rework"),
        ("implementation", 2, "completed"),
        ("test", 2, "completed"),
        ("approval", 1, "completed"),
    ]
    assert status_of(reader, "task:TASK-001") == "done"
    merge, *_ = subjects_of_commits(reader, "--first-parent")
    assert merge.endswith(": Leave punctuation out")
    assert sorted(reader.ask("git diff --name-only main^1 main").split()) == ["index.js", "index.test.js"]
