"""What a host can rely on, told over the wire."""

import datetime
import json
import threading

import pytest

from animus_queue_default.clock import SystemClock

STATE = "state/queue/journal-00000001.log"


def enqueue(host, dispatch, *subjects, **more):
    return [host.call("queue/enqueue", {"subject_dispatch": dispatch(name), **more})["entry_id"] for name in subjects]


def lease(host, count, **more):
    leased = host.call("queue/lease", {"max": count, **more})["leased"]
    return [entry["entry_id"] for entry in leased]


def v2_enqueue(host, dispatch, subject, key=None, **more):
    params = {"subject_dispatch": dispatch(subject), **more}
    if key is not None:
        params["idempotency_key"] = key
    return host.call("queue/v2/enqueue", params)


def v2_lease(host, count, owner="owner1", prefix="w", **more):
    ids = [f"{prefix}{number}" for number in range(1, count + 1)]
    return host.call("queue/v2/lease", {"max": count, "owner_id": owner, "workflow_ids": ids, **more})


def at(clock, seconds):
    moment = datetime.datetime.fromtimestamp(clock.now() / 1e6 + seconds, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def refusal(rpc_error, host, method, params):
    with pytest.raises(rpc_error) as caught:
        host.call(method, params)
    return caught.value


def test_lease_hands_out_in_the_order_of_enqueue(host, dispatch):
    a, b, c = enqueue(host, dispatch, "A", "B", "C")
    leased = host.call("queue/lease", {"max": 2})["leased"]
    assert [(entry["entry_id"], entry["status"]) for entry in leased] == [(a, "assigned"), (b, "assigned")]
    rest = host.call("queue/list", {"status": ["pending"]})["entries"]
    assert [entry["entry_id"] for entry in rest] == [c]


def test_lease_gives_the_ith_entry_the_ith_workflow_id(host, dispatch):
    enqueue(host, dispatch, "A")
    leased = host.call("queue/lease", {"max": 2, "workflow_ids": ["w1", "w2"]})["leased"]
    assert [entry["workflow_id"] for entry in leased] == ["w1"]
    enqueue(host, dispatch, "B", "C")
    leased = host.call("queue/lease", {"max": 2, "workflow_ids": ["w3", "w4"]})["leased"]
    assert [entry["workflow_id"] for entry in leased] == ["w3", "w4"]


def test_lease_with_too_few_workflow_ids_is_refused_and_writes_nothing(host, dispatch, tmp_path, rpc_error):
    enqueue(host, dispatch, "A")
    before = (tmp_path / STATE).read_bytes()
    error = refusal(rpc_error, host, "queue/lease", {"max": 3, "workflow_ids": ["w1", "w2"]})
    assert error.code == -32206
    assert error.data == {"expected": 3, "actual": 2}
    assert (tmp_path / STATE).read_bytes() == before


def test_lease_of_nothing_assigns_nothing(host, dispatch):
    enqueue(host, dispatch, "A")
    assert lease(host, 0) == []
    assert host.call("queue/stats")["assigned"] == 0


def test_lease_skips_held_entries_and_release_restores_their_place(host, dispatch):
    a, b = enqueue(host, dispatch, "A", "B")
    host.call("queue/hold", {"entry_id": a, "reason": "wait for review"})
    assert host.call("queue/list", {})["entries"][0]["hold_reason"] == "wait for review"
    assert lease(host, 1) == [b]
    host.call("queue/release", {"entry_id": a})
    (c,) = enqueue(host, dispatch, "C")
    assert lease(host, 2) == [a, c]


@pytest.mark.parametrize("name", ["A", "task:A"])
def test_lease_leaves_excluded_subjects_alone(host, dispatch, name):
    a, b = enqueue(host, dispatch, "A", "B")
    assert lease(host, 2, exclude_subjects=[name]) == [b]
    assert lease(host, 2) == [a]


def test_lease_hands_out_one_entry_a_subject_and_call(host, dispatch):
    first = host.call("queue/enqueue", {"subject_dispatch": dispatch("A", "one")})["entry_id"]
    second = host.call("queue/enqueue", {"subject_dispatch": dispatch("A", "two")})
    assert second["warning"] == "subject task:A already has 1 queued entry; duplicate enqueued"
    assert lease(host, 2, exclude_subjects=[]) == [first]
    assert host.call("queue/stats")["pending"] == 1
    assert lease(host, 2) == [second["entry_id"]]


def test_a_deferred_entry_waits_for_its_run_at(host, dispatch, clock):
    run_at = at(clock, 3600)
    (a,) = enqueue(host, dispatch, "A", run_at=run_at)
    assert lease(host, 1) == []
    stats = host.call("queue/stats")
    assert (stats["deferred"], stats["pending"]) == (1, 1)
    assert host.call("queue/next_deadline")["next_run_at"] == run_at
    clock.move(3601)
    assert host.call("queue/stats")["deferred"] == 0
    assert "next_run_at" not in host.call("queue/next_deadline")
    assert lease(host, 1) == [a]


def test_an_expired_entry_is_swept_and_a_held_twin_is_not(host, dispatch, clock):
    timing = {"run_at": at(clock, -10), "expire_after_secs": 5}
    _, held = enqueue(host, dispatch, "A", "B", **{**timing, "expire_after_secs": 60})
    host.call("queue/hold", {"entry_id": held})
    clock.move(120)
    assert lease(host, 2) == []
    assert [entry["entry_id"] for entry in host.call("queue/list", {})["entries"]] == [held]
    enqueue(host, dispatch, "C", run_at=at(clock, -10), expire_after_secs=5)
    enqueue(host, dispatch, "D")
    assert host.call("queue/stats")["total"] == 2


def test_hold_and_release_repeat_without_effect_and_refuse_assigned(host, dispatch, rpc_error):
    (a,) = enqueue(host, dispatch, "A")
    for method in ("queue/hold", "queue/release"):
        assert [host.call(method, {"entry_id": a})["changed"] for _ in range(2)] == [True, False]
    lease(host, 1)
    assert refusal(rpc_error, host, "queue/hold", {"entry_id": a}).code == -32203


@pytest.mark.parametrize(
    ("method", "more"),
    [("queue/hold", {}), ("queue/release", {}), ("queue/drop", {}), ("queue/completion", {"status": "completed"})],
)
def test_an_unknown_entry_is_a_value_not_an_error(host, method, more):
    assert host.call(method, {"entry_id": "nobody", **more}) == {"changed": False, "not_found": True}


def test_returning_an_unknown_entry_is_an_error(host, rpc_error):
    error = refusal(rpc_error, host, "queue/release_pending", {"entry_id": "nobody", "reason": "x"})
    assert error.code == -32602


def test_a_dropped_assigned_entry_is_gone(host, dispatch):
    (a,) = enqueue(host, dispatch, "A")
    lease(host, 1)
    assert host.call("queue/drop", {"entry_id": a})["changed"]
    assert host.call("queue/list", {})["total"] == 0
    assert host.call("queue/completion", {"entry_id": a, "status": "completed"})["not_found"]


def test_completion_names_the_right_workflow_or_nothing_happens(host, dispatch):
    (a,) = enqueue(host, dispatch, "A")
    lease(host, 1, workflow_ids=["w1"])
    finish = {"entry_id": a, "status": "completed"}
    assert host.call("queue/completion", {**finish, "workflow_id": "w2"})["not_found"]
    assert host.call("queue/completion", {**finish, "workflow_ref": "other"})["not_found"]
    assert host.call("queue/stats")["assigned"] == 1
    assert host.call("queue/completion", {**finish, "workflow_id": "w1"}) == {"changed": True, "not_found": False}
    assert host.call("queue/stats")["total"] == 0


def test_completion_accepts_three_words(host, dispatch, rpc_error):
    for word in ("completed", "failed", "cancelled"):
        (a,) = enqueue(host, dispatch, "A")
        lease(host, 1)
        assert refusal(rpc_error, host, "queue/completion", {"entry_id": a, "status": "done"}).code == -32602
        assert host.call("queue/completion", {"entry_id": a, "status": word})["changed"]


def test_release_pending_restores_the_place_and_clears_the_run(host, dispatch, rpc_error):
    a, b = enqueue(host, dispatch, "A", "B")
    lease(host, 1, workflow_ids=["w1"])
    result = host.call("queue/release_pending", {"entry_id": a, "reason": "runner gone"})
    assert result == {"entry_id": a, "status": "pending"}
    entries = host.call("queue/list", {})["entries"]
    assert [entry["entry_id"] for entry in entries] == [a, b]
    assert "workflow_id" not in entries[0]
    error = refusal(rpc_error, host, "queue/release_pending", {"entry_id": a, "reason": "again"})
    assert error.code == -32208
    assert error.data == {"actual_state": "pending"}


def test_reorder_counts_changed_places_and_repeating_writes_nothing(host, dispatch, tmp_path):
    a, b, c, d = enqueue(host, dispatch, "A", "B", "C", "D")
    wanted = {"entry_ids": [c, a, "nobody", c]}
    assert host.call("queue/reorder", wanted) == {"reordered_count": 3}
    before = (tmp_path / STATE).read_bytes()
    assert host.call("queue/reorder", wanted) == {"reordered_count": 0}
    assert (tmp_path / STATE).read_bytes() == before
    assert lease(host, 4) == [c, a, b, d]


def test_list_filters_pages_and_always_counts_the_whole_queue(host, dispatch):
    ids = enqueue(host, dispatch, "A", "B", "C", "D", "E")
    for entry_id in ids[1:3]:
        host.call("queue/hold", {"entry_id": entry_id})
    page = host.call("queue/list", {"status": ["held"], "limit": 1})
    assert [entry["entry_id"] for entry in page["entries"]] == [ids[1]]
    assert page["total"] == 2
    assert page["stats"] == {"total": 5, "pending": 3, "assigned": 0, "held": 2, "deferred": 0}
    page = host.call("queue/list", {"limit": 2, "offset": 3})
    assert [entry["entry_id"] for entry in page["entries"]] == ids[3:]


@pytest.mark.parametrize("is_bare", [True, False])
def test_a_legacy_file_without_ids_gets_the_same_ids_in_two_processes(connect, dispatch, tmp_path, is_bare):
    entries = [{"task_id": "A", "dispatch": dispatch("A"), "status": "pending"}, {"dispatch": dispatch("B")}]
    path = tmp_path / "project" / ".animus" / "queue.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(entries if is_bare else {"entries": entries}))
    lists = [[entry["entry_id"] for entry in connect().call("queue/list", {})["entries"]] for _ in range(2)]
    assert lists[0] == lists[1]
    assert len(set(lists[0])) == 2


def test_calls_before_initialize_and_without_a_project_are_refused(connect, tmp_path, rpc_error):
    host = connect(initialized=False)
    assert refusal(rpc_error, host, "queue/list", {}).code == -32000
    assert refusal(rpc_error, host, "queue/nothing", {}).code == -32601
    with pytest.raises(rpc_error) as caught:
        host.initialize("")
    assert caught.value.code == -32207


def test_an_idempotency_key_replays_its_receipt_for_ever(host, dispatch, rpc_error):
    first = v2_enqueue(host, dispatch, "A", "k")
    again = {"subject_dispatch": dispatch("A", requested_at="2027-01-01T00:00:00Z"), "idempotency_key": "k"}
    repeated = host.call("queue/v2/enqueue", again)
    assert repeated == {"enqueued": False, "entry_id": first["entry_id"], "subject": first["subject"]}
    other = {"subject_dispatch": dispatch("A", "other"), "idempotency_key": "k"}
    assert refusal(rpc_error, host, "queue/v2/enqueue", other).code == -32602
    assert host.call("queue/stats")["total"] == 1
    fence = v2_lease(host, 1)["leased"][0]["execution"]
    host.call("queue/v2/completion", {"execution": fence, "status": "completed"})
    assert host.call("queue/v2/enqueue", again) == repeated


def test_a_new_key_for_a_live_subject_is_bound_to_its_entry(host, dispatch):
    first = v2_enqueue(host, dispatch, "A", "k1")
    second = v2_enqueue(host, dispatch, "A", "k2")
    assert second["entry_id"] == first["entry_id"]
    assert second["enqueued"] is False
    assert second["warning"] == "subject task:A already has an active generation; enqueue rejected"
    assert v2_enqueue(host, dispatch, "A", "k2")["entry_id"] == first["entry_id"]


def test_two_entries_for_one_repository_ref_are_not_leased_together(host, dispatch):
    refs = {"base_ref": "refs/heads/main", "head_ref": "refs/heads/work"}
    first = v2_enqueue(host, dispatch, "A", repository={"repository": "Acme/Site", **refs})["entry_id"]
    second = v2_enqueue(host, dispatch, "B", repository={"repository": "acme/site", **refs})["entry_id"]
    result = v2_lease(host, 2)
    assert [item["entry"]["entry_id"] for item in result["leased"]] == [first]
    assert result["blocked"] == [{"entry_id": second, "reason": "repository_ref_collision", "conflicts_with": first}]
    fence = result["leased"][0]["execution"]
    host.call("queue/v2/completion", {"execution": fence, "status": "completed"})
    assert [item["entry"]["entry_id"] for item in v2_lease(host, 2)["leased"]] == [second]


@pytest.mark.parametrize("spelling", ["queue/v2/lease/renew", "queue/v2/renew"])
def test_an_expired_lease_cannot_be_renewed_but_still_completed(host, dispatch, clock, spelling):
    v2_enqueue(host, dispatch, "A")
    fence = v2_lease(host, 1)["leased"][0]["execution"]
    renewed = host.call(spelling, {"execution": fence})
    assert renewed["outcome"] == "applied"
    clock.move(121)
    assert host.call(spelling, {"execution": fence})["outcome"] == "stale_fence"
    finish = {"execution": fence, "status": "completed"}
    assert host.call("queue/v2/completion", finish)["outcome"] == "applied"
    assert host.call("queue/v2/completion", {**finish, "status": "failed"})["outcome"] == "already_applied"


@pytest.mark.parametrize("spelling", ["queue/v2/lease/recover", "queue/v2/recover"])
def test_a_recovered_lease_belongs_to_its_new_owner(host, dispatch, clock, spelling):
    v2_enqueue(host, dispatch, "A")
    old = v2_lease(host, 1)["leased"][0]["execution"]
    take_over = {"execution": old, "new_owner_id": "owner2"}
    assert host.call(spelling, take_over)["outcome"] == "lease_still_live"
    clock.move(121)
    recovered = host.call(spelling, take_over)
    assert recovered["outcome"] == "applied"
    new = recovered["execution"]
    assert new["queue_lease"]["generation"] == old["queue_lease"]["generation"] + 1
    for method, more in (
        ("queue/v2/lease/renew", {}),
        ("queue/v2/completion", {"status": "completed"}),
        ("queue/v2/release_pending", {"reason": "x"}),
    ):
        assert host.call(method, {"execution": old, **more})["outcome"] == "stale_fence"
    assert host.call("queue/v2/completion", {"execution": new, "status": "completed"})["outcome"] == "applied"


def test_eight_hosts_leasing_together_hand_out_every_entry_once(connect, dispatch):
    hosts = [connect(on=SystemClock()) for _ in range(8)]
    enqueued = enqueue(hosts[0], dispatch, *(f"T{number}" for number in range(200)))
    handed_out = []

    def drain(host):
        while got := lease(host, 1):
            handed_out.extend(got)

    threads = [threading.Thread(target=drain, args=(host,)) for host in hosts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(handed_out) == sorted(enqueued)
