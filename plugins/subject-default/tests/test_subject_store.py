import datetime

import pytest

from animus_subject_default.errors import InvalidSubjectError, SubjectNotFoundError
from animus_subject_default.record import KINDS, NewSubject, SubjectChanges, SubjectQuery
from animus_subject_default.row import COMMENTS_SHOWN
from animus_subject_default.status import Status
from animus_subject_default.subject_store import PAGE_BYTES, SubjectStore

ALL = SubjectQuery(kinds=tuple(KINDS))


def make(store, title="a task", kind="task", **more):
    return store.create(NewSubject(kind=kind, title=title, **more))


def ids(page):
    return [record.native_id for record in page.records]


def test_ids_count_up_per_kind(store):
    made = [make(store).native_id, make(store, kind="requirement").native_id, make(store).native_id]
    assert made == ["TASK-001", "REQ-001", "TASK-002"]


def test_ids_grow_beyond_three_digits(store):
    store._connection.execute("INSERT INTO subject_counter VALUES ('task', 999)")
    assert make(store).native_id == "TASK-1000"


def test_id_of_a_deleted_subject_is_not_given_again(store):
    make(store)
    store.delete("task", make(store).native_id)
    assert make(store).native_id == "TASK-003"


def test_created_subject_is_there_for_the_next_process(store, database, clock):
    made = make(store, "Fix the parser", description="It loses a line.", priority=1, labels=("bug",), custom={"n": 1})
    again = SubjectStore(database, clock=clock)
    try:
        assert again.get("task", "TASK-001") == made
    finally:
        again.close()


def test_new_subject_is_ready_and_stamped_by_the_clock(store, clock):
    made = make(store)
    assert (made.status, made.created_at, made.updated_at) == (Status.READY, clock.now, clock.now)


def test_unknown_kind_is_refused_naming_the_kinds(store):
    with pytest.raises(InvalidSubjectError, match="'incident' is not kept here; the kinds are task, requirement"):
        make(store, kind="incident")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"title": "  "}, "blank"),
        ({"title": "x" * 1001}, "the title has 1001 characters"),
        ({"description": "x" * (512 * 1024 + 1)}, "the description has"),
        ({"priority": 5}, "priority 5 is out of range"),
        ({"priority": -1}, "priority -1 is out of range"),
        ({"title": "a\0b"}, "the title holds a NUL"),
        ({"labels": ("a\0b",)}, "the label holds a NUL"),
        ({"assignee": "a\0b"}, "the assignee holds a NUL"),
        ({"labels": ("a", " ")}, "a label is blank"),
        ({"labels": tuple(map(str, range(101)))}, "101 labels"),
        ({"assignee": ""}, "the assignee is blank"),
        ({"custom": {"k": "x" * (256 * 1024)}}, "the custom has"),
    ],
)
def test_value_out_of_bounds_is_refused_and_takes_no_id(store, wrong, message):
    with pytest.raises(InvalidSubjectError, match=message):
        make(store, **wrong)
    assert make(store).native_id == "TASK-001"


def test_missing_subject_is_named(store):
    with pytest.raises(SubjectNotFoundError, match="no task 'TASK-404'"):
        store.get("task", "TASK-404")


def test_update_changes_only_what_is_said(store, clock):
    made = make(store, assignee="ada", labels=("a", "b"), custom={"x": 1, "y": 2})
    clock.move(60)
    before, after = store.update(
        "task",
        "TASK-001",
        SubjectChanges(labels_add=("c", "a"), labels_remove=("b",), custom={"x": None, "z": [3]}),
    )
    assert before == made
    assert after.labels == ("a", "c")
    assert after.custom == {"y": 2, "z": [3]}
    assert (after.assignee, after.status, after.created_at) == ("ada", Status.READY, made.created_at)
    assert after.updated_at == made.updated_at + datetime.timedelta(seconds=60)


def test_assignee_is_kept_set_or_cleared(store):
    make(store, assignee="ada")
    assert store.update("task", "TASK-001", SubjectChanges())[1].assignee == "ada"
    assert store.update("task", "TASK-001", SubjectChanges(assignee="bob"))[1].assignee == "bob"
    assert store.update("task", "TASK-001", SubjectChanges(assignee=None))[1].assignee is None


def test_patch_that_changes_nothing_leaves_the_time_alone(store, clock):
    made = make(store, labels=("a",))
    clock.move(60)
    before, after = store.update("task", "TASK-001", SubjectChanges(status=Status.READY, labels_add=("a",)))
    assert before == after == made


def test_refused_update_changes_nothing(store):
    make(store, status=Status.CANCELLED)
    with pytest.raises(InvalidSubjectError, match="may become done, ready"):
        store.update("task", "TASK-001", SubjectChanges(status=Status.BLOCKED, labels_add=("x",)))
    assert store.get("task", "TASK-001").labels == ()
    make(store)


def test_comments_are_kept_and_the_newest_are_shown_oldest_first(store, clock):
    make(store)
    for number in range(COMMENTS_SHOWN + 3):
        clock.move(1)
        store.update("task", "TASK-001", SubjectChanges(comment=f"note {number}"))
    shown = store.get("task", "TASK-001").comments
    assert [comment.text for comment in shown] == [f"note {number}" for number in range(3, COMMENTS_SHOWN + 3)]
    assert shown[-1].at == clock.now


def test_deleted_subject_takes_its_comments_along(store):
    make(store)
    store.update("task", "TASK-001", SubjectChanges(comment="a note"))
    store.delete("task", "TASK-001")
    assert store._connection.execute("SELECT count(*) FROM subject_comment").fetchone()[0] == 0
    with pytest.raises(SubjectNotFoundError):
        store.get("task", "TASK-001")


def test_pages_go_through_all_subjects_once(store):
    for number in range(7):
        make(store, kind="task" if number % 2 else "requirement")
    seen, cursor = [], None
    while True:
        page = store.page(ALL, cursor=cursor, limit=3)
        seen += ids(page)
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == ["REQ-001", "TASK-001", "REQ-002", "TASK-002", "REQ-003", "TASK-003", "REQ-004"]


def test_page_is_stable_while_subjects_come_and_go(store):
    for _ in range(4):
        make(store)
    first = store.page(ALL, limit=2)
    store.delete("task", "TASK-001")
    make(store)
    assert ids(store.page(ALL, cursor=first.next_cursor, limit=10)) == ["TASK-003", "TASK-004", "TASK-005"]


def test_page_holds_fifty_unless_asked_and_all_for_zero(store):
    for _ in range(60):
        make(store)
    assert len(store.page(ALL).records) == 50
    assert len(store.page(ALL, limit=0).records) == 60
    assert store.page(ALL, limit=60).next_cursor is None


def test_page_ends_early_when_its_subjects_are_large(store):
    for _ in range(6):
        make(store, description="x" * (500 * 1024))
    page = store.page(ALL)
    assert sum(len(record.description) for record in page.records) <= PAGE_BYTES
    assert ids(store.page(ALL, cursor=page.next_cursor)) == ["TASK-005", "TASK-006"]


@pytest.mark.parametrize("cursor", ["", "after:", "after:x", "after:-1", "7", "after:" + "9" * 30, "after:\u0663"])
def test_foreign_cursor_is_refused(store, cursor):
    with pytest.raises(InvalidSubjectError, match="cursor"):
        store.page(ALL, cursor=cursor)


def test_negative_limit_is_refused(store):
    with pytest.raises(InvalidSubjectError, match="limit -1"):
        store.page(ALL, limit=-1)


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, ["TASK-001", "TASK-002", "REQ-001"]),
        ({"kinds": ("requirement",)}, ["REQ-001"]),
        ({"statuses": (Status.DONE, Status.BLOCKED)}, ["TASK-002", "REQ-001"]),
        ({"assignees": ("ada",)}, ["TASK-001"]),
        ({"labels_any": ("ui", "db")}, ["TASK-001", "TASK-002"]),
        ({"labels_all": ("ui", "urgent")}, ["TASK-001"]),
        ({"labels_all": ("ui",), "statuses": (Status.READY,)}, ["TASK-001"]),
        ({"updated_since": datetime.datetime(2026, 3, 1, 13, 0, tzinfo=datetime.timezone(datetime.timedelta(hours=1)))},
         ["TASK-001", "TASK-002", "REQ-001"]),
        ({"updated_since": datetime.datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=datetime.UTC)}, ["TASK-002", "REQ-001"]),
        ({"labels_any": ("nobody",)}, []),
    ],
)  # fmt: skip
def test_filters_and_watches_ask_the_same_question(store, clock, conditions, expected):
    make(store, assignee="ada", labels=("ui", "urgent"))
    clock.move(1)
    make(store, labels=("db",), status=Status.DONE)
    make(store, kind="requirement", status=Status.BLOCKED)
    query = ALL._replace(**conditions)
    assert ids(store.page(query)) == expected
    assert [record.native_id for record in store.page(ALL).records if query.matches(record)] == expected


def test_next_is_the_most_urgent_ready_subject_and_the_oldest_among_equals(store):
    make(store, "late", priority=3)
    make(store, "no priority")
    make(store, "middle", priority=2)
    make(store, "busy", priority=0, status=Status.IN_PROGRESS)
    make(store, "first", priority=1)
    order = []
    while (record := store.next_ready(("task",))) is not None:
        order.append(record.title)
        store.update("task", record.native_id, SubjectChanges(status=Status.DONE))
    assert order == ["first", "no priority", "middle", "late"]


def test_next_looks_only_at_the_kinds_asked_for(store):
    make(store, kind="requirement")
    assert store.next_ready(("task",)) is None
    assert store.next_ready(("task", "requirement")).native_id == "REQ-001"


def test_text_with_quotes_and_sql_is_only_text(store):
    hostile = "'; DROP TABLE subject_record; -- \U0001f600"
    make(store, hostile, labels=(hostile,), assignee=hostile, custom={hostile: hostile})
    found = store.page(ALL._replace(labels_any=(hostile.strip(),), assignees=(hostile,))).records[0]
    assert (found.title, found.custom) == (hostile, {hostile: hostile})
