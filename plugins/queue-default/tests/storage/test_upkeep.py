"""Housekeeping that fails now and then fails no operation, loses nothing and knows nothing twice."""

import errno
import itertools

import pytest

from animus_queue_default.model.lease import LeaseTerms, fence_of
from animus_queue_default.model.status import Outcome
from animus_queue_default.operations.fenced import FencedQueue
from animus_queue_default.storage.files import Files


class Flaky(Files):
    """A disk on which every `every`-th thing that concerns history, outlines or drafts fails."""

    def __init__(self, every):
        super().__init__()
        self._turns = itertools.count(1)
        self._every = every

    def _fail_sometimes(self, path):
        is_upkeep = path.name.startswith(("history-", "outline-")) or ".tmp-" in path.name
        if is_upkeep and "journal-00000001" not in path.name and next(self._turns) % self._every == 0:
            raise OSError(errno.EIO, "Input/output error")

    def open(self, path, **more):
        self._fail_sometimes(path)
        return super().open(path, **more)

    def publish(self, temporary, path, **more):
        self._fail_sometimes(path)
        super().publish(temporary, path, **more)

    def map(self, path):
        self._fail_sometimes(path)
        return super().map(path)


@pytest.mark.parametrize("every", [2, 3, 5, 7])
def test_upkeep_that_fails_now_and_then_loses_and_doubles_nothing(open_store, clock, ask, every):
    stores = [open_store(files=Flaky(every), compaction_floor_bytes=2_048, stretch_bytes=700) for _ in range(2)]
    queues = [FencedQueue(store, clock, LeaseTerms()) for store in stores]
    ids, kept = [], []
    for turn in range(400):
        store, queue = stores[turn % 2], queues[turn % 2]
        store.begin(create=True)
        ids.append(queue.enqueue(ask(f"task:{turn}")).entry_id)
        (entry,) = queue.lease(1, "owner", [f"w{turn}"]).leased
        queue.complete(fence_of(entry), Outcome.COMPLETED)
        if turn % 20 == 0:
            kept.append(queue.enqueue(ask(f"task:kept-{turn}", priority=3)).entry_id)
            queue.lease(1, "keeper", [f"kept-{turn}"])
        store.commit()
    for store in (open_store(), *(open_store(compaction_floor_bytes=10**9) for _ in range(1))):
        store.begin()
        assert [entry.entry_id for entry in store.state.order.walk()] == kept
        assert [finished.entry_id for finished in store.finished()] == ids[::-1]
        store.commit()
