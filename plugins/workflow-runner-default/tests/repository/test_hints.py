"""What a worktree lacks of the user's checkout, and the hint that a failure gets that is about it."""

import pytest

from animus_workflow_runner_default.repository.hints import hint

FLOW = """
tools_allowlist: [sh]
workflows: [{id: w, phases: [p]}]
phases:
  p: {mode: command, retry: {max_attempts: 0}, command: {program: sh, args: [-c, "SCRIPT"]}}
"""


@pytest.mark.parametrize(
    ("text", "is_about_it"),
    [
        ("cannot open ./node_modules/x", True),
        ("no module in node_modules", True),
        ("my_node_modules", False),
        ("node_modules-old", False),
        ("settings.local missing", True),
        ("all fine", False),
    ],
)
def test_failure_that_names_a_missing_path_gets_a_hint(text, is_about_it):
    assert (hint(["web/node_modules/", "settings.local"], text) is not None) is is_about_it


@pytest.fixture
def prepared(define, repository, git):
    def prepare(script: str):
        define(FLOW.replace("SCRIPT", script))
        git(repository, "add", "-A")
        git(repository, "commit", "--quiet", "-m", "definitions")
        (repository / "debug.log").write_text("ignored\n")
        (repository / "new file.txt").write_text("untracked\n")
        (repository / "file.txt").write_text("changed\n")
        return repository

    return prepare


def test_run_says_what_its_worktree_lacks_and_a_failure_says_that_it_matters(host, prepared, git):
    repository = prepared("cat debug.log")
    before = git(repository, "status", "--porcelain", "--ignored")
    result = host.execute("w", workflow_id="h1")
    blob = host.call("journal/load", {"workflow_id": "h1"})["run"]["blob"]
    assert sorted(blob["missing_in_worktree"]) == ["debug.log", "file.txt", "new file.txt"]
    assert "hint: debug.log is in your checkout but not, or not so, in the worktree" in result["reason"]
    assert "worktree: skip" in result["reason"]
    assert git(repository, "status", "--porcelain", "--ignored") == before


def test_failure_about_something_else_gets_no_hint(host, prepared):
    prepared("echo broken; exit 1")
    assert "hint:" not in host.execute("w", workflow_id="h2")["reason"]


def test_program_that_is_only_in_the_checkout_is_hinted_at(host, define, repository, git):
    define(FLOW.replace("program: sh", "program: ./tool.log").replace("[sh]", "[tool.log]"))
    git(repository, "add", "-A")
    git(repository, "commit", "--quiet", "-m", "definitions")
    (repository / "tool.log").write_text("#!/bin/sh\n")
    (repository / "tool.log").chmod(0o755)
    result = host.execute("w", workflow_id="h3")
    assert "was not found" in result["reason"]
    assert "hint: tool.log" in result["reason"]
