"""Our plugins under other people's hosts: every kind we serve, in each manner, and no frame that such a host loses."""

import sys
from pathlib import Path

import pytest

from animus_conformance.emulated_host import HOST_MANNERS, EmulatedHost, RefusedByPluginError
from animus_conformance.workflow_runner import WORKFLOWS

PROGRAMS = Path(sys.executable).parent
DISPATCH = {
    "subject": {"kind": "animus.task", "id": "TASK-001", "title": "About it"},
    "workflow_ref": "passing",
    "trigger_source": "manual",
    "requested_at": "2026-01-01T00:00:00Z",
}


@pytest.fixture(params=HOST_MANNERS)
def host(request, tmp_path):
    """A host in each manner, for the plugin that is named; it must have lost nothing in the end."""
    opened = []

    def make(plugin):
        project = tmp_path / "project"
        project.mkdir()
        given = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path / "home"), "PYTHONPATH": "/nowhere", "LC_ALL": "C"}
        opened.append(EmulatedHost([str(PROGRAMS / f"animus-{plugin}")], project, request.param, given))
        return opened[0]

    yield make
    for emulated in opened:
        with emulated:
            assert not emulated.lost


def test_queue_keeps_what_it_acknowledged_from_process_to_process(host):
    queue = host("queue-default")
    entry = queue.call("queue/enqueue", {"subject_dispatch": DISPATCH})["entry_id"]
    (listed,) = queue.call("queue/list", {})["entries"]
    assert (listed["entry_id"], listed["status"]) == (entry, "pending")
    (leased,) = queue.call("queue/lease", {"max": 1, "workflow_ids": ["wf-1"]})["leased"]
    assert leased["workflow_id"] == "wf-1"
    assert queue.call("queue/lease", {"max": 1})["leased"] == []
    done = {"subject_id": leased["subject_id"], "workflow_id": "wf-1", "workflow_ref": "passing", "status": "completed"}
    queue.call("queue/completion", {"entry_id": entry, **done})
    assert queue.call("queue/stats")["total"] == 0


def test_queue_takes_the_older_form_of_a_subject(host):
    queue = host("queue-default")
    older = {**DISPATCH, "subject": {"Task": {"id": "TASK-007"}}}
    assert queue.call("queue/enqueue", {"subject_dispatch": older})["enqueued"]


def test_subjects_are_kept_and_served_in_both_spellings(host):
    subjects = host("subject-default")
    made = subjects.call("task/create", {"title": "Write it", "labels": ["a"]})
    assert subjects.call("subject/get", {"id": made["id"]})["title"] == "Write it"
    assert [subject["id"] for subject in subjects.call("task/list", {})["subjects"]] == [made["id"]]
    subjects.call("task/status", {"id": made["id"], "status": "done"})
    with pytest.raises(RefusedByPluginError):
        subjects.call("task/get", {"id": "TASK-999"})


def test_runner_runs_commands_without_a_host_that_answers_calls(host, tmp_path):
    runner = host("workflow-runner-default")
    folder = tmp_path / "project" / ".animus" / "workflows"
    folder.mkdir(parents=True)
    (folder / "given.yaml").write_text(WORKFLOWS, encoding="utf-8")
    loaded = runner.call("config/load", {"project_root": str(tmp_path / "project")})
    assert {"passing", "failing"} <= set(loaded["config"]["config"]["workflows"])
    done = runner.call("workflow/execute", {"workflow_id": "wf-1", "subject_dispatch": DISPATCH})
    assert (done["workflow_status"], done["success"]) == ("completed", True)
    assert runner.call("journal/load", {"workflow_id": "wf-1"})["run"]["status"] == "completed"
    again = runner.call("workflow/execute", {"workflow_id": "wf-1", "subject_dispatch": DISPATCH})
    assert again["workflow_status"] == "completed"
    assert (tmp_path / "project" / "marks").read_text(encoding="utf-8").split() == ["mark"]


def test_provider_runs_an_agent_and_its_notes_fit_a_small_buffer(host, tmp_path):
    provider = host("provider-command")
    script = 'i=0; while [ $i -lt 3000 ]; do echo "line $i"; i=$((i+1)); done'
    params = {
        "prompt": "p",
        "session_id": "s",
        "cwd": str(tmp_path),
        "command": {"program": "sh", "args": ["-c", script]},
    }
    result = provider.call("agent/run", params)
    assert (result["exit_code"], result["output"].splitlines()[-1]) == (0, "line 2999")
    assert provider.notes
    assert len(provider.notes) < (provider.notes.maxlen or 0)


@pytest.mark.parametrize(
    "plugin",
    [
        "queue-default",
        "subject-default",
        "workflow-runner-default",
        "provider-command",
        "provider-claude",
        "provider-codex",
        "provider-oai",
    ],
)
def test_every_plugin_is_healthy_under_every_host(host, plugin):
    assert host(plugin).call("health/check")["status"] in {"healthy", "degraded", "unhealthy"}
