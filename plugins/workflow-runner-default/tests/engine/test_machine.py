"""Every status with every event: a listed transition or a refusal."""

import itertools

import pytest

from animus_workflow_runner_default.engine.machine import (
    FINAL,
    TRANSITIONS,
    IllegalTransitionError,
    RunEvent,
    RunStatus,
    next_status,
)


@pytest.mark.parametrize(("status", "event"), list(itertools.product(RunStatus, RunEvent)))
def test_every_pair_is_a_transition_or_a_refusal(status, event):
    expected = TRANSITIONS.get((status, event))
    if expected is None:
        with pytest.raises(IllegalTransitionError, match=f"is {status.value} cannot {event.value}"):
            next_status(status, event)
    else:
        assert next_status(status, event) is expected


def test_completed_and_cancelled_runs_are_left_by_nothing():
    for status in (RunStatus.COMPLETED, RunStatus.CANCELLED):
        assert not [event for event in RunEvent if (status, event) in TRANSITIONS]


def test_only_a_person_frees_a_run_that_stopped():
    freeing = {event for (status, event), target in TRANSITIONS.items() if target is RunStatus.PENDING}
    assert freeing == {RunEvent.APPROVE, RunEvent.RESUME}
    assert FINAL.isdisjoint({RunStatus.PENDING, RunStatus.RUNNING, RunStatus.PAUSED})


def test_every_status_but_pending_is_reached_by_some_event():
    assert set(TRANSITIONS.values()) == set(RunStatus)
