"""What finished long ago: found by id and key without being held in memory, in ever fewer files."""

import errno

import pytest

from animus_queue_default.fault import CorruptFileError, StorageError
from animus_queue_default.model.entry import BoundKey, Finished, Standing
from animus_queue_default.model.lease import LeaseTerms, fence_of
from animus_queue_default.model.status import Outcome
from animus_queue_default.operations.fenced import FencedQueue
from animus_queue_default.storage.draft import Draft
from animus_queue_default.storage.files import Files
from animus_queue_default.storage.frame import HISTORY_MAGIC
from animus_queue_default.storage.history import History, covering_spans
from animus_queue_default.storage.journal import batch_offsets, encode_batch, encode_record
from animus_queue_default.storage.merge import Merge
from animus_queue_default.storage.segment import Segment, Span, segment_spans
from animus_queue_default.storage.table import TableRows, digest_of


def finished(name):
    return Finished(
        seq=1,
        entry_id=f"entry-{name}",
        subject=f"task:{name}",
        workflow_ref="w",
        outcome=Outcome.COMPLETED,
        finished_at=1,
        finished_by="completion",
        enqueued_at=0,
        standing=Standing(subject_generation=1),
        keys=(BoundKey(f"key-{name}", "h"), BoundKey(f"second-{name}", "h")),
    )


def write_segment(directory, number, names, *, frame=4, table=True):
    path = Span(number, number).path(directory)
    draft, rows = Draft(Files(), path, HISTORY_MAGIC, "x"), TableRows()
    for first in range(0, len(names), frame):
        batch = [finished(name) for name in names[first : first + frame]]
        raws = [encode_record(item) for item in batch]
        start = draft.write(encode_batch(raws))
        rows.note_frame(start, len(batch))
        for item, raw, offset in zip(batch, raws, batch_offsets(start, raws), strict=True):
            rows.note(item, offset, len(raw))
    if table:
        for _ in rows.save(Files(), path.with_suffix(".idx"), draft.mark(), "x"):
            pass
    draft.publish()
    return path


@pytest.fixture
def history(tmp_path):
    def load(upto=99, **more):
        history = History(Files(), tmp_path)
        history.load(upto, **more)
        opened.append(history)
        return history

    opened = []
    yield load
    for history in opened:
        history.close()


def names_of(history, skip=0):
    return [item.subject.removeprefix("task:") for item in history.backwards(skip)]


@pytest.mark.parametrize("table", [True, False])
def test_an_entry_is_found_by_its_id_and_by_each_of_its_keys(tmp_path, history, table):
    write_segment(tmp_path, 2, [f"a{n}" for n in range(10)], table=table)
    write_segment(tmp_path, 3, [f"b{n}" for n in range(10)], table=table)
    known = history()
    for name in ("a0", "a7", "b9"):
        assert known.find_entry(f"entry-{name}").subject == f"task:{name}"
        assert known.find_key(f"key-{name}") == known.find_key(f"second-{name}") == finished(name)
    assert known.find_entry("key-a0") is None
    assert known.find_key("entry-a0") is None


def test_what_shares_a_hash_is_told_apart(tmp_path, history, monkeypatch):
    for module in ("table", "history"):
        monkeypatch.setattr(f"animus_queue_default.storage.{module}.digest_of", lambda _kind, text: len(text))
    write_segment(tmp_path, 2, [f"a{n}" for n in range(9)])
    known = history()
    assert known.find_key("key-a5") == finished("a5")
    assert known.find_key("key-x5") is None
    assert digest_of(b"e", "x") != digest_of(b"k", "x")


@pytest.mark.parametrize("skip", [0, 1, 3, 4, 5, 9, 10, 11, 19, 20, 30])
def test_history_is_read_backwards_from_any_place(tmp_path, history, skip):
    names = [f"n{n:02}" for n in range(20)]
    write_segment(tmp_path, 2, names[:10])
    write_segment(tmp_path, 3, names[10:])
    assert names_of(history(), skip) == names[::-1][skip:]


@pytest.mark.parametrize("harm", ["cut", "flip", "stranger", "empty"])
def test_a_damaged_table_is_made_again(tmp_path, history, harm):
    path = write_segment(tmp_path, 2, [f"a{n}" for n in range(30)])
    table = path.with_suffix(".idx")
    data = bytearray(table.read_bytes())
    if harm == "cut":
        table.write_bytes(data[:-8])
    elif harm == "flip":
        data[len(data) // 2] ^= 1
        table.write_bytes(data)
    elif harm == "stranger":
        other = write_segment(tmp_path, 3, [f"b{n}" for n in range(30)])
        table.write_bytes(other.with_suffix(".idx").read_bytes())
        other.unlink()
    else:
        table.write_bytes(b"")
    assert history().find_key("key-a29") == finished("a29")
    assert history().find_key("key-b29") is None


def test_damage_to_a_segment_is_named(tmp_path, history):
    path = write_segment(tmp_path, 2, [f"a{n}" for n in range(30)], table=False)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptFileError, match=r"history-00000002\.log' is damaged at byte \d+"):
        history().find_key("key-a0")
    assert path.read_bytes() == data


def finish(merging):
    while not merging.is_done:
        merging.step()


def merge(files, directory, history):
    finish(Merge(files, directory, history, history.plan_merge()))


def test_neighbours_of_like_size_become_one_and_nothing_is_lost(tmp_path, history):
    names = [f"n{n:02}" for n in range(40)]
    for number in range(4):
        write_segment(tmp_path, number + 2, names[10 * number : 10 * number + 10])
    known = history()
    while known.plan_merge():
        merge(Files(), tmp_path, known)
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        "history-00000002-00000005.idx",
        "history-00000002-00000005.log",
    ]
    for reader in (known, history()):
        assert names_of(reader) == names[::-1]
        assert all(reader.find_key(f"key-{name}") == finished(name) for name in names)


def test_a_small_segment_is_not_merged_into_a_large_one(tmp_path, history):
    write_segment(tmp_path, 2, [f"a{n}" for n in range(40)])
    write_segment(tmp_path, 3, ["b"])
    assert history().plan_merge() == ()


def test_segments_that_a_crash_left_beside_their_merger_do_not_count(tmp_path, history):
    class Keeps(Files):
        def remove(self, path):
            if not path.name.startswith("history-"):
                super().remove(path)

    names = [f"n{n:02}" for n in range(20)]
    write_segment(tmp_path, 2, names[:10])
    write_segment(tmp_path, 3, names[10:])
    known = History(Keeps(), tmp_path)
    known.load(99)
    merge(Keeps(), tmp_path, known)
    known.close()
    assert len(list(tmp_path.glob("history-*.log"))) == 3
    assert names_of(history()) == names[::-1]
    assert len(list(tmp_path.glob("history-*.log"))) == 3
    assert names_of(history(tidy=True)) == names[::-1]
    assert [path.name for path in tmp_path.glob("history-*.log")] == ["history-00000002-00000003.log"]


def test_a_merge_that_cannot_be_written_leaves_what_there_was(tmp_path, history):
    class Full(Files):
        def write(self, descriptor, data, offset):
            if offset > 1_000:
                raise OSError(errno.ENOSPC, "No space left on device")
            super().write(descriptor, data, offset)

    names = [f"n{n:02}" for n in range(20)]
    write_segment(tmp_path, 2, names[:10])
    write_segment(tmp_path, 3, names[10:])
    known = history()
    merging = Merge(Full(), tmp_path, known, known.plan_merge())
    with pytest.raises(OSError, match="No space"):
        finish(merging)
    merging.abandon()
    assert sorted(path.name for path in tmp_path.glob("*.log*")) == ["history-00000002.log", "history-00000003.log"]
    assert names_of(history()) == names[::-1]


def test_another_process_finds_what_was_merged_under_it(tmp_path, history):
    names = [f"n{n:02}" for n in range(20)]
    write_segment(tmp_path, 2, names[:10])
    write_segment(tmp_path, 3, names[10:])
    reader, merger = history(), history()
    merge(Files(), tmp_path, merger)
    assert reader.find_key("key-n03") == finished("n03")
    assert [segment.span for segment in reader.segments] == [(2, 3)]


def test_another_process_reads_on_in_what_was_merged_under_it(tmp_path, history):
    names = [f"n{n:02}" for n in range(20)]
    write_segment(tmp_path, 2, names[:10])
    write_segment(tmp_path, 3, names[10:])
    reader, planner, merger = history(), history(), history()
    merge(Files(), tmp_path, merger)
    assert names_of(reader) == names[::-1]
    assert planner.plan_merge() == ()


def test_a_segment_that_is_lost_is_not_taken_for_merged(tmp_path, history):
    write_segment(tmp_path, 2, ["a"])
    path = write_segment(tmp_path, 3, ["b"])
    reader = history()
    path.unlink()
    with pytest.raises(StorageError, match=r"cannot read '.*history-00000003\.log'"):
        names_of(reader)
    with pytest.raises(StorageError, match="put the file back"):
        reader.find_key("key-zzz")


def test_a_segment_from_behind_the_current_journal_does_not_count(tmp_path, history):
    write_segment(tmp_path, 2, ["a"])
    write_segment(tmp_path, 3, ["b"])
    assert names_of(history(2)) == ["a"]


def test_spans_are_read_from_names():
    spans = segment_spans(["history-00000003.log", "history-00000001-00000002.log", "history-x.log", "journal-1.log"])
    assert spans == [(1, 2), (3, 3)]
    assert covering_spans([Span(1, 4), Span(2, 2), Span(5, 5), Span(1, 2)]) == ([(1, 4), (5, 5)], [(1, 2), (2, 2)])


def test_a_long_life_leaves_few_files_and_knows_every_key(open_store, clock, ask, tmp_path):
    store = open_store(compaction_floor_bytes=2_048)
    queue = FencedQueue(store, clock, LeaseTerms())
    ids = {}
    for turn in range(1_500):
        store.begin(create=True)
        ids[f"k{turn}"] = queue.enqueue(ask(f"task:{turn}"), f"k{turn}").entry_id
        (entry,) = queue.lease(1, "owner", [f"w{turn}"]).leased
        queue.complete(fence_of(entry), Outcome.COMPLETED)
        store.commit()
    assert len(list((tmp_path / "queue").glob("history-*.log"))) < 12
    for reader in (store, open_store()):
        again = FencedQueue(reader, clock, LeaseTerms())
        reader.begin()
        assert {key: again.enqueue(ask(f"task:{key[1:]}"), key).entry_id for key in ids} == ids
        assert [item.entry_id for item in reader.finished()] == list(ids.values())[::-1]
        assert [item.entry_id for item in reader.finished(700)] == list(ids.values())[::-1][700:]
        reader.commit()


def test_a_segment_holds_no_memory_until_it_is_asked(tmp_path):
    write_segment(tmp_path, 2, ["a"])
    segment = Segment(Files(), tmp_path, Span(2, 2))
    assert segment._descriptor is None
    assert segment.count == 1
    segment.close()
