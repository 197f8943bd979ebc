"""Which run a subject stands for, when it has several."""

import asyncio
from types import SimpleNamespace

import pytest

from animus_control.errors import ControlError
from animus_kernel.handlers import workflows
from animus_plugin_protocol.wire.dispatch import SubjectDispatch, SubjectRef
from animus_plugin_protocol.wire.queue import QueueEntry


def entry(number, status, run=None):
    subject = SubjectRef(kind="task", id="task:TASK-001")
    dispatch = SubjectDispatch(
        subject=subject, workflow_ref="check", trigger_source="manual", requested_at="2026-03-01T00:00:00Z"
    )
    return QueueEntry(
        entry_id=f"e-{number}", subject_id="task:TASK-001", subject_dispatch=dispatch, status=status,
        enqueued_at="2026-03-01T00:00:00Z", workflow_id=run,
    )  # fmt: skip


def find(*entries):
    async def listed(_):
        return list(entries)

    kernel = SimpleNamespace(queue=SimpleNamespace(entries=listed), dispatcher=None)
    return asyncio.run(workflows.find(kernel, "task:TASK-001"))


def test_the_run_that_has_begun_is_meant_when_others_wait():
    run, row = find(entry(1, "pending"), entry(2, "assigned", "run-2"), entry(3, "pending"))
    assert run == "run-2"
    assert row.id == "e-2"


def test_the_only_entry_is_meant_before_its_run_has_begun():
    assert find(entry(1, "held"))[1].id == "e-1"


def test_several_waiting_entries_are_ambiguous_and_listed():
    with pytest.raises(ControlError, match="e-1, e-2") as caught:
        find(entry(1, "pending"), entry(2, "pending"))
    assert caught.value.category == "conflict"
    assert caught.value.details == {"runs": ["e-1", "e-2"]}
    assert caught.value.remediation["next_step"] == "animus why task:TASK-001"
