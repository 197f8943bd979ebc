import queue

import pytest

from animus_trigger_webhook.reporter import WINDOW, Reporter

SECONDS = 60


@pytest.fixture
def told():
    return queue.SimpleQueue()


@pytest.fixture
def failures():
    return queue.SimpleQueue()


@pytest.fixture
def reporter(spool, told, failures):
    made = Reporter(spool, told.put, failures.put)
    yield made
    made.close()


def test_everything_that_waits_is_told_in_order_when_somebody_watches(reporter, spool, told):
    for number in range(3):
        spool.add("a", str(number), b"{}", b"")
    spool.add("b", "other", b"{}", b"")
    reporter.watch(["a"])
    assert [told.get(timeout=SECONDS).event_id for _ in range(3)] == ["0", "1", "2"]
    reporter.watch(["b"])
    assert told.get(timeout=SECONDS).event_id == "other"


def test_host_has_a_bounded_number_of_a_trigger_and_gets_more_as_it_answers(reporter, spool, told):
    for number in range(WINDOW + 2):
        spool.add("a", str(number), b"{}", b"")
    reporter.watch(["a"])
    for _ in range(WINDOW):
        told.get(timeout=SECONDS)
    spool.add("b", "other", b"{}", b"")
    reporter.watch(["b"])
    assert told.get(timeout=SECONDS).event_id == "other"  # nothing more of "a" came before it
    spool.settle("0")
    reporter.answered("a", "0")
    assert told.get(timeout=SECONDS).event_id == str(WINDOW)


def test_new_watch_is_told_again_what_was_not_answered(reporter, spool, told):
    spool.add("a", "1", b"{}", b"")
    reporter.watch(["a"])
    assert told.get(timeout=SECONDS).event_id == "1"
    reporter.watch(["a"])
    assert told.get(timeout=SECONDS).event_id == "1"


def test_reporting_that_failed_begins_again_with_the_next_watch(spool, failures, told):
    class GoneError(Exception):
        pass

    tries = []

    def tell(event):
        tries.append(event)
        if len(tries) == 1:
            raise GoneError
        told.put(event)

    reporter = Reporter(spool, tell, failures.put)
    spool.add("a", "1", b"{}", b"")
    reporter.watch(["a"])
    assert isinstance(failures.get(timeout=SECONDS), GoneError)
    reporter.watch(["a"])
    assert told.get(timeout=SECONDS).event_id == "1"
    reporter.close()
