"""Explaining an entry, reading the history, moving a queue."""

import json

import pytest

from animus_queue_default.wire.desk import FLOOR_SETTING

WAIT_SECONDS = 60.0
LEASE = {"max": 1, "owner_id": "owner", "workflow_ids": ["w1"]}


def add(host, dispatch, name="A", **more):
    return host.call("queue/v2/enqueue", {"subject_dispatch": dispatch(name), **more})["entry_id"]


def why(host, entry_id):
    return host.call("queue/why", {"entry_id": entry_id})


def finish(host, name, dispatch, **more):
    entry_id = add(host, dispatch, name, **more)
    fence = host.call("queue/v2/lease", LEASE)["leased"][0]["execution"]
    host.call("queue/v2/completion", {"execution": fence, "status": "completed"})
    return entry_id


def test_why_explains_every_way_to_wait(host, dispatch):
    ready = add(host, dispatch, "ready")
    assert "ready" in why(host, ready)["explanation"]
    host.call("queue/hold", {"entry_id": ready, "reason": "look first"})
    held = why(host, ready)
    assert (held["status"], held["remedy"]) == ("held", "queue/release")
    assert "look first" in held["explanation"]
    assert [line["method"] for line in held["audit"]] == ["hold"]
    late = add(host, dispatch, "late", run_at="2099-01-01T00:00:00Z")
    assert "2099-01-01T00:00:00Z" in why(host, late)["explanation"]


def test_why_names_what_stands_in_the_way_and_what_frees_it(host, dispatch, clock):
    first = host.call("queue/enqueue", {"subject_dispatch": dispatch("A", "one")})["entry_id"]
    second = host.call("queue/enqueue", {"subject_dispatch": dispatch("A", "two")})["entry_id"]
    assert why(host, second)["conflicts_with"] == first
    host.call("queue/v2/lease", LEASE)
    blocked = why(host, second)
    assert (blocked["block_reason"], blocked["conflicts_with"]) == ("subject_generation_active", first)
    clock.move(3_600)
    assert why(host, second)["block_reason"] == "expired_lease_recovery_required"
    lapsed = why(host, first)
    assert "release_pending" in lapsed["remedy"]
    answer = host.call("queue/v2/release_pending", {"execution": lapsed["execution"], "reason": "its host is gone"})
    assert answer["outcome"] == "applied"


def test_why_knows_the_finished_and_the_missing(host, dispatch):
    entry_id = finish(host, "A", dispatch)
    assert why(host, entry_id)["status"] == "completed"
    assert why(host, "nobody")["status"] == "missing"


def test_looking_at_a_queue_that_does_not_exist_creates_nothing(host, tmp_path):
    assert host.call("queue/history", {})["entries"] == []
    assert host.call("queue/export", {})["entries"] == []
    assert why(host, "x")["status"] == "missing"
    assert not (tmp_path / "state").exists()


def test_history_shows_the_latest_first_in_pages_also_after_a_compaction(connect, dispatch, monkeypatch, tmp_path):
    monkeypatch.setenv(FLOOR_SETTING, "2048")
    host = connect()
    ids = [finish(host, f"T{number}", dispatch, idempotency_key=f"k{number}") for number in range(40)]
    for reader in (host, connect()):
        seen, offset = [], 0
        while offset is not None:
            page = reader.call("queue/history", {"limit": 7, "offset": offset})
            seen += page["entries"]
            offset = page.get("next_offset")
        assert [entry["entry_id"] for entry in seen] == ids[::-1]
        assert seen[0]["outcome"] == "completed"
        assert seen[0]["idempotency_keys"] == ["k39"]
        assert len(list((tmp_path / "state" / "queue").glob("history-*.log"))) > 0
        only = reader.call("queue/history", {"subject_id": "task:T3"})["entries"]
        assert [entry["entry_id"] for entry in only] == [ids[3]]


def test_an_exported_queue_is_imported_as_it_was(connect, dispatch, tmp_path):
    old, new = connect(), connect(state_dir=tmp_path / "other")
    finished = finish(old, "gone", dispatch)
    names = ["A", "B", "C", "D"]
    ids = [add(old, dispatch, name, idempotency_key=f"k{name}") for name in names]
    old.call("queue/hold", {"entry_id": ids[1], "reason": "wait"})
    old.call("queue/reorder", {"entry_ids": [ids[3]]})
    fence = old.call("queue/v2/lease", LEASE)["leased"][0]["execution"]
    offset, pages = 0, []
    while offset is not None:
        page = old.call("queue/export", {"limit": 2, "offset": offset})
        pages.append(page)
        offset = page.get("next_offset")
    assert len(pages) > 1
    total = sum(new.call("queue/import", json.loads(json.dumps(page)))["imported"] for page in pages)
    assert total == old.call("queue/stats")["total"]
    assert new.call("queue/list", {}) == old.call("queue/list", {})
    again = [skip for page in pages for skip in new.call("queue/import", page)["skipped"]]
    assert {skip["entry_id"] for skip in again} == {entry["entry_id"] for page in pages for entry in page["entries"]}
    assert finished not in {skip["entry_id"] for skip in again}
    replay = {"subject_dispatch": dispatch("B"), "idempotency_key": "kB"}
    assert new.call("queue/v2/enqueue", replay) == old.call("queue/v2/enqueue", replay)
    done = new.call("queue/v2/completion", {"execution": fence, "status": "completed"})
    assert done["outcome"] == "applied"
    generation = new.call("queue/v2/enqueue", {"subject_dispatch": dispatch("gone")})["subject"]["generation"]
    assert generation == 2


@pytest.mark.parametrize(
    "entry",
    [{"entry_id": "x", "run_at": "soon"}, {"entry_id": "x", "lease_generation": 2**70}],
)
def test_an_import_with_a_malformed_entry_imports_nothing(host, dispatch, rpc_error, entry):
    good = {"entry_id": "good", "dispatch": dispatch("A")}
    with pytest.raises(rpc_error, match=r"entries\[1\]") as caught:
        host.call("queue/import", {"entries": [good, {**entry, "dispatch": dispatch("B")}]})
    assert caught.value.code == -32602
    assert host.call("queue/stats")["total"] == 0


def test_an_import_of_what_is_no_entry_imports_nothing(host, dispatch, rpc_error):
    with pytest.raises(rpc_error, match=r"entries\[1\].*no id, no subject and no dispatch"):
        host.call("queue/import", {"entries": [{"entry_id": "good", "dispatch": dispatch("A")}, {"typo": 1}]})
    assert host.call("queue/stats")["total"] == 0


def test_an_import_does_not_give_a_subject_two_live_generations(host, dispatch):
    live = add(host, dispatch, "A")
    entry = {"entry_id": "twin", "dispatch": dispatch("A"), "subject_generation": 1}
    (skip,) = host.call("queue/import", {"entries": [entry]})["skipped"]
    assert skip["entry_id"] == "twin"
    assert live in skip["reason"]


def test_a_negative_offset_is_refused(host, rpc_error):
    for method in ("queue/history", "queue/export"):
        with pytest.raises(rpc_error, match="offset"):
            host.call(method, {"offset": -1})
