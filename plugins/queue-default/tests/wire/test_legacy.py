"""Taking over the reference queue's file."""

import json

import pytest

from animus_queue_default.clock import HandClock
from animus_queue_default.fault import CorruptFileError
from animus_queue_default.model.record import Added, Generations
from animus_queue_default.model.status import Condition, Status
from animus_queue_default.storage.files import Files
from animus_queue_default.storage.frame import MAGIC_LENGTH, read_frames
from animus_queue_default.wire.legacy import LegacyQueueFile


@pytest.fixture
def read(tmp_path):
    def take_over(content):
        path = tmp_path / "queue.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return LegacyQueueFile(path, Files()).records(HandClock().now())

    return take_over


def test_every_field_is_taken_over(read, dispatch):
    record, generations = read(
        {
            "format_version": 1,
            "subject_generations": {"task:A": 7},
            "entries": [
                {
                    "entry_id": "e1", "subject_id": "A", "task_id": "A", "dispatch": dispatch("A", priority="high"),
                    "status": "assigned", "workflow_id": "w1", "enqueued_at": "2026-01-01T00:00:00Z",
                    "assigned_at": "2026-01-01T00:00:01Z", "run_at": "2026-01-01T00:00:00Z", "expire_after_secs": 9,
                    "audit_log": [{"at": "2026-01-01T00:00:00Z", "method": "m", "reason": "r"}],
                    "subject_generation": 7, "workflow_generation": 1, "lease_owner": "o", "lease_generation": 3,
                    "lease_expires_at": "2026-01-01T00:02:00Z", "idempotency_key": "k", "request_hash": "h",
                    "extra_idempotency_keys": [{"key": "k2", "request_hash": "h"}],
                    "repository": {"repository": "a/b", "base_ref": "refs/heads/m", "head_ref": "refs/heads/w"},
                }
            ],
        }
    )  # fmt: skip
    assert isinstance(record, Added)
    entry = record.entry
    assert (entry.entry_id, entry.subject, entry.priority, entry.workflow_ref) == ("e1", "task:A", 1, "standard")
    assert entry.condition is Condition.FENCED
    assert (entry.standing.lease_generation, entry.standing.subject_generation) == (3, 7)
    assert [bound.key for bound in entry.keys] == ["k", "k2"]
    assert entry.audit[0].reason == "r"
    assert entry.repository is not None
    assert generations == Generations((("task:A", 7),))


def test_an_assigned_entry_without_an_expiry_gets_one(read, dispatch):
    (record,) = read([{"entry_id": "e", "dispatch": dispatch(), "status": "assigned"}])
    assert record.entry.standing.grant.has_expired(HandClock().now() + 1_801_000_000)


def test_an_unknown_status_is_kept_as_unknown(read, dispatch):
    (record,) = read([{"entry_id": "e", "dispatch": dispatch(), "status": "paused"}])
    assert record.entry.status is Status.UNKNOWN


def test_an_entry_without_a_dispatch_is_counted_but_not_shown(connect, tmp_path):
    path = tmp_path / "project" / ".animus" / "queue.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"entries": [{"entry_id": "e", "task_id": "A"}]}))
    host = connect()
    page = host.call("queue/list", {})
    assert (page["entries"], page["total"]) == ([], 1)
    assert host.call("queue/lease", {"max": 1})["leased"] == []
    blocked = host.call("queue/v2/lease", {"max": 1, "owner_id": "o", "workflow_ids": ["w"]})["blocked"]
    assert blocked == [{"entry_id": "e", "reason": "missing_execution_identity"}]
    assert host.call("queue/drop", {"entry_id": "e"})["changed"]


@pytest.mark.parametrize("content", ["", "  \n", "[]", '{"entries": []}'])
def test_an_empty_file_is_an_empty_queue(read, content):
    assert read(content) == []


@pytest.mark.parametrize("content", ["{", "[1]", '{"entries": 3}', '[{"held_at": "soon"}]', "\x00"])
def test_a_damaged_file_is_named_and_left_alone(read, tmp_path, content):
    with pytest.raises(CorruptFileError, match=r"queue\.json"):
        read(content)
    assert (tmp_path / "queue.json").read_text() == content


def test_a_damaged_file_stops_the_queue_before_it_writes(connect, tmp_path, rpc_error):
    path = tmp_path / "project" / ".animus" / "queue.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    host = connect()
    with pytest.raises(rpc_error, match=r"queue\.json"):
        host.call("queue/list", {})
    assert not list((tmp_path / "state" / "queue").glob("journal-*"))


def test_a_second_entry_of_an_id_gets_its_own(read, dispatch):
    twins = [{"entry_id": "e", "dispatch": dispatch("A")}, {"entry_id": "e", "dispatch": dispatch("B")}]
    first, second = read(twins)
    assert first.entry.entry_id == "e"
    assert second.entry.entry_id != "e"


def test_a_large_file_is_taken_over_in_frames_of_readable_length(open_store, tmp_path, dispatch):
    path = tmp_path / "queue.json"
    path.write_text(json.dumps([{"entry_id": f"e{n}", "dispatch": dispatch(f"T{n}")} for n in range(1_500)]))
    first = open_store(predecessor=LegacyQueueFile(path, Files()))
    first.begin(create=True)
    first.commit()
    first.close()
    lengths = []
    data = (tmp_path / "queue" / "journal-00000001.log").read_bytes()
    for payload, _ in read_frames(lambda length, start: data[start : start + length], MAGIC_LENGTH):
        lengths.append(len(payload))
    assert len(lengths) == 3
    again = open_store()
    again.begin()
    assert again.state.counts.total == 1_500


def ended(entry_id, outcome="completed", **entry):
    line = {"outcome": outcome, "finished_at": "2026-01-02T00:00:00Z", "finished_by": "queue/completion"}
    return json.dumps({**line, "entry": {"entry_id": entry_id, "subject_id": "task:A", "status": "assigned", **entry}})


def test_the_history_of_the_reference_queue_is_taken_over(connect, tmp_path, dispatch):
    path = tmp_path / "project" / ".animus" / "queue.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"entries": [{"entry_id": "live", "dispatch": dispatch("L")}]}))
    lines = [ended("e1", "failed"), ended("live"), ended("e2", idempotency_key="k2"), ended("e1", "cancelled")]
    path.with_name("queue-history.jsonl").write_text("\n".join([*lines, '{"outcome": "comp']))
    host = connect()
    shown = host.call("queue/history", {})["entries"]
    assert [(entry["entry_id"], entry["outcome"]) for entry in shown] == [("e1", "cancelled"), ("e2", "completed")]
    assert host.call("queue/stats")["total"] == 1
    again = host.call("queue/v2/enqueue", {"subject_dispatch": dispatch("A"), "idempotency_key": "k2"})
    assert (again["entry_id"], again["enqueued"]) == ("e2", False)


def test_a_damaged_history_is_named_by_line(connect, tmp_path, dispatch, rpc_error):
    path = tmp_path / "project" / ".animus" / "queue.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"entries": [{"entry_id": "live", "dispatch": dispatch("L")}]}))
    path.with_name("queue-history.jsonl").write_text("\n".join(['{"outcome": "gone"}', ended("e1")]))
    with pytest.raises(rpc_error, match="line 1"):
        connect().call("queue/list", {})


def test_a_start_that_cannot_be_read_is_due_now_as_in_the_oldest_queue(read, dispatch):
    first, second = read([{"dispatch": dispatch(), "run_at": text} for text in ("tomorrow", "2030-01-01T00:00:00Z")])
    assert (first.entry.run_at, first.entry.run_at_text) == (None, None)
    assert second.entry.run_at_text == "2030-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "odd",
    [
        {"subject_generation": -1},
        {"subject_generation": 2**63},
        {"workflow_generation": -1},
        {"lease_generation": 2**64},
        {"expire_after_secs": -1},
        {"expire_after_secs": 2**64},
        {"enqueued_at": "0001-01-01T00:00:00+14:00"},
        {"held_at": "yesterday"},
    ],
)
def test_an_entry_that_could_not_be_served_is_named(read, dispatch, odd):
    with pytest.raises(CorruptFileError, match=r"entries\[1\]"):
        read([{"dispatch": dispatch()}, {"dispatch": dispatch("B"), **odd}])


@pytest.mark.parametrize("count", [-1, 2**63])
def test_generations_out_of_range_are_refused(read, count):
    with pytest.raises(CorruptFileError, match="subject_generations"):
        read({"entries": [], "subject_generations": {"task:A": count}})


def test_a_subject_of_very_many_generations_goes_on(connect, dispatch, tmp_path):
    path = tmp_path / "project" / ".animus" / "queue.json"
    path.parent.mkdir(parents=True)
    many = 2**40
    path.write_text(json.dumps({"entries": [], "subject_generations": {"task:A": many}}))
    asked = {"subject_dispatch": dispatch("A")}
    first = connect().call("queue/v2/enqueue", asked)
    assert first["subject"] == {"qualified_id": "task:A", "generation": many + 1}
    assert connect().call("queue/v2/enqueue", asked)["entry_id"] == first["entry_id"]


def test_a_key_is_bound_to_the_entry_it_came_with(connect, dispatch, tmp_path, rpc_error):
    path = tmp_path / "project" / ".animus" / "queue.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps([{"entry_id": "e", "dispatch": dispatch("A"), "idempotency_key": "k"}]))
    host = connect()
    again = {"subject_dispatch": dispatch("A", requested_at="2027-01-01T00:00:00Z"), "idempotency_key": "k"}
    assert host.call("queue/v2/enqueue", again)["entry_id"] == "e"
    with pytest.raises(rpc_error, match="already bound"):
        host.call("queue/v2/enqueue", {"subject_dispatch": dispatch("A", "other"), "idempotency_key": "k"})


_LINE = {
    "outcome": "completed", "finished_at": "2026-01-01T00:00:00Z", "finished_by": "v2/completion",
    "entry": {"entry_id": "h", "subject_id": "task:A", "status": "assigned", "idempotency_key": "k"},
}  # fmt: skip


@pytest.mark.parametrize("content", [None, " \n", "[]"])
def test_the_history_is_taken_over_without_a_live_entry_too(tmp_path, content):
    path = tmp_path / "queue.json"
    if content is not None:
        path.write_text(content)
    path.with_name("queue-history.jsonl").write_text(json.dumps(_LINE) + "\n")
    predecessor = LegacyQueueFile(path, Files())
    assert predecessor.exists()
    (finished,) = predecessor.records(HandClock().now())
    assert [bound.key for bound in finished.keys] == ["k"]


def test_what_crashes_left_of_lines_is_passed_over_wherever_it_stands(tmp_path):
    line = json.dumps(_LINE)
    path = tmp_path / "queue.json"
    path.with_name("queue-history.jsonl").write_text(f"{line[:30]}\n{line}\n{line[:90]}\n\n{line[:5]}")
    assert len(LegacyQueueFile(path, Files()).records(HandClock().now())) == 1


def test_what_cannot_be_read_at_all_is_named_and_serves_again_when_it_is_gone(connect, tmp_path, dispatch, rpc_error):
    path = tmp_path / "project" / ".animus" / "queue.json"
    path.mkdir(parents=True)
    host = connect()
    for method, params in (("queue/stats", None), ("queue/enqueue", {"subject_dispatch": dispatch()})):
        with pytest.raises(rpc_error, match=r"cannot open the queue.*queue\.json"):
            host.call(method, params)
        health = host.call("health/check")
        assert health["status"] == "unhealthy"
        assert "queue.json" in health["last_error"]
    path.rmdir()
    assert host.call("queue/enqueue", {"subject_dispatch": dispatch()})["enqueued"]
    assert host.call("health/check")["status"] == "healthy"


def test_a_project_whose_animus_is_no_folder_has_nothing_to_take_over(connect, tmp_path):
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / ".animus").write_text("mine")
    assert connect().call("queue/stats")["total"] == 0
