"""Workers: lazily started, bounded, in order."""

import threading
import time

from animus_plugin_protocol._pool import WorkerPool


def test_a_worker_is_started_for_the_first_job_only():
    pool = WorkerPool(4)
    assert pool._started == 0
    done = threading.Event()
    assert pool.submit(done.set)
    assert done.wait(60)
    assert pool._started == 1


def wait_idle(pool: WorkerPool) -> None:
    deadline = time.monotonic() + 60
    while pool._taken:
        assert time.monotonic() < deadline


def test_an_idle_worker_is_used_again():
    pool = WorkerPool(4)
    for _ in range(5):
        done = threading.Event()
        pool.submit(done.set)
        assert done.wait(60)
        wait_idle(pool)
    assert pool._started == 1


def test_no_more_workers_than_the_bound_and_jobs_keep_their_order():
    pool = WorkerPool(1)
    door, order, done = threading.Event(), [], threading.Event()
    pool.submit(lambda: door.wait(60))
    for number in range(10):
        pool.submit(lambda number=number: order.append(number))
    pool.submit(done.set)
    assert pool._started == 1
    door.set()
    assert done.wait(60)
    assert order == list(range(10))


def test_work_at_once_uses_several_workers():
    pool = WorkerPool(3)
    meeting = threading.Barrier(4)
    for _ in range(3):
        pool.submit(lambda: meeting.wait(60))
    meeting.wait(60)
    assert pool._started == 3


def test_too_many_waiting_jobs_are_refused():
    pool = WorkerPool(1, waiting_limit=2)
    door, started = threading.Event(), threading.Event()
    pool.submit(lambda: (started.set(), door.wait(60)))
    assert started.wait(60)
    assert pool.submit(lambda: None)
    assert pool.submit(lambda: None)
    assert not pool.submit(lambda: None)
    door.set()
