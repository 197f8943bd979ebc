"""A cadence within active hours."""

import datetime
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from animus_schedule import ActiveHours, CronCadence, EveryCadence, Timetable


def test_moments_outside_the_hours_do_not_exist(at):
    timetable = Timetable(CronCadence("0 */6 * * *"), ActiveHours("05:00-13:00"))
    assert timetable.next_after(at("2026-01-01T12:00")) == at("2026-01-02T06:00")
    latest = list(itertools.islice(timetable.backward(at("2026-01-02T05:00")), 3))
    assert latest == [at("2026-01-01T12:00"), at("2026-01-01T06:00"), at("2025-12-31T12:00")]


def test_cadence_that_the_hours_exclude_never_fires(at):
    timetable = Timetable(CronCadence("0 3 * * *"), ActiveHours("09:00-17:00"))
    assert timetable.next_after(at("2026-01-01T00:00")) is None
    assert list(timetable.backward(at("2026-01-01T00:00"))) == []


def test_no_hours_are_always_open(at):
    assert Timetable(EveryCadence(60)).is_open(at("2026-01-01T00:00"))


@settings(max_examples=60, deadline=None)
@given(
    step=st.sampled_from([60, 420, 3600, 5 * 3600]),
    hours=st.sampled_from(["09:00-17:00", "22:00-06:00", "02:30-02:45"]),
    zone=st.sampled_from(["UTC", "Europe/Berlin"]),
    minutes=st.integers(-3000, 3000),
)
def test_next_and_backward_are_the_cadence_filtered(step, hours, zone, minutes):
    cadence, window = EveryCadence(step), ActiveHours(hours, zone)
    change = datetime.datetime(2026, 3, 29, 1, tzinfo=datetime.UTC)
    moment = change + datetime.timedelta(minutes=minutes)
    row, one = [], moment
    while one < moment + datetime.timedelta(days=2):
        one = cadence.next_after(one)
        row += [one] if window.contains(one) else []
    timetable = Timetable(cadence, window)
    if row:
        assert timetable.next_after(moment) == row[0]
        assert list(itertools.islice(timetable.backward(row[-1]), len(row))) == row[::-1]
