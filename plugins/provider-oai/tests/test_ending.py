import threading

import pytest

from animus_provider_oai.ending import CANCELLED, TIMED_OUT, RunControl, RunEndedError


class HandClock:
    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def test_run_goes_on_until_its_time_is_over():
    clock = HandClock()
    control = RunControl(10, clock)
    control.check()
    assert control.within(60) == 10
    clock.now += 10
    assert control.within(60) == 0
    with pytest.raises(RunEndedError) as caught:
        control.check()
    assert caught.value.how == TIMED_OUT


def test_cancel_wakes_whoever_waits():
    control = RunControl()
    threading.Timer(0.05, control.cancel).start()
    with pytest.raises(RunEndedError) as caught:
        control.pause(60)
    assert caught.value.how == CANCELLED


def test_cancel_before_the_wait_is_not_missed():
    control = RunControl()
    control.cancel()
    woken = threading.Event()
    with control.waking(woken.set):
        assert woken.is_set()


def test_killed_run_is_cancelled_in_a_hurry():
    control = RunControl()
    control.kill()
    assert control.is_hurried
    with pytest.raises(RunEndedError):
        control.check()
