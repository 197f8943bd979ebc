import asyncio

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from animus_plugin_runtime.note import Note, NoteQueue


def output(text, session="s", *, final=False, **extra):
    return msgspec.Raw(msgspec.json.encode({"session_id": session, "text": text, "final": final, **extra}))


def drain(queue):
    async def main():
        queue.close()
        notes = []
        while (note := await queue.get()) is not None:
            notes.append(note)
        return notes

    return asyncio.run(main())


def test_queue_keeps_notes_as_they_are_while_there_is_room():
    queue = NoteQueue()
    for number in range(200):
        queue.put("agent/output", output(str(number)))
    assert drain(queue) == [Note("agent/output", output(str(number))) for number in range(200)]


def test_full_queue_joins_output_of_a_session_and_loses_no_text():
    queue = NoteQueue(limit=4)
    for number in range(100):
        queue.put("agent/output", output(f"{number} ", model="m"))
    queue.put("agent/output", output("end", final=True, model="m"))
    notes = drain(queue)
    texts = [msgspec.json.decode(note.params) for note in notes]
    assert len(notes) == 4
    assert "".join(text["text"] for text in texts) == "".join(f"{number} " for number in range(100)) + "end"
    assert texts[-1]["final"] is True
    assert texts[-1]["model"] == "m"
    assert all(note.dropped == 0 for note in notes)


def test_full_queue_never_joins_sessions_or_what_follows_the_final_piece():
    queue = NoteQueue(limit=1)
    queue.put("agent/output", output("a"))
    queue.put("agent/output", output("b", "other"))
    queue.put("agent/output", output("c", "other", final=True))
    queue.put("agent/output", output("d", "other"))
    [note] = drain(queue)
    assert msgspec.json.decode(note.params)["text"] == "d"
    assert note.dropped == 3


def test_output_that_is_none_is_dropped_like_any_note():
    queue = NoteQueue(limit=1)
    queue.put("agent/output", msgspec.Raw(b'{"text": 7}'))
    queue.put("agent/output", msgspec.Raw(b'{"text": 8}'))
    assert drain(queue) == [Note("agent/output", msgspec.Raw(b'{"text": 8}'), 1)]


@given(st.lists(st.tuples(st.sampled_from(["$/progress", "agent/output", "agent/error"]), st.text(max_size=30))))
def test_queue_stays_within_its_bounds_and_counts_every_note(puts):
    queue = NoteQueue(limit=5, limit_bytes=600)
    joined = 0
    for method, text in puts:
        queue.put(method, output(text))
        assert queue.held_bytes <= 600
        assert len(queue._waiting) <= 5
    joined = sum(len(waiting.pieces) for waiting in queue._waiting)
    unreported = queue.dropped if not queue._waiting else 0
    notes = drain(queue)
    assert len(notes) + joined + sum(note.dropped for note in notes) + unreported == len(puts)


def test_notes_that_somebody_waits_for_outlast_a_flood():
    queue = NoteQueue(limit=4)
    queue.put("agent/sessionStarted", msgspec.Raw(b'{"session_id":"s"}'))
    queue.put("agent/interactionRequested", msgspec.Raw(b'{"interaction_id":"i"}'))
    for number in range(50):
        queue.put("agent/thinking", msgspec.Raw(b'{"text":"%d"}' % number))
    notes = drain(queue)
    assert [note.method for note in notes[:2]] == ["agent/sessionStarted", "agent/interactionRequested"]
    assert sum(note.dropped for note in notes) == 48


def test_flood_of_notes_that_somebody_waits_for_is_bounded_too():
    queue = NoteQueue(limit=4)
    for number in range(50):
        queue.put("agent/sessionStarted", msgspec.Raw(b'{"session_id":"%d"}' % number))
    assert len(drain(queue)) == 4
