"""Real processes killed at named points: what was acknowledged stays, what was not happened whole or not at all."""

import random
import signal
import subprocess
import threading

import pytest

from animus_queue_default.storage.files import FAILPOINTS
from animus_queue_default.wire.desk import FLOOR_SETTING

WAIT_SECONDS = 60.0
SETTING = "ANIMUS_QUEUE_FAILPOINT"


def run_until_killed(host, process, dispatch, prefix=""):
    """Enqueue, lease and complete in turns until the process dies; the ledger of what was acknowledged."""
    enqueued, completed, unsure = [], [], set()
    try:
        for turn in range(50_000):
            unsure = {f"k{prefix}{turn}"}
            content = dispatch(f"T{prefix}{turn}", vars={"pad": "x" * 900})
            params = {"subject_dispatch": content, "idempotency_key": f"k{prefix}{turn}"}
            enqueued.append((f"k{prefix}{turn}", host.call("queue/v2/enqueue", params)["entry_id"]))
            unsure = set()
            if turn % 2:
                continue
            request = {"max": 1, "owner_id": "owner", "workflow_ids": [f"w{prefix}{turn}"]}
            (item,) = host.call("queue/v2/lease", request)["leased"]
            host.call("queue/v2/completion", {"execution": item["execution"], "status": "completed"})
            completed.append(item["entry"]["entry_id"])
    except (EOFError, BrokenPipeError):
        pass
    finally:
        process.wait(WAIT_SECONDS)
    return enqueued, completed, unsure


@pytest.mark.parametrize(
    ("point", "count"), [*((point, 1) for point in FAILPOINTS), *((point, 9) for point in FAILPOINTS[:4])]
)
def test_a_kill_at_a_named_point_loses_and_doubles_nothing(spawn, dispatch, point, count):
    host, process = spawn(env={SETTING: f"{point}:{count}", FLOOR_SETTING: "65536"})
    enqueued, completed, unsure = run_until_killed(host, process, dispatch)
    assert process.returncode == -signal.SIGKILL
    survivor, _ = spawn()
    live = {}
    while (page := survivor.call("queue/list", {"limit": 500, "offset": len(live)}))["entries"]:
        live.update((entry["entry_id"], entry) for entry in page["entries"])
    acknowledged = {entry_id for _, entry_id in enqueued}
    assert set(completed).isdisjoint(live)
    # One completion may have become durable before its reply could be sent.
    assert len(acknowledged - set(completed) - set(live)) <= 1
    assert len(set(live) - acknowledged) <= len(unsure)
    for key, entry_id in enqueued[-3:]:
        turn = key[1:]
        params = {"subject_dispatch": dispatch(f"T{turn}", vars={"pad": "x" * 900}), "idempotency_key": key}
        repeated = survivor.call("queue/v2/enqueue", params)
        assert (repeated["entry_id"], repeated["enqueued"]) == (entry_id, False)
    assert survivor.call("queue/enqueue", {"subject_dispatch": dispatch("after")})["enqueued"]


@pytest.mark.parametrize("seed", range(2))
def test_a_kill_at_a_random_moment_loses_and_doubles_nothing(spawn, dispatch, seed):
    kept, finished = set(), set()
    for round_number in range(3):
        host, process = spawn()
        moment = random.Random(10 * seed + round_number).uniform(0.05, 0.4)  # noqa: S311 - a seeded choice, no secret
        killer = threading.Timer(moment, process.kill)
        killer.start()
        enqueued, completed, _ = run_until_killed(host, process, dispatch, f"{round_number}-")
        killer.join(WAIT_SECONDS)
        kept |= {entry_id for _, entry_id in enqueued}
        finished |= set(completed)
        survivor, survivor_process = spawn()
        live, offset, ended = set(), 0, []
        while (page := survivor.call("queue/list", {"limit": 500, "offset": len(live)}))["entries"]:
            live |= {entry["entry_id"] for entry in page["entries"]}
        while offset is not None:
            page = survivor.call("queue/history", {"limit": 500, "offset": offset})
            ended += [entry["entry_id"] for entry in page["entries"]]
            offset = page.get("next_offset")
        assert len(ended) == len(set(ended))
        assert kept <= live | set(ended)
        assert finished <= set(ended)
        assert live.isdisjoint(ended)
        survivor_process.stdin.close()
        survivor_process.wait(WAIT_SECONDS)


def test_a_lost_lease_reply_is_found_in_the_list(spawn, dispatch):
    host, process = spawn()
    for name in "AB":
        host.call("queue/v2/enqueue", {"subject_dispatch": dispatch(name)})
    process.kill()
    process.wait(WAIT_SECONDS)
    host, process = spawn(env={SETTING: "after-fsync"})
    with pytest.raises((EOFError, BrokenPipeError)):
        host.call("queue/v2/lease", {"max": 2, "owner_id": "owner", "workflow_ids": ["w1", "w2"]})
    survivor, _ = spawn()
    entries = survivor.call("queue/list", {"status": ["assigned"]})["entries"]
    assert [entry["workflow_id"] for entry in entries] == ["w1", "w2"]
    for entry in entries:
        finish = {"execution": entry["execution"], "status": "completed"}
        assert survivor.call("queue/v2/completion", finish)["outcome"] == "applied"


def test_a_process_killed_with_the_lock_blocks_nobody(spawn, dispatch):
    host, process = spawn(env={SETTING: "before-fsync"})
    with pytest.raises((EOFError, BrokenPipeError)):
        host.call("queue/enqueue", {"subject_dispatch": dispatch("A")})
    assert process.wait(WAIT_SECONDS) == -signal.SIGKILL
    survivor, _ = spawn()
    # A lock that is held ends in an error after some seconds.
    assert survivor.call("queue/enqueue", {"subject_dispatch": dispatch("B")})["enqueued"]


def test_the_end_of_input_ends_the_process(spawn, dispatch):
    host, process = spawn()
    host.call("queue/enqueue", {"subject_dispatch": dispatch("A")})
    process.stdin.close()
    try:
        assert process.wait(WAIT_SECONDS) == 0
    except subprocess.TimeoutExpired:
        pytest.fail("the plugin did not end with its input")
