"""Several real processes on one queue, and the ledger of what they were told."""

import random
import threading
from collections import Counter

WORKERS = 4
TURNS = 60


def work(host, dispatch, number, ledger, failures):
    """Enqueue, lease, and finish, return or forget what was leased."""
    choose = random.Random(number)  # noqa: S311 - a seeded choice, no secret
    try:
        for turn in range(TURNS):
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


def test_four_processes_lose_and_double_nothing(spawn, dispatch):
    ledger, failures = [], []
    hosts = [spawn()[0] for _ in range(WORKERS)]
    threads = [
        threading.Thread(target=work, args=(host, dispatch, number, ledger, failures))
        for number, host in enumerate(hosts)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failures == []
    enqueued = {entry_id for what, entry_id, _ in ledger if what == "enqueued"}
    completed = Counter(entry_id for what, entry_id, _ in ledger if what == "completed")
    grants = Counter((entry_id, generation) for what, entry_id, generation in ledger if what == "leased")
    assert len(enqueued) == WORKERS * TURNS
    assert max(completed.values()) == 1
    assert max(grants.values()) == 1
    late, _ = spawn()
    live = {entry["entry_id"] for entry in late.call("queue/list", {"limit": 2000})["entries"]}
    assert live == enqueued - set(completed)
