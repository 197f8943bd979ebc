"""The moments of cron expressions and intervals, compared with counting minutes."""

import datetime
import itertools
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from animus_schedule import CronCadence, EveryCadence, ScheduleError

UTC = datetime.UTC
# Zone and a moment near which its clocks move: a whole hour, half an hour, and never.
CHANGES = (
    ("Europe/Berlin", "2026-03-29T01:00"),
    ("Europe/Berlin", "2026-10-25T01:00"),
    ("America/New_York", "2026-03-08T07:00"),
    ("America/New_York", "2026-11-01T06:00"),
    ("Australia/Lord_Howe", "2026-04-04T15:00"),
    ("Australia/Lord_Howe", "2026-10-03T15:30"),
    ("America/St_Johns", "2026-11-01T04:30"),
    ("Asia/Kolkata", "2026-06-01T00:00"),
    ("Asia/Tehran", "2022-09-21T19:30"),
    ("UTC", "2026-02-28T12:00"),
)
MINUTES = ("*", "0", "30", "*/15", "7,59", "10-20/5")
HOURS = ("*", "*/2", "1", "2", "2,3", "0-4", "23", "1-23/7")
DAYS = ("*", "1", "29", "*/2")
MONTHS = ("*", "3", "10,11", "2-4")
WEEKDAYS = ("*", "0", "7", "1-5", "6")
EXPRESSIONS = st.tuples(*map(st.sampled_from, (MINUTES, HOURS, DAYS, MONTHS, WEEKDAYS))).map(" ".join)

bounded = settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])


def moment_of(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=UTC)


@bounded
@given(expression=EXPRESSIONS, change=st.sampled_from(CHANGES))
def test_cron_names_the_moments_that_counting_names(count_moments, expression, change):
    zone, text = change
    begin = moment_of(text) - datetime.timedelta(hours=9)
    end = moment_of(text) + datetime.timedelta(hours=9)
    wanted = count_moments(expression, ZoneInfo(zone), begin, end)
    cadence = CronCadence(expression, zone)
    found, moment = [], begin - datetime.timedelta(seconds=1)
    while (moment := cadence.next_after(moment)) < end:
        found.append(moment)
    assert found == wanted
    backward, moment = [], end - datetime.timedelta(seconds=1)
    while (moment := cadence.latest_at(moment)) >= begin:
        backward.append(moment)
        moment -= datetime.timedelta(microseconds=1)
    assert backward == wanted[::-1]


@bounded
@given(
    expression=EXPRESSIONS,
    change=st.sampled_from(CHANGES),
    seconds=st.integers(-100_000, 100_000),
)
def test_next_and_latest_meet_at_any_second(expression, change, seconds):
    zone, text = change
    moment = moment_of(text) + datetime.timedelta(seconds=seconds)
    cadence = CronCadence(expression, zone)
    following = cadence.next_after(moment)
    assert following > moment
    assert cadence.latest_at(following) == following
    assert cadence.latest_at(following - datetime.timedelta(microseconds=1)) <= moment


@pytest.mark.parametrize(
    ("expression", "zone", "after", "wanted"),
    [
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", "2026-03-29T01:00"),  # left out: when clocks move
        ("30 2 * * *", "Europe/Berlin", "2026-03-29T01:00", "2026-03-30T00:30"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", "2026-10-25T00:30"),  # twice: the first
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30", "2026-10-26T01:30"),
        ("*/30 * * * *", "Europe/Berlin", "2026-10-25T00:30", "2026-10-25T01:00"),  # counts the hour twice
        ("0 9 * * *", "Pacific/Apia", "2011-12-29T19:01", "2011-12-30T10:00"),  # a whole day is left out
        ("0 0 29 2 *", "UTC", "2026-01-01T00:00", "2028-02-29T00:00"),
        ("@daily", "UTC", "2026-01-01T00:00", "2026-01-02T00:00"),
        ("0 9 * * mon-fri", "UTC", "2026-11-20T09:00", "2026-11-23T09:00"),
    ],
)
def test_cron_at_the_edges(at, expression, zone, after, wanted):
    assert CronCadence(expression, zone).next_after(at(after)) == at(wanted)


@pytest.mark.parametrize("text", ["", "* * * *", "* * * * * *", "61 * * * *", "0 0 31 2 *", "@reboot", "a b c d e"])
def test_what_is_no_expression_is_refused_with_its_text(text):
    with pytest.raises(ScheduleError, match="cron"):
        CronCadence(text)


def test_unknown_zone_is_refused_with_its_name():
    with pytest.raises(ScheduleError, match="Europe/Berlni"):
        CronCadence("0 0 * * *", "Europe/Berlni")


@given(seconds=st.integers(1, 10_000_000), offset=st.integers(0, 4_000_000_000))
def test_interval_is_a_grid_that_no_restart_moves(seconds, offset):
    cadence, moment = EveryCadence(seconds), datetime.datetime.fromtimestamp(offset, UTC)
    row = list(itertools.islice(_following(cadence, moment), 3))
    assert all(int(one.timestamp()) % seconds == 0 for one in row)
    assert row[0] - moment <= datetime.timedelta(seconds=seconds)
    assert cadence.latest_at(row[0]) == row[0]


def test_interval_of_nothing_is_refused():
    with pytest.raises(ScheduleError, match="every 0 seconds"):
        EveryCadence(0)


def _following(cadence, moment):
    while True:
        moment = cadence.next_after(moment)
        yield moment
