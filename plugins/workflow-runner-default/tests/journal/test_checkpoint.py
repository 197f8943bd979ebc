import pytest

from animus_workflow_runner_default.journal import checkpoint
from animus_workflow_runner_default.journal.journal import Journal

FLOW = """
tools_allowlist: [sh]
workflows: [{id: w, phases: [a, b]}]
phases:
  a: {mode: command, command: {program: sh, args: [-c, "echo x >> marker; test $(grep -c x marker) -ge 6"]},
      retry: {max_attempts: 9}}
  b: {mode: manual, manual: {instructions: look}}
"""


@pytest.fixture
def journal(tmp_path):
    opened = Journal(tmp_path / "workflow.db")
    yield opened
    opened.close()


def test_checkpoints_of_others_are_kept_and_pruned_to_the_newest(journal):
    for number in (1, 2, 3):
        checkpoint.save_checkpoint(journal, "w", number, {"n": number})
    checkpoint.prune_checkpoints(journal, "w", 2)
    assert [item.number for item in checkpoint.list_checkpoints(journal, "w")] == [2, 3]
    assert checkpoint.load_checkpoint(journal, "w", 3) == {"n": 3}
    assert checkpoint.load_checkpoint(journal, "w", 1) is None
    checkpoint.prune_checkpoints(journal, "w", 0)
    assert checkpoint.list_checkpoints(journal, "w") == []


def test_every_ended_phase_leaves_one_and_the_newest_three_of_a_phase_stay(host, define):
    define(FLOW)
    host.execute("w", workflow_id="c1")
    rows = host.call("workflow/inspect", {"what": "checkpoints", "workflow_id": "c1"})["value"]["checkpoints"]
    assert [(row["reason"], row.get("phase_id"), row.get("attempt")) for row in rows] == [
        ("start", None, None),
        ("statuschange", "a", 4),
        ("statuschange", "a", 5),
        ("statuschange", "a", 6),
        ("manual", "b", 1),
    ]
    assert all(row["created_at"] and row["status"] for row in rows)
    assert host.call("journal/checkpoint_list", {"workflow_id": "c1"})["checkpoint_nums"] == [
        row["num"] for row in rows
    ]


def test_checkpoint_shows_the_run_as_it_was(host, define):
    define(FLOW)
    host.execute("w", workflow_id="c2")
    host.signal("c2", "approve")
    host.call("workflow/execute", {"workflow_id": "c2"})
    rows = host.call("workflow/inspect", {"what": "checkpoints", "workflow_id": "c2"})["value"]["checkpoints"]
    fifth = next(row for row in rows if row.get("attempt") == 5)
    blob = host.call("journal/checkpoint_load", {"workflow_id": "c2", "checkpoint_num": fifth["num"]})["blob"]
    assert (blob["status"], blob["position"], len(blob["phases"])) == ("running", "a", 5)
    assert blob["rework_counts"] == {"a": 5}
    assert rows[-1]["status"] == "completed"


def test_how_many_stay_is_a_setting(host, define):
    define(FLOW + "retention: {checkpoints: {keep_last_per_phase: 1}}\n")
    host.execute("w", workflow_id="c3")
    rows = host.call("workflow/inspect", {"what": "checkpoints", "workflow_id": "c3"})["value"]["checkpoints"]
    assert [row.get("attempt") for row in rows if row.get("phase_id") == "a"] == [6]


def test_pause_resume_and_cancel_are_checkpoints(host, define):
    define(FLOW)
    host.execute("w", workflow_id="c4")
    host.signal("c4", "cancel")
    rows = host.call("workflow/inspect", {"what": "checkpoints", "workflow_id": "c4"})["value"]["checkpoints"]
    assert [row["reason"] for row in rows][-2:] == ["manual", "cancel"]


def test_run_that_completed_may_keep_only_its_last_one(host, define):
    define(
        FLOW.replace("phases: [a, b]", "phases: [a]") + "retention: {checkpoints: {auto_prune_on_completion: true}}\n"
    )
    assert host.execute("w", workflow_id="c5")["workflow_status"] == "completed"
    (row,) = host.call("workflow/inspect", {"what": "checkpoints", "workflow_id": "c5"})["value"]["checkpoints"]
    assert (row["status"], row["attempt"]) == ("completed", 6)
