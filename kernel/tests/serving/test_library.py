"""The kernel in a Python program, with real plugins."""

import importlib.util
import os
import threading

import pytest

from animus_control.errors import ControlError
from animus_control.project import find_project
from animus_kernel import Animus
from animus_kernel.serving.instance import hold_instance, instance_holder
from animus_plugin_protocol.wire import control

PLUGINS = ("animus_queue_default", "animus_workflow_runner_default", "animus_subject_default", "animus_flavor_default")

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in PLUGINS), reason="needs the default plugins installed"
)

WORKFLOWS = """
workflows:
  - {id: quick, phases: [say]}
  - {id: broken, phases: [fail]}
phases:
  say: {mode: command, idempotency: idempotent, command: {program: sh, args: [-c, "echo said >> MARKS"]}}
  fail: {mode: command, idempotency: idempotent, command: {program: sh, args: [-c, "exit 3"]}}
"""


@pytest.fixture
def root(tmp_path, monkeypatch, know_plugins):
    monkeypatch.setenv("ANIMUS_CONFIG_DIR", str(tmp_path / "a"))
    know_plugins(tmp_path / "a")
    root = tmp_path / "project"
    (root / ".animus").mkdir(parents=True)
    (root / ".animus" / "workflows.yaml").write_text(WORKFLOWS.replace("MARKS", str(root / "marks")))
    return root


def test_program_runs_workflows_and_hears_what_happens(root):
    heard = []
    with Animus(root, on_event=heard.append) as animus:
        result = animus.run("quick")
        assert result.status == "completed"
        assert animus.run("broken").status in {"failed", "escalated"}
        run = animus.call("workflow/get", control.WorkflowGetParams(id=result.workflow_id))
        assert run.status == "completed"
    assert (root / "marks").read_text() == "said\n"
    assert {"run_started", "phase_started", "run_completed"} <= {event.kind for event in heard}
    assert instance_holder(find_project(root, os.environ)) is None


def test_enqueued_work_is_done_while_the_block_is_entered(root):
    done = threading.Event()
    with Animus(root, on_event=lambda event: event.kind == "run_completed" and done.set()) as animus:
        made = animus.call("subject/create", control.SubjectCreateParams(kind="task", title="t"))
        receipt = animus.enqueue(made.id, "quick", idempotency_key="k")
        assert receipt.enqueued
        assert done.wait(60)


def test_second_host_is_refused_with_the_holder(root):
    project = find_project(root, os.environ)
    with hold_instance(project, "daemon"), pytest.raises(ControlError, match="already served") as caught, Animus(root):
        pass
    assert caught.value.category == "conflict"


def test_what_a_daemon_would_refuse_is_refused(root):
    with Animus(root) as animus:
        with pytest.raises(ControlError, match="nothing-such"):
            animus.run("nothing-such")
        with pytest.raises(ControlError, match="gives one result"):
            animus.call("workflow/events")
