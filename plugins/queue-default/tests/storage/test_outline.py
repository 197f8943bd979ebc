"""The outline beside a journal: what it spares, and that nothing depends on it."""

import errno
import os

import msgspec
import pytest

from animus_queue_default.fault import CorruptFileError
from animus_queue_default.model.entry import Priority
from animus_queue_default.model.lease import LeaseTerms, fence_of
from animus_queue_default.model.status import Outcome
from animus_queue_default.operations.fenced import FencedQueue
from animus_queue_default.operations.unfenced import Queue
from animus_queue_default.storage.files import Files
from animus_queue_default.storage.journal import Journal

SMALL = 4_096
OUTLINE = "outline-00000001.log"


@pytest.fixture
def busy(open_store, clock, ask):
    """A store whose journal has many stretches: entries that wait, were leased, returned, held, moved, finished."""

    def work(store, turns=300, prefix=""):
        queue, fenced = Queue(store, clock, LeaseTerms()), FencedQueue(store, clock, LeaseTerms())
        ids = []
        for turn in range(turns):
            store.begin(create=True)
            priority = int(list(Priority)[turn % 4])
            ids.append(fenced.enqueue(ask(f"task:{prefix}{turn}", priority=priority), f"{prefix}{turn}").entry_id)
            if turn % 5 == 0:
                queue.enqueue(ask(f"task:{prefix}{turn % 7}", f"other-{turn}"))
            if turn % 6 == 0:
                (entry,) = fenced.lease(1, "owner", [f"{prefix}w{turn}"]).leased
                if turn % 12 == 0:
                    fenced.complete(fence_of(entry), Outcome.COMPLETED)
                elif turn % 18 == 0:
                    fenced.return_to_pending(fence_of(entry), "x")
            if turn % 11 == 0:
                queue.reorder([ids[turn // 2]])
            if turn % 13 == 0 and store.state.find(ids[turn // 3]) is not None:
                queue.drop(ids[turn // 3])
            store.commit()
        return ids

    store = open_store(stretch_bytes=SMALL)
    work(store)
    store.work = work
    return store


def picture(store):
    store.begin()
    state = store.state
    shown = (
        [msgspec.to_builtins(entry) for entry in state.order.walk()],
        dict(state.counts),
        {name: state.generation_of(name) for name in (*state.generations, *state.subjects)},
        {key: state.look(seq).entry_id for key, seq in state.keys.items()},
        [finished.entry_id for finished in store.finished()],
        (state.next_seq, state.next_position, state.front_position, state.live_bytes),
    )
    store.commit()
    return shown


def compact(store, tmp_path):
    store._floor = 1
    while not (tmp_path / "queue" / "journal-00000002.log").exists():
        store.begin()
        store.state.live_bytes = 0  # as if the journal were all waste
        store.commit()
    store._floor = 10**9


@pytest.fixture
def decoded(monkeypatch):
    """How many records were read one by one."""
    seen = []
    read_new = Journal.read_new

    def counted(self, upto=None):
        for frame in read_new(self, upto):
            seen.extend(frame)
            yield frame

    monkeypatch.setattr(Journal, "read_new", counted)
    return seen


def test_a_queue_is_opened_from_its_outline(busy, open_store, decoded, tmp_path):
    before = picture(busy)
    assert (tmp_path / "queue" / OUTLINE).stat().st_size > SMALL
    decoded.clear()
    assert picture(open_store(stretch_bytes=SMALL)) == before
    assert len(decoded) < 30


def test_without_the_outline_the_journal_says_the_same_and_a_new_outline_is_made(busy, open_store, decoded, tmp_path):
    before = picture(busy)
    busy.close()
    (tmp_path / "queue" / OUTLINE).unlink()
    decoded.clear()
    assert picture(open_store(stretch_bytes=SMALL)) == before
    assert len(decoded) > 400
    decoded.clear()
    assert picture(open_store(stretch_bytes=SMALL)) == before
    assert len(decoded) < 30


@pytest.mark.parametrize("part", range(12))
def test_a_damaged_outline_changes_nothing(busy, open_store, tmp_path, part):
    before = picture(busy)
    busy.close()
    path = tmp_path / "queue" / OUTLINE
    data = bytearray(path.read_bytes())
    data[part * len(data) // 12 + part] ^= 0x10
    path.write_bytes(data)
    for _ in range(2):
        assert picture(open_store(stretch_bytes=SMALL)) == before


def test_a_torn_outline_is_continued_behind_what_is_whole(busy, open_store, decoded, tmp_path):
    busy.close()
    path = tmp_path / "queue" / OUTLINE
    path.write_bytes(path.read_bytes()[:-700])
    store = open_store(stretch_bytes=SMALL)
    store.begin()
    store.commit()
    busy.work(store, 100, "more-")
    before = picture(store)
    decoded.clear()
    assert picture(open_store(stretch_bytes=SMALL)) == before
    assert len(decoded) < 100


def test_the_outline_of_another_journal_is_not_believed(busy, open_store, tmp_path, clock):
    busy.close()
    stranger = (tmp_path / "queue" / OUTLINE).read_bytes()
    for path in (tmp_path / "queue").iterdir():
        path.unlink()
    store = open_store(stretch_bytes=SMALL)
    busy.work(store, 200, "other-")
    before = picture(store)
    store.close()
    (tmp_path / "queue" / OUTLINE).write_bytes(stranger)
    assert picture(open_store(stretch_bytes=SMALL)) == before


def test_damage_to_a_journal_is_found_though_the_outline_is_whole(busy, open_store, tmp_path):
    busy.close()
    path = tmp_path / "queue" / "journal-00000001.log"
    whole = path.read_bytes()
    for at in (500, 20_000, 60_000):
        damaged = bytearray(whole)
        damaged[at] ^= 0x40
        path.write_bytes(damaged)
        with pytest.raises(CorruptFileError, match=r"journal-00000001\.log' is damaged at byte"):
            open_store(stretch_bytes=SMALL).begin()
        assert path.read_bytes() == damaged


def test_two_processes_write_one_outline(busy, open_store, decoded):
    other = open_store(stretch_bytes=SMALL)
    for turn in range(20):
        busy.work((busy, other)[turn % 2], 10, f"{turn}-")
    before = picture(busy)
    assert picture(other) == before
    decoded.clear()
    assert picture(open_store(stretch_bytes=SMALL)) == before
    assert len(decoded) < 200


def test_a_compaction_leaves_an_outline_behind(busy, open_store, decoded, tmp_path):
    watcher = open_store(stretch_bytes=SMALL)
    before = picture(watcher)
    compact(busy, tmp_path)
    for _ in range(50):
        for store in (busy, watcher):
            store.begin()
            store.commit()
    # Both have learned where records lie now, and let go of the old file.
    for store in (busy, watcher):
        assert list(store._replica.payloads._journals) == [2]
        assert picture(store)[:-1] == before[:-1]
    decoded.clear()
    assert picture(open_store(stretch_bytes=SMALL))[:-1] == before[:-1]
    assert len(decoded) < 30


def test_what_only_one_process_held_is_found_by_the_other_after_a_compaction(busy, open_store, clock, tmp_path):
    watcher = open_store(stretch_bytes=SMALL)
    watcher.begin()
    shelved = [entry.entry_id for entry in watcher.state.order.walk() if entry.seq in watcher.state.shelf][:20]
    watcher.commit()
    busy.begin()
    for entry_id in shelved:
        assert busy.state.find(entry_id).seq in busy.state.warm
    busy.commit()
    assert all(watcher.state.ids.get(entry_id) in watcher.state.shelf for entry_id in shelved)
    compact(busy, tmp_path)
    for _ in range(50):
        watcher.begin()
        watcher.commit()
    assert list(watcher._replica.payloads._journals) == [2]
    watcher.begin()
    assert [Queue(watcher, clock, LeaseTerms()).hold(entry_id).changed for entry_id in shelved] == [True] * 20
    watcher.commit()


def test_no_room_for_an_outline_fails_no_operation(open_store, busy, tmp_path):
    class NoOutlines(Files):
        def open(self, path, **more):
            if path.name.startswith("outline-") and (more.get("create") or more.get("fresh")):
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().open(path, **more)

    busy.close()
    (tmp_path / "queue" / OUTLINE).unlink()
    store = open_store(stretch_bytes=SMALL, files=NoOutlines())
    ids = busy.work(store, 60, "late-")
    assert store.last_fault is None
    assert len(set(ids)) == 60
    assert not (tmp_path / "queue" / OUTLINE).exists()
    assert picture(open_store(stretch_bytes=SMALL)) == picture(store)


def test_a_record_that_changed_under_an_open_queue_is_named_and_nothing_half_done_is_kept(
    open_store, clock, ask, tmp_path
):
    store = open_store()
    queue = Queue(store, clock, LeaseTerms())
    store.begin(create=True)
    ids = [queue.enqueue(ask(f"task:{number}")).entry_id for number in range(4)]
    store.commit()
    path = tmp_path / "queue" / "journal-00000001.log"
    whole = path.read_bytes()
    at = whole.index(ids[2].encode())
    path.write_bytes(whole[: at - 12] + b"\xff" * 12 + whole[at:])
    store.begin()
    with pytest.raises(CorruptFileError, match=r"was damaged at byte \d+ after it was opened"):
        queue.lease(4)
    with pytest.raises(CorruptFileError, match="after it was opened"):
        store.commit()
    path.write_bytes(whole)
    store.begin()
    assert [entry.status.value for entry in store.state.order.walk()] == ["pending"] * 4
    store.commit()


def test_a_table_of_a_segment_that_was_never_published_is_swept(open_store, clock, ask, tmp_path):
    store = open_store()
    store.begin(create=True)
    store.commit()
    store.close()
    stray = tmp_path / "queue" / "history-00000002-00000003.idx"
    stray.write_bytes(b"x")
    os.utime(stray, (0, 0))
    open_store().begin()
    assert not stray.exists()
