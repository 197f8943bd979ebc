"""The indexes of the state stay true and stay small."""

import pytest

from animus_queue_default.fault import InvalidRequestError
from animus_queue_default.model.request import LONGEST_EXPIRY
from animus_queue_default.operations.handout import PAGE_BYTES


def test_of_two_waiting_twins_the_other_is_found_when_one_goes(queue, ask):
    first = queue.enqueue(ask()).entry_id
    queue.lease(1)
    second = queue.enqueue(ask()).entry_id
    queue.return_to_pending(first, "gone")
    queue.hold(second)
    assert queue.enqueue(ask()).entry_id == first
    queue.release(second)
    queue.drop(first)
    assert queue.enqueue(ask()).entry_id == second


def test_the_first_of_twins_stands_for_both_after_a_reload_too(queue, ledger, memory_ledger, ask):
    first = queue.enqueue(ask()).entry_id
    queue.hold(first)
    second = queue.enqueue(ask()).entry_id
    queue.release(first)
    again = memory_ledger()
    for record in ledger.records:
        again.emit(record)
    assert ledger.state.standings.twins == again.state.standings.twins
    assert queue.enqueue(ask()).entry_id in {first, second}


def test_entries_that_come_and_go_unleased_leave_nothing_in_the_indexes(queue, ledger, ask, clock):
    queue.enqueue(ask("task:front", priority=0))
    later = clock.now() + 10**12
    for number in range(5_000):
        entry_id = queue.enqueue(ask(f"task:{number}")).entry_id
        queue.drop(entry_id)
        entry_id = queue.enqueue(ask("task:timed", run_at=later, expire_after_secs=9)).entry_id
        queue.drop(entry_id)
    assert ledger.state.readiness.size < 5_000


def test_renewals_leave_nothing_in_the_indexes(fenced, ledger, ask, clock):
    fenced.enqueue(ask())
    (entry,) = fenced.lease(1, "owner", ["w"]).leased
    from animus_queue_default.model.lease import fence_of

    for _ in range(5_000):
        clock.move(0.001)
        fenced.renew(fence_of(entry))
    assert len(ledger.state.readiness._lapsing) < 2_100


def test_an_entry_that_keeps_its_run_does_not_share_its_id(fenced, ask):
    fenced.enqueue(ask("task:A"))
    fenced.enqueue(ask("task:B"))
    (entry,) = fenced.lease(1, "owner", ["w1"]).leased
    from animus_queue_default.model.lease import fence_of

    fenced.return_to_pending(fence_of(entry), "no slot")
    leased = fenced.lease(2, "owner", ["w1", "w2"]).leased
    assert [item.standing.workflow_id for item in leased] == ["w1", "w2"]


@pytest.mark.parametrize("generation", ["queue", "fenced"])
def test_an_entry_that_no_reply_could_carry_is_refused(generation, request, ledger, ask):
    serve = request.getfixturevalue(generation)
    for huge in ({"dispatch": b"x" * (PAGE_BYTES + 1)}, {"subject": "task:" + "x" * PAGE_BYTES}):
        with pytest.raises(InvalidRequestError, match="bytes"):
            serve.enqueue(ask(**huge))
    assert ledger.records == []


@pytest.mark.parametrize("generation", ["queue", "fenced"])
def test_the_longest_expiry_is_kept_and_means_never(generation, request, ledger, ask):
    serve = request.getfixturevalue(generation)
    receipt = serve.enqueue(ask(expire_after_secs=LONGEST_EXPIRY))
    assert receipt.enqueued
    (entry,) = ledger.state.order.walk()
    assert entry.expires_at is None
    assert entry.expire_after_secs == LONGEST_EXPIRY
