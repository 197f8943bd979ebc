"""The begin of a run: where no place has to be made for it, its first phase begins with it."""

import pytest

FLOW = """
tools_allowlist: ["true"]
workflows:
  - {id: plain, worktree: skip, phases: [a]}
  - {id: guarded, worktree: skip, phases: [{a: {skip_if: ["task_type == 'docs'"]}}, b]}
  - {id: lands, worktree: skip, phases: [a], post_success: {merge: {strategy: merge, auto_merge: true}}}
phases:
  a: {mode: command, command: {program: "true"}}
  b: {mode: command, command: {program: "true"}}
"""


@pytest.fixture
def told(start_host, define):
    """What the log of an executed run says: kind, phase and moment of each event."""
    define(FLOW)
    host = start_host()

    def run(workflow: str, **more) -> list[tuple[str, str | None, str]]:
        host.execute(workflow, workflow_id=workflow, **more)
        found = host.call("workflow/inspect", {"what": "notifications", "workflow_id": workflow})["value"]
        return [(line["kind"], line.get("phase"), line["ts"]) for line in found["notifications"]]

    return run


def kinds(lines) -> list[tuple[str, str | None]]:
    return [(kind, phase) for kind, phase, _ in lines]


def test_first_phase_begins_in_the_write_that_begins_the_run(told):
    lines = told("plain")
    assert kinds(lines) == [
        ("run_started", None),
        ("phase_started", "a"),
        ("phase_completed", "a"),
        ("run_completed", None),
    ]
    assert lines[0][2] == lines[1][2] < lines[2][2]


def test_run_that_begins_by_skipping_begins_by_itself(told):
    lines = told("guarded", subject={"metadata": {"attributes": {"task_type": "docs"}}})
    assert kinds(lines) == [
        ("run_started", None),
        ("phase_completed", "a"),
        ("phase_started", "b"),
        ("phase_completed", "b"),
        ("run_completed", None),
    ]
    assert lines[0][2] < lines[1][2]


def test_run_that_could_never_land_begins_no_phase(told):
    assert kinds(told("lands")) == [("run_started", None), ("run_failed", None)]
