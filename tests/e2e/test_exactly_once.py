"""Many dispatches, each done once."""

import pytest

WORKFLOWS = """
default_workflow_ref: mark
tools_allowlist: [sh]
phases:
  mark:
    mode: command
    command: {program: sh, args: [-c, 'echo "$ANIMUS_SUBJECT_ID" >> "$ANIMUS_PROJECT_ROOT/marks"']}
workflows:
  - id: mark
    worktree: skip
    phases: [mark]
"""


@pytest.mark.parametrize("count", [pytest.param(40, id="40"), pytest.param(200, id="200", marks=pytest.mark.ci)])
def test_every_dispatch_leaves_its_mark_once(project, wait_until, count):
    project.workflows(WORKFLOWS)
    assert project.animus("daemon", "start", "--pool-size", "4").code == 0
    ids = [project.ask("subject", "create", "--title", f"number {number}")["id"] for number in range(count)]
    for subject in ids:
        project.ask("queue", "enqueue", "--subject", subject, "--workflow", "mark")
    wait_until(lambda: project.ask("queue", "stats")["total"] == 0, what="the queue drained", seconds=600)
    assert sorted((project.root / "marks").read_text().split()) == sorted(ids)
