"""Order, deduplication, leases of the first generation."""

import pytest

from animus_queue_default.clock import MICROSECONDS
from animus_queue_default.fault import InvalidRequestError
from animus_queue_default.model.entry import Priority
from animus_queue_default.model.status import Outcome
from animus_queue_default.operations.unfenced import checked_outcome
from animus_queue_default.operations.view import list_entries, totals


def ids(entries):
    return [entry.entry_id for entry in entries]


def test_priority_goes_before_position(queue, ask):
    order = [Priority.LOW, Priority.MEDIUM, Priority.CRITICAL, Priority.HIGH, Priority.CRITICAL]
    got = [queue.enqueue(ask(f"task:{n}", priority=int(p))).entry_id for n, p in enumerate(order)]
    assert ids(queue.lease(5)) == [got[2], got[4], got[3], got[1], got[0]]


@pytest.mark.parametrize("word", [None, "", "medium", "Medium ", "urgent?"])
def test_no_priority_and_unknown_words_are_medium(word):
    assert Priority.from_word(word) is Priority.MEDIUM


def test_reorder_moves_within_the_priority_class(queue, ask, ledger, clock):
    high = queue.enqueue(ask("task:H", priority=1)).entry_id
    a, b, c = (queue.enqueue(ask(f"task:{name}")).entry_id for name in "ABC")
    assert queue.reorder([c]) == 3
    assert queue.reorder([b, c]) == 3
    assert ids(list_entries(ledger, clock).entries) == [high, b, c, a]
    assert ids(queue.lease(4)) == [high, b, c, a]


def test_enqueue_twice_for_one_subject_and_workflow_is_one_entry_while_it_waits(queue, ask):
    first = queue.enqueue(ask())
    assert queue.enqueue(ask()).entry_id == first.entry_id
    queue.lease(1)
    second = queue.enqueue(ask())
    assert second.enqueued
    assert second.warning is not None
    queue.return_to_pending(first.entry_id, "gone")
    assert queue.enqueue(ask()).entry_id in {first.entry_id, second.entry_id}


def test_a_deferred_enqueue_always_makes_an_entry(queue, ask, clock):
    later = {"run_at": clock.now() + MICROSECONDS, "run_at_text": "later"}
    assert queue.enqueue(ask(**later)).enqueued
    assert queue.enqueue(ask(**later)).enqueued
    assert queue.enqueue(ask()).enqueued


def test_an_expiry_too_large_to_write_means_never(queue, ask, clock):
    queue.enqueue(ask(run_at=clock.now(), run_at_text="x", expire_after_secs=2**64 - 1))
    clock.move(10**9)
    assert len(queue.lease(1)) == 1


def test_a_lapsed_unfenced_lease_is_handed_out_again_with_its_run(queue, ask, clock):
    queue.enqueue(ask())
    first = queue.lease(1, ["w1"])[0].standing
    clock.move(1_801)
    again = queue.lease(1, ["w2"])[0].standing
    assert again.workflow_id == "w1"
    assert again.lease_generation == first.lease_generation + 1
    assert queue.lease(1) == []


def test_a_lapsed_unfenced_lease_of_an_excluded_subject_stays(queue, ask, clock):
    queue.enqueue(ask())
    queue.lease(1)
    clock.move(1_801)
    assert queue.lease(1, None, {"task:A"}) == []


def test_a_lease_costs_the_same_however_many_entries_of_a_subject_wait(queue, ask, ledger):
    for number in range(300):
        queue.enqueue(ask("task:busy", f"ref-{number}"))
    queue.enqueue(ask("task:free"))
    looked_at = []
    candidates = ledger.state.readiness.candidates

    def counted():
        for entry in candidates():
            looked_at.append(entry)
            yield entry

    ledger.state.readiness.candidates = counted
    assert [entry.subject for entry in queue.lease(5, None, {"task:busy"})] == ["task:free"]
    assert len(looked_at) == 2


def test_a_drop_of_the_first_in_a_lane_exposes_the_next(queue, ask):
    first, second = (queue.enqueue(ask(workflow_ref=ref)).entry_id for ref in ("one", "two"))
    queue.drop(first)
    assert ids(queue.lease(2)) == [second]


def test_clock_going_backwards_defers_again(queue, ask, clock, ledger):
    queue.enqueue(ask(run_at=clock.now() + 60 * MICROSECONDS, run_at_text="x"))
    clock.move(61)
    assert totals(ledger, clock).deferred == 0
    clock.move(-30)
    assert totals(ledger, clock).deferred == 1
    assert queue.lease(1) == []
    clock.move(30)
    assert len(queue.lease(1)) == 1


def test_a_negative_lease_is_refused(queue):
    with pytest.raises(InvalidRequestError, match="max is -1"):
        queue.lease(-1)


def test_nobody_reports_an_entry_dropped():
    with pytest.raises(InvalidRequestError, match="'dropped'"):
        checked_outcome(Outcome.DROPPED.value)


def test_mark_assigned_hands_out_one_entry_by_name(queue, ask, ledger):
    entry_id = queue.enqueue(ask()).entry_id
    assert queue.mark_assigned(entry_id, "w9").changed
    assert not queue.mark_assigned(entry_id, "w8").changed
    assert ledger.state.find(entry_id).standing.workflow_id == "w9"


def test_a_page_ends_before_the_reply_grows_too_large(queue, ask, ledger, clock):
    for number in range(12):
        queue.enqueue(ask(f"task:{number}", dispatch=b"x" * 1_000_000))
    page = list_entries(ledger, clock)
    assert len(page.entries) == 4
    assert page.total == 12
    assert len(list_entries(ledger, clock, offset=8).entries) == 4
