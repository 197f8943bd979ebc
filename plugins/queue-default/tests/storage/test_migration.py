"""A queue that the first format left is taken over as it stands, and is of the new format after its next compaction.

The files in ``format-1`` were written by the version that knew that format alone; ``picture.json`` is what it said of
them itself.
"""

import json
import shutil
from pathlib import Path

import msgspec
import pytest

from animus_queue_default.clock import HandClock
from animus_queue_default.fault import InvalidRequestError
from animus_queue_default.model.lease import LeaseTerms
from animus_queue_default.model.record import FORMAT
from animus_queue_default.model.request import Request
from animus_queue_default.operations.fenced import FencedQueue
from animus_queue_default.storage.frame import MAGIC_LENGTH, read_frames
from animus_queue_default.storage.store import Store

FIXTURE = Path(__file__).parent / "format-1"
PICTURE = json.loads((FIXTURE / "picture.json").read_text())


@pytest.fixture
def directory(tmp_path):
    target = tmp_path / "queue"
    shutil.copytree(FIXTURE, target, ignore=shutil.ignore_patterns("picture.json"))
    return target


@pytest.fixture
def open_queue(directory):
    stores = []

    def start(**more):
        stores.append(Store(directory, HandClock(PICTURE["clock"]), **more))
        return stores[-1]

    yield start
    for store in stores:
        store.close()


def picture(store):
    store.begin()
    state = store.state
    shown = {
        "entries": [msgspec.to_builtins(entry, str_keys=True) for entry in state.order.walk()],
        "counts": {status.value: count for status, count in state.counts.items()},
        "generations": {name: state.generation_of(name) for name in (*state.generations, *state.subjects)},
        "keys": {key: state.look(seq).entry_id for key, seq in state.keys.items()},
        "finished": [finished.entry_id for finished in store.finished()],
        "gone_key": state.find_key("gone-3")[0].entry_id,
        "clock": PICTURE["clock"],
    }
    store.commit()
    shown["generations"] = {name: count for name, count in shown["generations"].items() if count}
    return json.loads(msgspec.json.encode(shown))


def formats(directory):
    found = []
    for path in directory.glob("journal-*.log"):
        data = path.read_bytes()
        payload, _ = next(
            iter(read_frames(lambda length, start, data=data: data[start : start + length], MAGIC_LENGTH))
        )
        found.append(msgspec.msgpack.decode(payload)[0][1])
    return found


def compact(store, directory):
    journals = set(directory.glob("journal-*.log"))
    for _ in range(500):
        store.begin()
        store.state.live_bytes = 0  # as if the journal were all waste
        store.commit()
        if set(directory.glob("journal-*.log")) != journals:
            return
    raise AssertionError("the journal was not compacted")


def test_a_queue_of_the_first_format_reads_as_it_was(open_queue, directory):
    assert formats(directory) == [1]
    assert picture(open_queue()) == PICTURE
    assert formats(directory) == [1]


def test_operations_go_on_in_the_old_file_and_are_read_back(open_queue, directory):
    store = open_queue()
    queue = FencedQueue(store, HandClock(PICTURE["clock"]), LeaseTerms())
    store.begin()
    new = queue.enqueue(
        Request(subject="task:new", subject_key="new", workflow_ref="standard", dispatch=b"{}", priority=2), "new"
    ).entry_id
    store.commit()
    assert formats(directory) == [1]
    for reader in (store, open_queue()):
        shown = picture(reader)
        assert shown["keys"] == PICTURE["keys"] | {"new": new}
        assert [entry for entry in shown["entries"] if entry[1] != new] == PICTURE["entries"]


def test_the_next_compaction_writes_the_new_format_and_loses_nothing(open_queue, directory):
    store = open_queue(compaction_floor_bytes=1)
    picture(store)
    compact(store, directory)
    assert formats(directory) == [FORMAT]
    for reader in (store, open_queue()):
        assert picture(reader) == PICTURE


def test_a_key_of_the_first_format_still_knows_its_request(open_queue):
    """That version counted the subject's title as content; what it bound is recognised, with a new title or not."""
    store = open_queue()
    queue = FencedQueue(store, HandClock(PICTURE["clock"]), LeaseTerms())
    content = {
        "subject": {"kind": "animus.task", "id": "S2", "title": "T"},
        "workflow_ref": "standard",
        "trigger_source": "x",
        "requested_at": "2026-02-02T00:00:00Z",
    }

    def ask(**more):
        return Request(
            subject="task:S2",
            subject_key="S2",
            workflow_ref="standard",
            dispatch=json.dumps(content | more, separators=(",", ":")).encode(),
            priority=2,
            task_id="S2",
        )

    store.begin()
    again = queue.enqueue(ask(), "k2")
    assert (again.entry_id, again.enqueued) == (PICTURE["keys"]["k2"], False)
    with pytest.raises(InvalidRequestError, match="already bound"):
        queue.enqueue(ask(trigger_source="y"), "k2")
    store.commit()
