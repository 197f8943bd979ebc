"""What is fired after stalls, restarts and clocks that jump."""

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from animus_schedule import ActiveHours, CatchUp, CronCadence, EveryCadence, Timetable, decide
from animus_schedule.catch_up import ALL_LIMIT, COUNT_LIMIT, RESET_AFTER

HOURLY = Timetable(CronCadence("0 * * * *"))
SECOND = datetime.timedelta(seconds=1)
START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def test_new_schedule_begins_now_and_fires_nothing(at):
    decision = decide(HOURLY, CatchUp.ALL, None, at("2026-01-01T10:30"))
    assert (decision.fires, decision.cursor) == ((), at("2026-01-01T10:30"))
    assert decision.next_at == at("2026-01-01T11:00")


@pytest.mark.parametrize("policy", CatchUp)
def test_moment_on_time_is_fired_under_every_policy(at, policy):
    decision = decide(HOURLY, policy, at("2026-01-01T10:30"), at("2026-01-01T11:00:02"))
    assert decision.fires == (at("2026-01-01T11:00"),)
    assert (decision.cursor, decision.next_at) == (at("2026-01-01T11:00"), at("2026-01-01T12:00"))
    assert decide(HOURLY, policy, decision.cursor, at("2026-01-01T11:00:03")).fires == ()


@pytest.mark.parametrize(
    ("policy", "fires", "missed"),
    [
        (CatchUp.FIRE_ONCE, ("14:00",), 3),
        (CatchUp.SKIP, (), 4),
        (CatchUp.ALL, ("11:00", "12:00", "13:00", "14:00"), 0),
    ],
)
def test_stall_of_four_moments(at, policy, fires, missed):
    decision = decide(HOURLY, policy, at("2026-01-01T10:30"), at("2026-01-01T14:20"))
    assert decision.fires == tuple(at(f"2026-01-01T{text}") for text in fires)
    assert decision.missed == missed
    assert decision.cursor == at("2026-01-01T14:00")


def test_year_without_a_daemon_is_bounded(at):
    timetable = Timetable(CronCadence("* * * * *"))
    decision = decide(timetable, CatchUp.ALL, at("2025-01-01T00:00"), at("2026-01-01T00:00"))
    assert len(decision.fires) == ALL_LIMIT
    assert decision.fires[-1] == at("2026-01-01T00:00")
    assert decision.missed == COUNT_LIMIT - ALL_LIMIT


def test_nothing_is_caught_up_with_outside_the_hours(at):
    timetable = Timetable(CronCadence("0 9 * * *"), ActiveHours("08:00-18:00"))
    late = decide(timetable, CatchUp.FIRE_ONCE, at("2026-01-01T07:00"), at("2026-01-01T20:00"))
    assert (late.fires, late.cursor) == ((), at("2026-01-01T07:00"))
    assert late.next_at == at("2026-01-02T08:00")
    opened = decide(timetable, CatchUp.FIRE_ONCE, late.cursor, at("2026-01-02T08:00"))
    assert opened.fires == (at("2026-01-01T09:00"),)


def test_moment_just_before_closing_is_fired_when_the_timer_is_late(at):
    timetable = Timetable(CronCadence("59 17 * * *"), ActiveHours("08:00-18:00"))
    decision = decide(timetable, CatchUp.SKIP, at("2026-01-01T09:00"), at("2026-01-01T18:00:00"))
    assert decision.fires == (at("2026-01-01T17:59"),)


def test_clock_that_went_back_a_little_fires_nothing_twice(at):
    cursor = at("2026-01-01T11:00")
    decision = decide(HOURLY, CatchUp.ALL, cursor, at("2026-01-01T10:20"))
    assert (decision.fires, decision.cursor, decision.is_reset) == ((), cursor, False)
    assert decision.next_at == at("2026-01-01T12:00")


def test_clock_that_went_back_far_begins_anew_instead_of_staying_silent(at):
    decision = decide(HOURLY, CatchUp.ALL, at("2040-01-01T00:00"), at("2026-01-01T10:20"))
    assert decision.is_reset
    assert (decision.fires, decision.cursor) == ((), at("2026-01-01T10:20"))
    assert decision.next_at == at("2026-01-01T11:00")


STEPS = st.lists(st.integers(-5400, 20_000), min_size=1, max_size=30)


@settings(max_examples=200, deadline=None)
@given(policy=st.sampled_from(list(CatchUp)), steps=STEPS, every=st.sampled_from([7, 60, 600, 3600]))
def test_no_moment_fires_twice_and_none_of_all_is_lost_whatever_the_clock_does(policy, steps, every):
    """Restarts are part of it: between two decisions only the cursor is kept."""
    timetable, now, cursor = Timetable(EveryCadence(every)), START, START
    fired: list[datetime.datetime] = []
    missed = dealt = 0
    for seconds in steps:
        now += SECOND * seconds
        decision = decide(timetable, policy, cursor, now)
        if decision.is_reset:
            assert cursor - now > RESET_AFTER
            fired, cursor, dealt, missed = [], decision.cursor, 0, 0
            continue
        assert all(cursor < at <= now for at in decision.fires)
        assert decision.next_at is not None
        assert decision.next_at > now
        fired += decision.fires
        missed += decision.missed
        if decision.cursor != cursor:
            dealt += min((decision.cursor - cursor) // (SECOND * every) + 1, COUNT_LIMIT)
        cursor = decision.cursor
    assert fired == sorted(set(fired))
    assert len(fired) + missed <= dealt


@settings(max_examples=150, deadline=None)
@given(steps=st.lists(st.integers(1, 200), min_size=1, max_size=40))
def test_all_fires_each_moment_exactly_once_when_the_stalls_are_short(steps):
    timetable, now, cursor, fired = Timetable(EveryCadence(10)), START, START, []
    for seconds in steps:
        now += SECOND * seconds
        decision = decide(timetable, CatchUp.ALL, cursor, now)
        fired, cursor = [*fired, *decision.fires], decision.cursor
    assert fired == [START + SECOND * 10 * number for number in range(1, (now - START) // (SECOND * 10) + 1)]
