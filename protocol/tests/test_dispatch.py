"""Subjects: the canonical id, the old key, priorities, collisions."""

import msgspec
import pytest

from animus_plugin_protocol.wire.dispatch import (
    RepositoryReservation,
    SubjectRef,
    canonical_kind,
    priority_word,
    qualified_id,
    subject_key,
)


@pytest.mark.parametrize(
    ("kind", "subject_id", "expected"),
    [
        ("task", "TASK-1", "task:TASK-1"),
        ("animus.task", "TASK-1", "task:TASK-1"),
        ("animus.task", "task:TASK-1", "task:TASK-1"),
        ("task", "Task:TASK-1", "task:TASK-1"),
        (" task ", " TASK-1 ", "task:TASK-1"),
        ("acme.ticket", "7", "acme.ticket:7"),
        ("custom", "Tidy up: now", "custom:Tidy up: now"),
    ],
)
def test_a_qualified_id_has_the_short_kind_once(kind, subject_id, expected):
    assert qualified_id(kind, subject_id) == expected


@pytest.mark.parametrize(
    ("kind", "subject_id"), [("", "1"), ("task", ""), ("task", "task:"), ("animus.", "1"), (" ", " ")]
)
def test_an_id_that_names_nothing_is_refused(kind, subject_id):
    with pytest.raises(ValueError, match="needs a kind and an id"):
        qualified_id(kind, subject_id)


def test_only_the_first_party_prefix_is_dropped_from_a_kind():
    assert [canonical_kind(kind) for kind in ("animus.task", "task", "acme.animus.task")] == [
        "task",
        "task",
        "acme.animus.task",
    ]


def test_the_old_key_is_bare_for_built_in_kinds_only():
    assert subject_key(SubjectRef(kind="animus.task", id="1")) == "1"
    assert subject_key(SubjectRef(kind="Task", id="1")) == "1"
    assert subject_key(SubjectRef(kind="ticket", id="1")) == "ticket::1"


def test_priorities_map_to_four_words():
    assert [priority_word(level) for level in (None, 0, 1, 2, 3, 4, 9)] == [
        None,
        "critical",
        "high",
        "medium",
        "low",
        "low",
        "low",
    ]


def test_reservations_collide_by_repository_and_head():
    first = RepositoryReservation(repository=" Git@X ", base_ref="refs/heads/a", head_ref="refs/heads/b")
    second = msgspec.structs.replace(first, repository="git@x", base_ref="refs/heads/c")
    assert first.collision_key == second.collision_key
    assert first.collision_key != msgspec.structs.replace(first, head_ref="refs/heads/z").collision_key


def test_a_reference_built_in_python_is_checked_too():
    with pytest.raises(ValueError, match="needs a kind"):
        SubjectRef(kind="", id="1")
