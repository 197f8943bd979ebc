"""The schedules of a project over time: what a user of the book sees, whatever dies in between."""

import copy
import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from animus_schedule import Book, CatchUp, Definition, Fire

HOURLY = Definition(id="hourly", workflow_ref="w", cron="0 * * * *")


def settle(book, at):
    done = [(definition.id, moment) for definition, moment in book.waiting()]
    for name, moment in done:
        book.settle(name, Fire(at=moment, done_at=at, outcome="enqueued", entry_id="e"))
    return done


def test_schedule_fires_once_for_a_moment(at):
    book = Book([HOURLY], {})
    assert book.look(at("2026-01-01T10:30")).next_at == at("2026-01-01T11:00")
    look = book.look(at("2026-01-01T11:00:01"))
    assert look.has_changed
    assert settle(book, at("2026-01-01T11:00:01")) == [("hourly", at("2026-01-01T11:00"))]
    assert not book.look(at("2026-01-01T11:00:02")).has_changed
    assert settle(book, at("2026-01-01T11:00:02")) == []
    assert book.tracks["hourly"].fired == 1


def test_moment_that_was_decided_waits_until_it_is_settled(at):
    book = Book([HOURLY], {})
    book.look(at("2026-01-01T10:30"))
    book.look(at("2026-01-01T11:00"))
    again = Book([HOURLY], copy.deepcopy(book.tracks))  # what a restart reads
    again.look(at("2026-01-01T11:20"))
    assert [moment for _, moment in again.waiting()] == [at("2026-01-01T11:00")]


def test_rewritten_schedule_begins_now(at):
    book = Book([HOURLY], {})
    book.look(at("2026-01-01T10:30"))
    rewritten = Book([Definition(id="hourly", workflow_ref="w", cron="*/10 * * * *")], book.tracks)
    rewritten.look(at("2026-01-01T12:05"))
    assert list(rewritten.waiting()) == []
    assert rewritten.tracks["hourly"].missed == 0


def test_switch_is_stronger_than_what_is_written_and_begins_now(at):
    book = Book([HOURLY], {})
    book.look(at("2026-01-01T10:30"))
    book.switch("hourly", on=False)
    assert book.look(at("2026-01-01T11:30")).next_at is None
    assert list(book.waiting()) == []
    book.switch("hourly", on=True)
    book.look(at("2026-01-01T12:30"))
    assert list(book.waiting()) == []
    book.look(at("2026-01-01T13:00"))
    assert [moment for _, moment in book.waiting()] == [at("2026-01-01T13:00")]


def test_switching_off_takes_back_what_waited(at):
    book = Book([HOURLY], {})
    book.look(at("2026-01-01T10:30"))
    book.look(at("2026-01-01T11:00"))
    book.switch("hourly", on=False)
    assert book.look(at("2026-01-01T11:01")).has_changed
    book.switch("hourly", on=True)
    book.look(at("2026-01-01T11:02"))
    assert list(book.waiting()) == []


def test_schedule_that_cannot_be_understood_stops_only_itself(at):
    broken = Definition(id="broken", workflow_ref="w", cron="nonsense")
    both = Definition(id="both", workflow_ref="w", cron="0 * * * *", every_secs=7)
    book = Book([broken, both, HOURLY], {})
    assert set(book.problems) == {"broken", "both"}
    assert book.look(at("2026-01-01T10:30")).next_at == at("2026-01-01T11:00")
    assert not book.is_enabled("broken")


def test_disabled_reason_cannot_be_switched_away(at):
    book = Book([Definition(id="x", workflow_ref="gone", every_secs=60, disabled_reason="no such workflow")], {})
    book.switch("x", on=True)
    assert not book.is_enabled("x")
    assert book.next_at("x", at("2026-01-01T00:00")) is None


def test_missed_moments_are_told_and_counted(at):
    book = Book([HOURLY], {})
    book.look(at("2026-01-01T10:30"))
    assert book.look(at("2026-01-01T15:30")).missed == {"hourly": 4}
    assert book.tracks["hourly"].missed == 4


def test_track_of_a_removed_schedule_is_kept_for_a_while(at):
    book = Book([HOURLY], {})
    book.look(at("2026-01-01T10:30"))
    assert not Book([], book.tracks).look(at("2026-02-01T00:00")).has_changed
    assert Book([], book.tracks).look(at("2026-05-01T00:00")).has_changed
    assert book.tracks == {}


def test_history_is_bounded(at):
    book = Book([HOURLY], {})
    book.look(at("2026-01-01T10:30"))
    for number in range(80):
        moment = at("2026-01-01T11:00") + datetime.timedelta(hours=number)
        book.look(moment)
        settle(book, moment)
    assert len(book.tracks["hourly"].history) == 50
    assert book.tracks["hourly"].fired == 80


ACTIONS = st.lists(
    st.tuples(st.integers(1, 400), st.sampled_from(["live", "die_before_write", "die_before_work", "die_after_work"])),
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@given(actions=ACTIONS)
def test_each_moment_is_done_under_one_key_however_often_its_user_dies(actions):
    """The work is an idempotent store, as a queue with keys is; `disk` is what was written."""
    definition = Definition(id="s", workflow_ref="w", every_secs=60, catch_up=CatchUp.ALL)
    start = now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    store: set[datetime.datetime] = set()
    disk = Book([definition], {})
    disk.look(now)
    for seconds, fate in [*actions, (0, "live")]:
        now += datetime.timedelta(seconds=seconds)
        book = Book([definition], copy.deepcopy(disk.tracks))
        book.look(now)
        if fate == "die_before_write":
            continue
        disk = Book([definition], copy.deepcopy(book.tracks))
        if fate == "die_before_work":
            continue
        store |= {moment for _, moment in book.waiting()}
        if fate == "live":
            settle(book, now)
            disk = book
    wanted = {start + datetime.timedelta(minutes=number) for number in range(1, (now - start).seconds // 60 + 1)}
    assert store | {at for _, at in disk.waiting()} <= wanted
    if len(wanted) <= 20:
        assert store == wanted
