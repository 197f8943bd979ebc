"""The queue on disk: batches, other processes, damage, full disks."""

import errno
import os
import resource
import stat
import weakref

import msgspec
import pytest

from animus_queue_default.fault import (
    CorruptFileError,
    InvalidRequestError,
    LockTimeoutError,
    NewerFormatError,
    StorageError,
)
from animus_queue_default.model.act import FenceOutcome
from animus_queue_default.model.entry import Priority
from animus_queue_default.model.lease import LeaseTerms, fence_of
from animus_queue_default.model.record import FORMAT, Header
from animus_queue_default.model.status import Outcome
from animus_queue_default.operations.fenced import FencedQueue
from animus_queue_default.operations.unfenced import Queue
from animus_queue_default.operations.view import list_entries
from animus_queue_default.storage.files import Files
from animus_queue_default.storage.frame import JOURNAL_MAGIC
from animus_queue_default.storage.journal import encode_batch, encode_record
from animus_queue_default.storage.store import Store

JOURNAL = "journal-00000001.log"


class Desk:
    """Both generations of operations on one store, each act a batch of its own."""

    def __init__(self, store, clock):
        self.store = store
        self.clock = clock
        self._old = Queue(store, clock, LeaseTerms())
        self._new = FencedQueue(store, clock, LeaseTerms())

    def act(self, name, *arguments):
        self.store.begin(create=True)
        try:
            return getattr(self._old, name)(*arguments)
        finally:
            self.store.commit()

    def fenced(self, name, *arguments):
        self.store.begin(create=True)
        try:
            return getattr(self._new, name)(*arguments)
        finally:
            self.store.commit()

    def ids(self):
        self.store.begin()
        entries = list_entries(self.store, self.clock).entries
        self.store.commit()
        return [entry.entry_id for entry in entries]


@pytest.fixture
def desk(open_store, clock):
    return Desk(open_store(), clock)


def used(desk):
    """How long the journal is without the room behind it."""
    return desk.store._replica.journal.end


def picture(store):
    """Everything the state holds, comparable."""
    store.begin()
    state = store.state
    shown = (
        [msgspec.to_builtins(entry) for entry in state.order.walk()],
        dict(state.counts),
        {name: state.generation_of(name) for name in (*state.generations, *state.subjects)},
        sorted(state.keys),
        state.next_seq,
        state.next_position,
    )
    store.commit()
    return shown


def fill(desk, ask, count=10):
    """Some of everything; returns the ids that were acknowledged."""
    got = [desk.act("enqueue", ask(f"task:{n}", priority=int(list(Priority)[n % 4]))).entry_id for n in range(count)]
    desk.act("hold", got[0], "look at it")
    desk.act("reorder", [got[3], got[1]])
    desk.act("lease", 1)
    desk.act("return_to_pending", desk.act("lease", 1)[0].entry_id, "gone")
    key = desk.fenced("enqueue", ask("task:k"), "key")
    desk.fenced("enqueue", ask("task:k"), "second key")
    desk.fenced("lease", 2, "owner", ["w1", "w2"])
    return [*got, key.entry_id]


def test_reading_a_queue_that_does_not_exist_writes_nothing(desk, tmp_path):
    assert desk.ids() == []
    assert list(tmp_path.iterdir()) == []


def test_a_restart_restores_exactly_what_was(desk, open_store, ask):
    fill(desk, ask)
    assert picture(open_store()) == picture(desk.store)


def test_files_belong_to_their_owner_alone(desk, ask, tmp_path):
    fill(desk, ask)
    for path in [tmp_path / "queue", *(tmp_path / "queue").iterdir()]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_a_batch_is_one_frame_and_visible_to_others_after_commit(open_store, clock, ask, tmp_path):
    store, other = open_store(), Desk(open_store(), clock)
    queue = Queue(store, clock, LeaseTerms())
    store.begin(create=True)
    ids = [queue.enqueue(ask(f"task:{n}")).entry_id for n in range(5)]
    store.commit()
    assert other.ids() == ids


def test_every_operation_sees_what_other_processes_wrote(open_store, clock, ask):
    desks = [Desk(open_store(), clock) for _ in range(3)]
    ids = []
    for turn in range(12):
        ids.append(desks[turn % 3].act("enqueue", ask(f"task:{turn}")).entry_id)
        assert desks[(turn + 1) % 3].ids() == ids


def test_a_held_lock_ends_in_an_error_after_the_deadline(desk, open_store, clock, ask):
    desk.act("enqueue", ask())
    other = open_store()
    other.begin()
    with pytest.raises(LockTimeoutError, match="held"):
        desk.store.begin()
    assert clock.monotonic() == pytest.approx(5, abs=0.05)
    with pytest.raises(LockTimeoutError):
        desk.store.begin()  # the same batch does not wait again
    assert clock.monotonic() == pytest.approx(5, abs=0.05)
    other.commit()
    desk.store.commit()
    assert len(desk.ids()) == 1


def test_deleting_the_directory_under_a_process_loses_nothing_silently(desk, ask, tmp_path):
    desk.act("enqueue", ask("task:A"))
    (tmp_path / "queue").rename(tmp_path / "moved")
    for path in (tmp_path / "moved").iterdir():
        path.unlink()
    kept = desk.act("enqueue", ask("task:B")).entry_id
    assert desk.ids() == [kept]
    assert (tmp_path / "queue" / JOURNAL).exists()


def test_a_torn_tail_is_cut_at_every_byte(desk, open_store, clock, ask, tmp_path):
    fill(desk, ask, 4)
    before = picture(desk.store)
    path = tmp_path / "queue" / JOURNAL
    length = used(desk)
    last = desk.act("enqueue", ask("task:last")).entry_id
    whole = path.read_bytes()
    for cut in range(length, used(desk)):
        for room in (b"", bytes(len(whole) - cut)):
            path.write_bytes(whole[:cut] + room)
            assert picture(open_store()) == before, cut
            assert not path.read_bytes()[length:].rstrip(b"\0")
    path.write_bytes(whole)
    assert last in Desk(open_store(), clock).ids()


def test_an_append_after_a_cut_tail_is_read_back(desk, open_store, clock, ask, tmp_path):
    path = tmp_path / "queue" / JOURNAL
    kept = desk.act("enqueue", ask("task:A")).entry_id
    length = used(desk)
    desk.act("enqueue", ask("task:B"))
    path.write_bytes(path.read_bytes()[: length + 50])
    late = Desk(open_store(), clock).act("enqueue", ask("task:C")).entry_id
    assert Desk(open_store(), clock).ids() == [kept, late]


def test_a_live_process_cuts_the_tail_another_left_when_it_died(desk, open_store, clock, ask, tmp_path):
    path = tmp_path / "queue" / JOURNAL
    kept = desk.act("enqueue", ask("task:A")).entry_id
    watcher = Desk(open_store(), clock)
    assert watcher.ids() == [kept]
    length = used(desk)
    desk.act("enqueue", ask("task:B"))
    torn = path.read_bytes()[: length + 50]
    path.write_bytes(torn + bytes(1_000))
    late = watcher.act("enqueue", ask("task:C")).entry_id
    assert watcher.ids() == Desk(open_store(), clock).ids() == [kept, late]


def test_a_torn_tail_is_kept_aside(desk, open_store, ask, tmp_path):
    fill(desk, ask, 4)
    path = tmp_path / "queue" / JOURNAL
    length = used(desk)
    desk.act("enqueue", ask("task:last"))
    torn = path.read_bytes()[: used(desk) - 20]
    path.write_bytes(torn)
    picture(open_store())
    (aside,) = (tmp_path / "queue").glob("torn-*.bin")
    assert aside.read_bytes() == torn[length:]


@pytest.mark.parametrize("where", [0, 3, 40, 200, "last"])
def test_damage_is_named_never_overwritten_and_repairable(desk, open_store, clock, ask, tmp_path, where):
    fill(desk, ask)
    before = picture(desk.store)
    path = tmp_path / "queue" / JOURNAL
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[used(desk) - 30 if where == "last" else where] ^= 0x40
    path.write_bytes(damaged)
    broken = Desk(open_store(), clock)
    for _ in range(2):
        with pytest.raises(CorruptFileError, match=JOURNAL):
            broken.act("enqueue", ask("task:new"))
        broken.store.commit()
    assert path.read_bytes() == damaged
    assert isinstance(broken.store.last_fault, CorruptFileError)
    path.write_bytes(whole)
    assert picture(broken.store) == before
    assert broken.store.last_fault is None


def test_a_newer_format_is_refused_untouched(open_store, tmp_path):
    header = Header(format=FORMAT + 1, number=1, written_at=0, next_seq=1, next_position=0, front_position=0)
    path = tmp_path / "queue" / JOURNAL
    path.parent.mkdir()
    path.write_bytes(JOURNAL_MAGIC + encode_batch([encode_record(header)]))
    before = path.read_bytes()
    with pytest.raises(NewerFormatError, match=f"format {FORMAT + 1}"):
        open_store().begin()
    assert path.read_bytes() == before


def test_a_full_disk_refuses_the_batch_loses_nothing_and_recovers(desk, open_store, ask, tmp_path):
    kept = desk.act("enqueue", ask("task:A")).entry_id
    path = tmp_path / "queue" / JOURNAL
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (used(desk) + 100, hard))
    try:
        desk.store.begin()
        Queue(desk.store, desk.clock, LeaseTerms()).enqueue(ask("task:B"))
        with pytest.raises(StorageError, match="nothing of this batch was kept"):
            desk.store.commit()
        assert desk.ids() == [kept]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes().rstrip(b"\0") == before.rstrip(b"\0")
    more = desk.act("enqueue", ask("task:B")).entry_id
    assert desk.ids() == [kept, more]


class FailingSync(Files):
    """A disk whose sync of the journal fails on demand."""

    is_failing = False

    def append(self, descriptor, data, offset):
        if self.is_failing:
            self.write(descriptor, data, offset)
            raise OSError(errno.EIO, "Input/output error")
        super().append(descriptor, data, offset)


def test_after_a_failed_sync_memory_is_what_the_disk_says(open_store, clock, ask):
    files = FailingSync()
    desk = Desk(open_store(files=files), clock)
    kept = desk.act("enqueue", ask("task:A")).entry_id
    files.is_failing = True
    with pytest.raises(StorageError, match="Input/output error"):
        desk.act("drop", kept)
    files.is_failing = False
    assert desk.ids() == [kept]
    assert Desk(open_store(), clock).ids() == [kept]


def test_an_operation_that_fails_unexpectedly_takes_its_batch_with_it(desk, open_store, clock, ask):
    kept = desk.act("enqueue", ask("task:A")).entry_id
    desk.store.begin()
    Queue(desk.store, desk.clock, LeaseTerms()).enqueue(ask("task:B"))
    desk.store.spoil(KeyError("bug"))
    with pytest.raises(StorageError, match="nothing of the batch"):
        desk.store.commit()
    assert desk.ids() == [kept]


def test_unicode_and_very_long_ids_survive_as_they_are(desk, open_store, clock, ask):
    names = ["task:\u00e9", "task:e\u0301", "task:\U0001f9ea", "task:" + "x" * 4_096, "task:\u202eabc\n\x00"]
    ids = [desk.act("enqueue", ask(name)).entry_id for name in names]
    assert len(set(ids)) == len(names)
    store = open_store()
    store.begin()
    assert [entry.subject for entry in store.state.order.walk()] == names


def churn(desk, ask, turns, key=""):
    """Entries that come and go, one finished each turn."""
    for turn in range(turns):
        desk.fenced("enqueue", ask(f"task:{turn}"), f"{key}{turn}")
        (entry,) = desk.fenced("lease", 1, "owner", [f"w{turn}"]).leased
        desk.fenced("complete", fence_of(entry), Outcome.COMPLETED)


def test_compaction_keeps_the_state_and_bounds_the_journal(open_store, clock, ask, tmp_path):
    desk = Desk(open_store(compaction_floor_bytes=4_096), clock)
    standing = [desk.act("enqueue", ask(f"task:kept-{n}")).entry_id for n in range(5)]
    for entry_id in standing:
        desk.act("hold", entry_id)
    watcher = Desk(open_store(compaction_floor_bytes=4_096), clock)
    for turn in range(60):
        churn(desk, ask, 1, f"{turn}-")
        if turn % 7 == 0:
            assert watcher.ids() == standing
    (journal,) = (tmp_path / "queue").glob("journal-*.log")
    assert int(journal.stem.split("-")[1]) > 3
    assert used(desk) < 30_000
    assert picture(open_store()) == picture(desk.store) == picture(watcher.store)
    for _ in range(60):
        watcher.ids()  # each batch forgets a little of what the history knows
    assert len(watcher.store.state.departures) == len(desk.store.state.departures) < 60
    for store in (desk.store, watcher.store):
        store.close()
    assert not list((tmp_path / "queue").glob("*.tmp-*"))


def test_keys_and_ends_are_known_after_they_moved_to_the_history(open_store, clock, ask, tmp_path):
    desk = Desk(open_store(compaction_floor_bytes=2_048), clock)
    first = desk.fenced("enqueue", ask("task:first"), "first")
    (entry,) = desk.fenced("lease", 1, "owner", ["w"]).leased
    fence = fence_of(entry)
    desk.fenced("complete", fence, Outcome.FAILED)
    churn(desk, ask, 40)
    assert list((tmp_path / "queue").glob("history-*.log"))
    for store in (desk.store, open_store()):
        again = Desk(store, clock)
        assert again.fenced("enqueue", ask("task:first"), "first").entry_id == first.entry_id
        assert again.fenced("complete", fence, Outcome.COMPLETED).outcome is FenceOutcome.ALREADY_APPLIED
        with pytest.raises(InvalidRequestError, match="already bound"):
            again.fenced("enqueue", ask("task:other", dispatch=b'{"workflow_ref":"other"}'), "first")
        generation = again.fenced("enqueue", ask("task:first"), "later").generation
        assert generation >= 2
        assert first.entry_id not in store.state.departures


def test_operations_during_a_compaction_are_in_the_new_journal(open_store, clock, ask):
    desk = Desk(open_store(compaction_floor_bytes=10**9), clock)
    desk.store.begin(create=True)
    queue = Queue(desk.store, clock, LeaseTerms())
    ids = [queue.enqueue(ask(f"task:{n}")).entry_id for n in range(3_000)]
    desk.store.commit()
    other = Desk(open_store(compaction_floor_bytes=10**9), clock)
    desk.store._floor = 1
    desk.store.state.live_bytes = 0  # as if most of the journal were waste
    desk.ids()
    turn = 0
    while desk.store._replica.number == 1:
        for entry_id in (ids[turn], ids[-1 - turn]):
            (desk, other)[turn % 2].act(("hold", "drop", "mark_assigned")[turn % 3], entry_id)
        other.act("reorder", [ids[500 + turn], ids[-100 - turn]])
        other.act("hold", desk.act("enqueue", ask(f"task:new-{turn}")).entry_id)
        turn += 1
    assert turn > 2
    assert picture(desk.store) == picture(other.store) == picture(open_store())


def test_a_short_lived_process_compacts_a_wasteful_journal_when_it_opens_it(open_store, clock, ask, tmp_path):
    desk = Desk(open_store(compaction_floor_bytes=10**9), clock)
    churn(desk, ask, 50)
    size = used(desk)
    late = Desk(open_store(compaction_floor_bytes=4_096), clock)
    assert picture(late.store) == picture(desk.store)
    assert used(late) < size / 4
    assert not (tmp_path / "queue" / JOURNAL).exists()


def test_a_compaction_that_cannot_be_written_fails_no_operation(open_store, clock, ask, tmp_path):
    class NoDrafts(Files):
        def open(self, path, *, create=False, fresh=False):
            if ".tmp-" in path.name and "journal-00000001" not in path.name:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().open(path, create=create, fresh=fresh)

    desk = Desk(open_store(files=NoDrafts(), compaction_floor_bytes=1_024), clock)
    churn(desk, ask, 20)
    assert desk.store.last_fault is None or desk.store.last_fault.errno == errno.ENOSPC
    assert (tmp_path / "queue" / JOURNAL).exists()
    assert picture(open_store()) == picture(desk.store)


def test_drafts_of_a_dead_process_are_swept(desk, open_store, ask, tmp_path):
    fill(desk, ask, 4)
    draft = tmp_path / "queue" / "journal-00000002.log.tmp-99"
    young = tmp_path / "queue" / "journal-00000002.log.tmp-98"
    for path in (draft, young):
        path.write_bytes(b"x")
    os.utime(draft, (0, 0))
    picture(open_store())
    assert not draft.exists()
    assert young.exists()


def test_a_store_starts_where_a_sealed_journal_points(open_store, clock, ask, tmp_path, monkeypatch):
    removed = []

    class KeepsOld(Files):
        def remove(self, path):
            removed.append(path)

    desk = Desk(open_store(files=KeepsOld(), compaction_floor_bytes=2_048), clock)
    churn(desk, ask, 30)
    assert any(path.name == JOURNAL for path in removed)
    assert (tmp_path / "queue" / JOURNAL).exists()
    assert picture(open_store()) == picture(desk.store)
    assert not (tmp_path / "queue" / JOURNAL).exists()


def test_a_store_is_a_directory_with_named_files(desk, ask, tmp_path):
    fill(desk, ask, 4)
    assert sorted(path.name for path in (tmp_path / "queue").iterdir()) == [JOURNAL, "lock"]
    assert isinstance(desk.store, Store)


def test_a_queue_that_is_read_again_lets_go_of_what_it_knew(open_store, clock, ask, tmp_path):
    class Full(Files):
        is_full = False

        def append(self, descriptor, data, offset):
            if self.is_full:
                raise OSError(28, "No space left on device")
            super().append(descriptor, data, offset)

    files = Full()
    store = open_store(files=files)
    store.begin(create=True)
    Queue(store, clock, LeaseTerms()).enqueue(ask("task:A"))
    store.commit()
    known = []
    for _ in range(3):
        files.is_full = True
        store.begin()
        known.append(weakref.ref(store.state))
        Queue(store, clock, LeaseTerms()).enqueue(ask("task:B"))
        with pytest.raises(StorageError):
            store.commit()
        files.is_full = False
    store.begin()
    store.commit()
    assert [state() for state in known] == [None] * 3  # without the cyclic collector, which does not see them
