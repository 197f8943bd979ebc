"""The order of the queue agrees with a sorted list, wherever its entries stand."""

from itertools import chain

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from animus_queue_default.clock import HandClock
from animus_queue_default.model.lease import LeaseTerms
from animus_queue_default.model.request import Request
from animus_queue_default.operations.unfenced import Queue
from animus_queue_default.operations.view import list_entries

ACTS = st.lists(
    st.tuples(st.sampled_from(["add", "add", "add", "twin", "hold", "drop", "reorder"]), st.integers(0, 999)),
    max_size=60,
)


def play(ledger, acts):
    """Do the acts; the ids by class in the order they should stand."""
    queue = Queue(ledger, HandClock(), LeaseTerms())
    classes = ([], [], [], [])
    live = {}
    for turn, (act, number) in enumerate(acts):
        picked = list(live)[number % len(live)] if live else None
        if act in {"add", "twin"}:
            subject = f"task:{turn if act == 'add' else number % 3}"
            request = Request(
                subject=subject, subject_key=subject, workflow_ref=f"w{turn}", dispatch=b"{}", priority=number % 4
            )
            entry_id = queue.enqueue(request).entry_id
            live[entry_id] = number % 4
            classes[number % 4].append(entry_id)
        elif picked is not None and act == "hold":
            queue.hold(picked)
        elif picked is not None and act == "drop":
            queue.drop(picked)
            classes[live.pop(picked)].remove(picked)
        elif picked is not None:
            wanted = [picked, list(live)[(number * 7) % len(live)]]
            before = [list(ids) for ids in classes]
            for entry_id in reversed(list(dict.fromkeys(wanted))):
                classes[live[entry_id]].remove(entry_id)
                classes[live[entry_id]].insert(0, entry_id)
            places = zip(chain.from_iterable(before), chain.from_iterable(classes), strict=True)
            assert queue.reorder(wanted) == sum(old != new for old, new in places)
    return [entry_id for ids in classes for entry_id in ids]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS, skip=st.integers(0, 20))
def test_the_order_is_that_of_a_sorted_list_from_any_place_on(memory_ledger, acts, skip):
    ledger = memory_ledger()
    expected = play(ledger, acts)
    assert [entry.entry_id for entry in ledger.state.order.walk(skip)] == expected[skip:]


@pytest.fixture
def many(ledger):
    """Three thousand entries that wait, on several pages, and a few between them that do not."""
    queue = Queue(ledger, HandClock(), LeaseTerms())
    ids = []
    for number in range(3_000):
        request = Request(
            subject=f"task:{number}", subject_key="", workflow_ref="w", dispatch=b"{}", priority=number % 2 + 1
        )
        ids.append(queue.enqueue(request).entry_id)
    for number in (3, 4, 1_500, 2_998):
        queue.hold(ids[number])
    return [*ids[0::2], *ids[1::2]]


@pytest.mark.parametrize("offset", [0, 1, 1_023, 1_024, 1_499, 1_500, 2_000, 2_999, 3_000, 5_000])
def test_a_page_begins_where_it_is_asked_to(many, ledger, offset):
    page = list_entries(ledger, HandClock(), limit=50, offset=offset)
    assert [entry.entry_id for entry in page.entries] == many[offset : offset + 50]
    assert page.total == 3_000


def test_only_entries_that_wait_are_listed_when_only_those_are_asked_for(many, ledger):
    page = list_entries(ledger, HandClock(), statuses=["pending"], limit=2_000, offset=1)
    held = {entry.entry_id for entry in list_entries(ledger, HandClock(), statuses=["held"]).entries}
    assert len(held) == 4
    assert [entry.entry_id for entry in page.entries] == [name for name in many if name not in held][1:2_001]


def test_a_deep_page_reads_no_more_than_it_shows(many, ledger, monkeypatch):
    looked = []
    look = ledger.state.order._look
    monkeypatch.setattr(ledger.state.order, "_look", lambda seq: looked.append(seq) or look(seq))
    list_entries(ledger, HandClock(), limit=10, offset=2_900)
    assert len(looked) <= 10
