"""Pages of what has finished."""

from animus_queue_default.model.entry import FRESH, Finished
from animus_queue_default.model.status import Outcome
from animus_queue_default.operations.handout import PAGE_BYTES
from animus_queue_default.operations.view import finished_page


def ended(number, subject):
    return Finished(
        seq=number,
        entry_id=f"e{number}",
        subject=subject,
        workflow_ref="standard",
        outcome=Outcome.COMPLETED,
        finished_at=0,
        finished_by="v2/completion",
        enqueued_at=0,
        standing=FRESH,
    )


def test_a_page_of_long_names_is_shorter_and_says_where_to_go_on():
    subject = "task:" + "x" * 100_000
    all_of_them = [ended(number, subject) for number in range(100)]
    offset, shown = 0, []
    while offset is not None:
        page = finished_page(all_of_them[offset:], offset=offset)
        assert sum(len(item.subject) for item in page.entries) <= PAGE_BYTES
        shown += page.entries
        offset = page.next_offset
    assert shown == all_of_them


def test_an_entry_that_fills_a_page_has_one_of_its_own():
    huge = ended(1, "task:" + "x" * PAGE_BYTES)
    page = finished_page([huge, ended(2, "task:A")])
    assert (page.entries, page.next_offset) == ([huge], 1)
