import pytest

from animus_subject_default.errors import InvalidSubjectError
from animus_subject_default.record import Change, NewSubject, SubjectChanges, SubjectQuery
from animus_subject_default.status import Status
from animus_subject_default.watch import MOST_WATCHES, Watches

TASKS = SubjectQuery(kinds=("task",))


@pytest.fixture
def change(store):
    store.create(NewSubject(kind="task", title="t"))
    before, after = store.update("task", "TASK-001", SubjectChanges(status=Status.DONE))
    return Change(before=before, after=after)


def test_watch_hears_of_a_subject_that_leaves_its_filter(change):
    watches = Watches()
    watches.open(1, TASKS._replace(statuses=(Status.READY,)))
    watches.open(2, TASKS._replace(statuses=(Status.DONE,)))
    watches.open(3, TASKS._replace(statuses=(Status.BLOCKED,)))
    watches.open(4, SubjectQuery(kinds=("requirement",)))
    assert watches.interested(change) == [1, 2]


def test_watch_is_closed_by_the_text_of_its_id(change):
    watches = Watches()
    watches.open(17, TASKS)
    assert watches.close("17")
    assert not watches.close("17")
    assert watches.interested(change) == []


def test_watches_are_bounded():
    watches = Watches()
    for number in range(MOST_WATCHES):
        watches.open(number, TASKS)
    with pytest.raises(InvalidSubjectError, match="64 watches"):
        watches.open("one more", TASKS)
