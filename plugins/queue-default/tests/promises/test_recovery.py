"""What crashes, power cuts, full disks and other processes leave behind, and how a store goes on from there."""

import contextlib
import os
import random
from pathlib import Path

import portalocker
import pytest

from animus_queue_default.fault import CorruptFileError, StorageError
from animus_queue_default.model.lease import LeaseTerms, fence_of
from animus_queue_default.model.status import Outcome
from animus_queue_default.operations.fenced import FencedQueue
from animus_queue_default.operations.unfenced import Queue
from animus_queue_default.storage.files import Files
from animus_queue_default.storage.frame import HEAD, JOURNAL_MAGIC, MAGIC_LENGTH

JOURNAL = "journal-00000001.log"
SECTOR = 512


@contextlib.contextmanager
def batch(store, clock):
    store.begin(create=True)
    yield Queue(store, clock, LeaseTerms()), FencedQueue(store, clock, LeaseTerms())
    store.commit()


def ids_in(store):
    store.begin()
    ids = [entry.entry_id for entry in store.state.order.walk()]
    store.commit()
    return ids


def churn(store, clock, ask, turns, key=""):
    for turn in range(turns):
        with batch(store, clock) as (_, fenced):
            fenced.enqueue(ask(f"task:{key}{turn}"), f"{key}{turn}")
            (entry,) = fenced.lease(1, "owner", [f"w{turn}"]).leased
            fenced.complete(fence_of(entry), Outcome.COMPLETED)


def test_a_journal_cut_back_to_its_magic_accepts_nothing(open_store, clock, ask, tmp_path):
    store = open_store()
    with batch(store, clock) as (queue, _):
        queue.enqueue(ask())
    store.close()
    path = tmp_path / "queue" / JOURNAL
    path.write_bytes(JOURNAL_MAGIC)
    with pytest.raises(CorruptFileError, match="header"):
        open_store().begin(create=True)
    assert path.read_bytes() == JOURNAL_MAGIC


def test_a_damaged_header_does_not_advise_a_cut_that_makes_things_worse(open_store, clock, tmp_path):
    store = open_store()
    store.begin(create=True)
    store.commit()
    store.close()
    path = tmp_path / "queue" / JOURNAL
    damaged = bytearray(path.read_bytes())
    damaged[MAGIC_LENGTH + HEAD.size + 3] ^= 0x20
    path.write_bytes(damaged)
    with pytest.raises(CorruptFileError) as caught:
        open_store().begin()
    assert "truncate" not in str(caught.value)
    assert path.read_bytes() == damaged


def test_a_process_two_compactions_behind_catches_up(open_store, clock, ask):
    sleeper, busy = open_store(compaction_floor_bytes=2_048), open_store(compaction_floor_bytes=2_048)
    with batch(sleeper, clock) as (queue, _):
        kept = queue.enqueue(ask("task:kept")).entry_id
        queue.hold(kept)
    churn(busy, clock, ask, 120)
    assert busy._replica.number > 3
    assert ids_in(sleeper) == [kept]
    assert sleeper.last_fault is None


def test_any_sectors_of_an_unsynced_batch_may_be_missing_after_a_power_cut(open_store, clock, ask, tmp_path):
    store = open_store()
    with batch(store, clock) as (queue, _):
        kept = queue.enqueue(ask("task:kept")).entry_id
    start = store._replica.journal.end
    with batch(store, clock) as (queue, _):
        for number in range(40):
            queue.enqueue(ask(f"task:{number}"))
    end = store._replica.journal.end
    store.close()
    path = tmp_path / "queue" / JOURNAL
    whole = path.read_bytes()
    sectors = range(start // SECTOR, (end + SECTOR - 1) // SECTOR)
    choose = random.Random(7)  # noqa: S311 - a seeded choice, no secret
    losses = [{first} for first in sectors] + [set(choose.sample(sectors, len(sectors) // 2)) for _ in range(20)]
    for lost in losses:
        left = bytearray(whole)
        for sector in lost:
            first = max(sector * SECTOR, start)
            last = min((sector + 1) * SECTOR, end)
            left[first:last] = bytes(last - first)
        path.write_bytes(left)
        after = open_store()
        assert ids_in(after) == [kept], lost
        with batch(after, clock) as (queue, _):
            more = queue.enqueue(ask("task:more")).entry_id
        after.close()
        assert ids_in(open_store()) == [kept, more]


@pytest.mark.parametrize("bit", range(32))
def test_a_flipped_bit_in_the_last_length_is_damage_not_a_torn_tail(open_store, clock, ask, tmp_path, bit):
    store = open_store()
    with batch(store, clock) as (queue, _):
        queue.enqueue(ask("task:A"))
    start = store._replica.journal.end
    with batch(store, clock) as (queue, _):
        queue.enqueue(ask("task:B"))
    store.close()
    path = tmp_path / "queue" / JOURNAL
    damaged = bytearray(path.read_bytes())
    damaged[start + bit // 8] ^= 1 << (bit % 8)
    path.write_bytes(damaged)
    with pytest.raises(CorruptFileError, match="damaged"):
        open_store().begin()
    assert path.read_bytes() == damaged


def test_a_new_journal_beside_an_old_history_counts_on(open_store, clock, ask, tmp_path):
    store = open_store(compaction_floor_bytes=2_048)
    with batch(store, clock) as (_, fenced):
        first = fenced.enqueue(ask("task:first"), "first").entry_id
        (entry,) = fenced.lease(1, "owner", ["w"]).leased
        fenced.complete(fence_of(entry), Outcome.COMPLETED)
    churn(store, clock, ask, 40)
    store.close()
    segments = {path: path.read_bytes() for path in (tmp_path / "queue").glob("history-*.log")}
    for path in (tmp_path / "queue").glob("journal-*.log"):
        path.unlink()
    again = open_store(compaction_floor_bytes=2_048)
    with batch(again, clock) as (_, fenced):
        assert fenced.enqueue(ask("task:first"), "first").entry_id == first
    churn(again, clock, ask, 40, "new")
    kept = [path.read_bytes() for path in (tmp_path / "queue").glob("history-*.log")]
    # Merged or not, every byte of the old history is still there.
    assert all(any(content[8:] in whole for whole in kept) for content in segments.values())


def test_what_fails_before_the_store_is_opened_does_not_spoil_the_next_batch(open_store, clock, ask):
    store = open_store()
    store.spoil(KeyError("bug"))
    with pytest.raises(StorageError, match="failed unexpectedly"):
        store.commit()
    with batch(store, clock) as (queue, _):
        queue.enqueue(ask())


def test_closing_in_the_middle_of_a_batch_acknowledges_nothing(open_store, clock, ask):
    store = open_store()
    store.begin(create=True)
    Queue(store, clock, LeaseTerms()).enqueue(ask())
    store.close()
    with pytest.raises(StorageError, match="closed"):
        store.commit()
    assert ids_in(open_store()) == []


class FullForSegments(Files):
    """A disk that has no room for a second draft."""

    def open(self, path, *, create=False, fresh=False):
        if "history-" in path.name and ".tmp-" in path.name:
            raise OSError(28, "No space left on device")
        return super().open(path, create=create, fresh=fresh)


def test_a_compaction_that_cannot_begin_leaves_no_draft_and_no_descriptor(open_store, clock, ask, tmp_path):
    store = open_store(files=FullForSegments(), compaction_floor_bytes=1_024)
    churn(store, clock, ask, 2)
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir())) if descriptors.is_dir() else None
    churn(store, clock, ask, 40, "more")
    assert not list((tmp_path / "queue").glob("*.tmp-*"))
    if before is not None:
        assert len(list(descriptors.iterdir())) <= before


def test_a_save_that_fails_leaves_no_draft(tmp_path):
    class Full(Files):
        def write(self, descriptor, data, offset):
            super().write(descriptor, data[:4], offset)
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        Full().save(tmp_path / "x", b"content")
    assert list(tmp_path.iterdir()) == []


def test_a_lock_file_deleted_while_waiting_for_it_is_not_trusted(open_store, clock, ask, tmp_path, monkeypatch):
    store = open_store()
    with batch(store, clock) as (queue, _):
        queue.enqueue(ask("task:A"))
    path = tmp_path / "queue" / "lock"
    flock = portalocker.portalocker.FlockLocker().locker
    deleted = []

    def delete_first(descriptor, flags):
        if not deleted:
            deleted.append(path.unlink())
        flock(descriptor, flags)

    monkeypatch.setattr(portalocker.portalocker.FlockLocker, "locker", staticmethod(delete_first))
    late = open_store()
    late.begin()
    assert deleted
    monkeypatch.undo()
    descriptor = os.open(path, os.O_RDWR)
    with pytest.raises(portalocker.LockException):
        portalocker.lock(descriptor, portalocker.LockFlags.EXCLUSIVE | portalocker.LockFlags.NON_BLOCKING)
    os.close(descriptor)
    late.commit()


def test_a_file_system_without_locks_is_named(open_store, monkeypatch):
    def refuse(descriptor, flags):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(portalocker.portalocker.FlockLocker, "locker", staticmethod(refuse))
    store = open_store()
    with pytest.raises(StorageError, match="No locks available"):
        store.begin(create=True)


def test_a_lost_history_segment_is_named(open_store, clock, ask, tmp_path):
    store = open_store(compaction_floor_bytes=2_048)
    churn(store, clock, ask, 40)
    store.close()
    store = open_store()
    store.begin()
    store.commit()
    for path in (tmp_path / "queue").glob("history-*.log"):
        path.unlink()
    store.begin()
    with pytest.raises(StorageError, match="history-"):
        FencedQueue(store, clock, LeaseTerms()).enqueue(ask("task:0"), "0")
    store.commit()


def test_the_queue_directory_itself_is_made_durable(open_store, tmp_path):
    class Watched(Files):
        synced: list = []

        def sync_directory(self, path):
            self.synced.append(path)
            super().sync_directory(path)

    (tmp_path / "queue").mkdir()  # a process died between making it and syncing its name
    files = Watched()
    open_store(files=files).begin(create=True)
    assert tmp_path in files.synced


def test_nothing_is_answered_from_a_frame_that_its_writer_did_not_live_to_sync(open_store, clock, ask):
    class Killed(Files):
        def append(self, descriptor, data, offset):
            self.write(descriptor, data, offset)  # and dies before the sync

    class Watched(Files):
        synced = 0

        def sync(self, descriptor):
            self.synced += 1
            super().sync(descriptor)

    first, files = open_store(files=Killed()), Watched()
    with batch(first, clock) as (_, fenced):
        fenced.enqueue(ask("task:A"), "a")
    late = open_store(files=files)
    for key in ("b", "c"):
        with batch(late, clock) as (_, fenced):
            assert not fenced.enqueue(ask("task:A"), "a").enqueued
        synced = files.synced
        assert synced
        assert len(ids_in(late)) == 1
        assert files.synced == synced, "what was synced once needs no more"
        with batch(first, clock) as (_, fenced):
            fenced.enqueue(ask("task:A"), key)
        files.synced = 0


def test_a_journal_that_cannot_be_opened_after_the_seal_has_nothing_written_behind_it(open_store, clock, ask, tmp_path):
    class Refused(Files):
        refusals = 3

        def open(self, path, **more):
            if path.name == "journal-00000002.log" and self.refusals:
                self.refusals -= 1
                raise OSError(24, "Too many open files")
            return super().open(path, **more)

    files = Refused()
    store = open_store(files=files, compaction_floor_bytes=2_048)
    acknowledged = []
    for turn in range(60):
        with contextlib.suppress(StorageError):
            store.begin(create=True)
            receipt = FencedQueue(store, clock, LeaseTerms()).enqueue(ask(f"task:{turn}"), f"{turn}")
            if turn % 2:
                Queue(store, clock, LeaseTerms()).drop(receipt.entry_id)
            acknowledged.append(turn)
        store.commit()
    assert files.refusals == 0
    assert len(acknowledged) == 58  # the first refusal came after its batch was durable
    late = open_store()
    with batch(late, clock) as (_, fenced):
        assert not any(fenced.enqueue(ask(f"task:{turn}"), f"{turn}").enqueued for turn in acknowledged)
