import pytest

from animus_trigger_webhook.hook import GITHUB, Hook, RateWindow


@pytest.mark.parametrize(
    ("events", "event", "action", "wanted"),
    [
        ((), None, None, True),
        (("push",), "push", None, True),
        (("push",), "issues", "opened", False),
        (("issues",), "issues", "opened", True),
        (("issues.opened",), "issues", "opened", True),
        (("issues.opened",), "issues", "closed", False),
        (("push",), None, None, False),
    ],
)
def test_filter_takes_events_by_name_or_by_name_and_action(events, event, action, wanted):
    assert Hook("h", GITHUB, events=events).wants(event, action) is wanted


def test_window_says_how_long_to_wait_for_the_next_place(clock):
    window = RateWindow(clock)
    for _ in range(2):
        assert window.wait_seconds(2) == 0
        window.take()
        clock.move(10)
    assert window.wait_seconds(2) == 40
    clock.move(40)
    assert window.wait_seconds(2) == 0
    window.take()
    assert window.wait_seconds(2) == 10


def test_window_of_no_places_never_opens(clock):
    assert RateWindow(clock).wait_seconds(0) == 60


def test_lowered_limit_waits_for_as_many_as_are_too_many(clock):
    window = RateWindow(clock)
    for _ in range(3):
        window.take()
        clock.move(5)
    assert window.wait_seconds(1) == 55
