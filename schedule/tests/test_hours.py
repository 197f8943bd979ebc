"""Active hours by a wall clock."""

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from animus_schedule import ActiveHours, ScheduleError

MINUTE = datetime.timedelta(minutes=1)


@pytest.mark.parametrize(
    ("text", "moment", "is_in"),
    [
        ("09:00-17:00", "2026-01-01T09:00", True),
        ("09:00-17:00", "2026-01-01T17:00", False),
        ("22:00-06:00", "2026-01-01T23:59", True),
        ("22:00-06:00", "2026-01-01T05:59", True),
        ("22:00-06:00", "2026-01-01T06:00", False),
        ("00:00-24:00", "2026-01-01T23:59", True),
        ("7:30-8:00", "2026-01-01T07:30", True),
    ],
)
def test_hours_include_their_begin_and_exclude_their_end(at, text, moment, is_in):
    assert ActiveHours(text).contains(at(moment)) is is_in


def test_hours_are_those_of_their_zone(at):
    hours = ActiveHours("09:00-10:00", "Asia/Kolkata")
    assert hours.contains(at("2026-01-01T03:30"))
    assert not hours.contains(at("2026-01-01T09:00"))


@pytest.mark.parametrize("text", ["", "9-17", "09:00-09:00", "24:30-25:00", "09:60-10:00", "09:00 - 17:00"])
def test_what_are_no_hours_is_refused_with_the_text(text):
    with pytest.raises(ScheduleError, match="active hours"):
        ActiveHours(text)


@settings(max_examples=150, deadline=None)
@given(
    bounds=st.tuples(st.integers(0, 1439), st.integers(0, 1439)).filter(lambda pair: pair[0] != pair[1]),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe"]),
    minutes=st.integers(-2000, 2000),
    change=st.sampled_from(["2026-03-29T01:00", "2026-10-25T01:00", "2026-04-04T15:00", "2026-10-03T15:30"]),
)
def test_opening_and_closing_agree_with_counting_minutes(bounds, zone, minutes, change):
    start, end = (f"{value // 60:02d}:{value % 60:02d}" for value in bounds)
    hours = ActiveHours(f"{start}-{end}", zone)
    moment = datetime.datetime.fromisoformat(change).replace(tzinfo=datetime.UTC) + MINUTE * minutes
    opens, closed = hours.next_open(moment), hours.last_open(moment)
    assert closed <= moment <= opens
    if hours.contains(moment):
        assert opens == closed == moment
        return
    counted = (moment - opens) // -MINUTE
    assert all(not hours.contains(moment + MINUTE * number) for number in range(counted))
    counted = (moment - closed) // MINUTE
    assert all(not hours.contains(moment - MINUTE * number) for number in range(counted))
