import sqlite3

import pytest

from animus_trigger_webhook import spool as module
from animus_trigger_webhook.spool import REMEMBERED_SECONDS, Added, Spool, SpoolError

DIGEST = b"d" * 32


def test_delivery_waits_until_it_is_settled(spool):
    assert spool.add("a", "1", b"{}", DIGEST) is Added.NEW
    assert spool.add("a", "2", b"[]", DIGEST) is Added.NEW
    assert [event.event_id for event in spool.pending("a", 10, ())] == ["1", "2"]
    assert [event.event_id for event in spool.pending("a", 1, {"1"})] == ["2"]
    assert spool.settle("1") == "a"
    assert [event.payload for event in spool.pending("a", 10, ())] == [b"[]"]
    assert spool.settle("unknown") is None


def test_delivery_survives_the_process_that_took_it(spool, spool_path, clock):
    spool.add("a", "1", b"{}", DIGEST)
    other = Spool(spool_path, clock)  # the first one was never closed
    assert [event.event_id for event in other.pending("a", 10, ())] == ["1"]
    other.close()


def test_repeated_delivery_is_known_pending_and_settled(spool):
    spool.add("a", "1", b"{}", DIGEST)
    assert spool.add("a", "1", b"{}", DIGEST) is Added.REPEATED
    spool.settle("1")
    assert spool.add("a", "1", b"{}", DIGEST) is Added.REPEATED
    assert spool.add("a", "1", b"x", b"e" * 32) is Added.CONFLICTING
    assert spool.pending("a", 10, ()) == []
    assert spool.is_known("1")


def test_settled_delivery_is_forgotten_after_a_week_and_a_waiting_one_is_not(spool, clock):
    spool.add("a", "settled", b"{}", DIGEST)
    spool.add("a", "waiting", b"{}", DIGEST)
    spool.settle("settled")
    clock.move(REMEMBERED_SECONDS + 1)
    spool.add("a", "new", b"{}", DIGEST)
    assert not spool.is_known("settled")
    assert [event.event_id for event in spool.pending("a", 10, ())] == ["waiting", "new"]


def test_deliveries_that_wait_are_bounded_for_each_trigger(spool, monkeypatch):
    monkeypatch.setattr(module, "PENDING_LIMIT", 2)
    assert [spool.add("a", str(number), b"{}", DIGEST) for number in range(3)] == [Added.NEW, Added.NEW, Added.FULL]
    assert spool.add("b", "other", b"{}", DIGEST) is Added.NEW
    spool.settle("0")
    assert spool.add("a", "2", b"{}", DIGEST) is Added.NEW


def test_everything_of_a_trigger_that_is_gone_is_settled(spool):
    for number in range(3):
        spool.add("a", str(number), b"{}", DIGEST)
    spool.add("b", "other", b"{}", DIGEST)
    assert spool.settle_all("a") == 3
    assert spool.pending("a", 10, ()) == []
    assert [event.event_id for event in spool.pending("b", 10, ())] == ["other"]


def test_old_delivery_to_a_trigger_that_is_not_served_any_more_expires(spool, clock):
    spool.add("served", "1", b"{}", DIGEST)
    spool.add("gone", "2", b"{}", DIGEST)
    clock.move(REMEMBERED_SECONDS + 1)
    spool.add("gone", "3", b"{}", DIGEST)
    assert spool.expire(["served"]) == 1
    assert [event.event_id for event in spool.pending("gone", 10, ())] == ["3"]
    assert [event.event_id for event in spool.pending("served", 10, ())] == ["1"]


def test_file_that_is_no_spool_is_named(spool_path, clock):
    spool_path.parent.mkdir(parents=True)
    spool_path.write_text("no database, and long enough to be looked at as one")
    with pytest.raises(SpoolError, match=str(spool_path)):
        Spool(spool_path, clock)


def test_spool_of_a_newer_version_is_left_alone(spool, spool_path, clock):
    spool.close()
    with sqlite3.connect(spool_path) as database:
        database.execute("PRAGMA user_version=9")
    database.close()
    with pytest.raises(SpoolError, match="version 9"):
        Spool(spool_path, clock)


def test_spool_is_closed_to_others(spool, spool_path):
    assert spool_path.parent.stat().st_mode & 0o077 == 0
