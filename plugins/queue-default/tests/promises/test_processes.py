"""Several real processes on one queue, and the ledger of what they were told."""

import random
import threading
from collections import Counter

import pytest

from animus_queue_default.wire.desk import FLOOR_SETTING


def work(host, dispatch, number, turns, ledger, failures):
    """Enqueue, lease, and finish, return or forget what was leased."""
    choose = random.Random(number)  # noqa: S311 - a seeded choice, no secret
    try:
        for turn in range(turns):
            entry_id = host.call("queue/v2/enqueue", {"subject_dispatch": dispatch(f"{number}-{turn}")})["entry_id"]
            ledger.append(("enqueued", entry_id, None))
            ids = [f"{number}-{turn}-{place}" for place in range(2)]
            request = {"max": 2, "owner_id": f"owner{number}", "workflow_ids": ids}
            for item in host.call("queue/v2/lease", request)["leased"]:
                leased, fence = item["entry"]["entry_id"], item["execution"]
                ledger.append(("leased", leased, fence["queue_lease"]["generation"]))
                if choose.random() < 0.2:
                    answer = host.call("queue/v2/release_pending", {"execution": fence, "reason": "no slot"})
                else:
                    answer = host.call("queue/v2/completion", {"execution": fence, "status": "completed"})
                    ledger.append(("completed", leased, None))
                assert answer["outcome"] == "applied"
    except Exception as error:  # noqa: BLE001 - handed to the test's own thread
        failures.append(error)


def hammer(spawn, dispatch, workers, turns):
    """Let `workers` processes work on one queue, and check their logs against each other and against the queue."""
    ledger, failures = [], []
    env = {FLOOR_SETTING: "16384"}  # so that compactions and merges fall into it
    hosts = [spawn(env=env)[0] for _ in range(workers)]
    threads = [
        threading.Thread(target=work, args=(host, dispatch, number, turns, ledger, failures))
        for number, host in enumerate(hosts)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)
    assert failures == []
    enqueued = {entry_id for what, entry_id, _ in ledger if what == "enqueued"}
    completed = Counter(entry_id for what, entry_id, _ in ledger if what == "completed")
    grants = Counter((entry_id, generation) for what, entry_id, generation in ledger if what == "leased")
    assert len(enqueued) == workers * turns
    assert max(completed.values()) == 1
    assert max(grants.values()) == 1
    for entry_id in enqueued:
        # Every grant of an entry was given to somebody, and they count up from one.
        generations = sorted(generation for leased, generation in grants if leased == entry_id)
        assert generations == list(range(1, len(generations) + 1))
    late, _ = spawn()
    for host in (*hosts, late):
        live, ended = everything(host)
        assert live == enqueued - set(completed)
        assert sorted(ended) == sorted(completed)


def everything(host):
    """The ids of live entries, and of finished ones as often as they are shown."""
    live, ended, offset = set(), [], 0
    while (page := host.call("queue/list", {"limit": 2000, "offset": len(live)}))["entries"]:
        live |= {entry["entry_id"] for entry in page["entries"]}
    while offset is not None:
        page = host.call("queue/history", {"limit": 500, "offset": offset})
        ended += [entry["entry_id"] for entry in page["entries"]]
        offset = page.get("next_offset")
    return live, ended


@pytest.mark.parametrize(("workers", "turns"), [(2, 60), (8, 20)])
def test_processes_on_one_queue_lose_and_double_nothing(spawn, dispatch, workers, turns):
    hammer(spawn, dispatch, workers, turns)


@pytest.mark.soak
def test_eight_processes_on_one_queue_for_long_lose_and_double_nothing(spawn, dispatch):
    hammer(spawn, dispatch, 8, 1_000)
