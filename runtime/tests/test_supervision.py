import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from animus_plugin_runtime.supervision import (
    BACKOFF_SECONDS,
    COOL_DOWN_SECONDS,
    RESTARTS,
    WINDOW_SECONDS,
    IllegalStepError,
    State,
    Supervision,
)


def crash(supervision, now):
    supervision.start(now)
    supervision.failed(now)


def test_third_restart_within_a_minute_that_fails_leads_to_a_cool_down():
    supervision, now = Supervision(), 0.0
    crash(supervision, now)
    for wait in BACKOFF_SECONDS:
        assert (supervision.state, supervision.wait_seconds(now)) == (State.BACKOFF, wait)
        now += wait
        crash(supervision, now)
    assert (supervision.state, supervision.restarts) == (State.COOLING_DOWN, RESTARTS)
    assert supervision.wait_seconds(now) == COOL_DOWN_SECONDS


def test_slow_crashes_never_cool_down():
    supervision = Supervision()
    for count in range(20):
        crash(supervision, count * (WINDOW_SECONDS / 2))
        assert supervision.state is State.BACKOFF


def test_start_before_its_time_is_illegal():
    supervision = Supervision()
    crash(supervision, 0)
    crash(supervision, 0)
    with pytest.raises(IllegalStepError, match=r"another 0.4 s"):
        supervision.start(0.1)


@pytest.mark.parametrize("step", ["started", "ended"])
def test_step_that_the_table_does_not_have_is_refused(step):
    with pytest.raises(IllegalStepError, match="not legal while 'stopped'"):
        getattr(Supervision(), step)()


class Restarts(RuleBasedStateMachine):
    """The real thing against a model that keeps every restart for ever and counts."""

    @initialize()
    def begin(self):
        self.real = Supervision()
        self.now = 0.0
        self.state = "stopped"
        self.restarts = []
        self.forgiven = 0
        self.not_before = 0.0

    def waits(self):
        return self.state in {"backoff", "cooling_down"} and self.now < self.not_before

    @rule(seconds=st.sampled_from([0.1, 0.5, 2.0, 10.0, 59.9, 60.0, 300.0]))
    def time_passes(self, seconds):
        self.now += seconds

    @precondition(lambda self: self.state in {"stopped", "backoff", "cooling_down"})
    @rule()
    def start(self):
        if self.waits():
            with pytest.raises(IllegalStepError):
                self.real.start(self.now)
            return
        self.real.start(self.now)
        if self.state == "cooling_down":
            self.forgiven = len(self.restarts)
        if self.state != "stopped":
            self.restarts.append(self.now)
        self.state = "starting"

    @precondition(lambda self: self.state == "starting")
    @rule()
    def handshake_done(self):
        self.real.started()
        self.state = "ready"

    @precondition(lambda self: self.state in {"starting", "ready"})
    @rule()
    def fail(self):
        self.real.failed(self.now)
        recent = [moment for moment in self.restarts[self.forgiven :] if moment > self.now - WINDOW_SECONDS]
        if len(recent) >= RESTARTS:
            self.state, self.not_before = "cooling_down", self.now + COOL_DOWN_SECONDS
        else:
            self.state, self.not_before = "backoff", self.now + BACKOFF_SECONDS[len(recent)]

    @precondition(lambda self: self.state != "stopping")
    @rule()
    def stop(self):
        self.real.stop()
        self.state = "stopping" if self.state in {"starting", "ready"} else "stopped"

    @precondition(lambda self: self.state == "stopping")
    @rule()
    def process_ends(self):
        self.real.ended()
        self.state = "stopped"

    @rule(step=st.sampled_from(["started", "ended", "failed", "start"]))
    def illegal_steps_change_nothing(self, step):
        legal = {
            "started": {"starting"},
            "ended": {"stopping"},
            "failed": {"starting", "ready"},
            "start": {"stopped", "backoff", "cooling_down"},
        }
        if self.state not in legal[step]:
            with pytest.raises(IllegalStepError):
                getattr(self.real, step)(*([self.now] if step in {"failed", "start"} else []))

    @invariant()
    def agrees_with_the_model(self):
        assert self.real.state.value == self.state
        assert self.real.restarts == len(self.restarts)
        assert (self.real.wait_seconds(self.now) > 0) == self.waits()

    @invariant()
    def never_restarts_more_often_than_the_budget(self):
        for index, moment in enumerate(self.restarts):
            window = [other for other in self.restarts[index:] if other < moment + WINDOW_SECONDS]
            assert len(window) <= RESTARTS + (1 if self.forgiven > index else 0)


TestRestarts = Restarts.TestCase
TestRestarts.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
