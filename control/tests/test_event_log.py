"""What is recorded, what is hidden, what is bounded."""

import asyncio
import json

import pytest

from animus_control.event_file import previous_of, read_events
from animus_control.event_log import EventLog
from animus_control.listener import LISTENER_LIMIT, ListenerLaggedError


def redacted(data):
    return {name: "[redacted]" if value == "violet-umbrella" else value for name, value in data.items()}


@pytest.fixture
def log(tmp_path):
    made = EventLog(tmp_path / "logs" / "events.jsonl", tmp_path, redacted)
    yield made
    made.close()


def test_event_is_one_line_of_the_public_schema(log, tmp_path):
    log.record("run_started", workflow_id="run-1")
    (line,) = (tmp_path / "logs" / "events.jsonl").read_text().splitlines()
    row = json.loads(line)
    assert row["schema"] == "animus.daemon-event.v1"
    assert row["event_type"] == "run_started"
    assert row["data"] == {"workflow_id": "run-1"}
    assert row["timestamp"].endswith("Z")


def test_numbers_go_on_in_the_next_process(tmp_path):
    for expected in (1, 2, 3):
        log = EventLog(tmp_path / "events.jsonl", tmp_path, redacted)
        assert log.record("x").seq == expected
        log.close()


def test_what_is_taken_out_is_neither_written_nor_told(log, tmp_path):
    event = log.record("x", word="violet-umbrella")
    assert event.payload == {"word": "[redacted]"}
    assert "violet-umbrella" not in (tmp_path / "logs" / "events.jsonl").read_text()

    async def scene():
        listener = log.listen()
        log.tell("live", {"word": "violet-umbrella"})
        return (await anext(listener)).payload

    assert asyncio.run(scene()) == {"word": "[redacted]"}


def test_file_is_replaced_at_its_bound_and_one_previous_is_kept(tmp_path):
    log = EventLog(tmp_path / "events.jsonl", tmp_path, redacted, kept_bytes=2 * 2000)
    for number in range(100):
        log.record("x", number=number)
    log.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.jsonl", "events.previous.jsonl"]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 5000
    events = read_events(tmp_path / "events.jsonl")
    assert events[-1].payload == {"number": 99}
    assert [event.seq for event in events] == list(range(events[0].seq, 101))


def test_numbers_go_on_where_the_last_event_filled_the_file(tmp_path):
    path = tmp_path / "events.jsonl"
    log = EventLog(path, tmp_path, redacted, kept_bytes=2_000)
    while not previous_of(path).exists():
        last = log.record("tick", text="x" * 100).seq
    log.close()
    log = EventLog(path, tmp_path, redacted, kept_bytes=2_000)
    assert log.record("tick").seq == last + 1
    log.close()


def test_file_that_somebody_removed_is_begun_anew(tmp_path):
    path = tmp_path / "events.jsonl"
    log = EventLog(path, tmp_path, redacted, kept_bytes=2_000)
    log.record("tick")
    path.unlink()
    last = max(log.record("tick", text="x" * 100).seq for _ in range(20))
    assert read_events(path)[-1].seq == last
    log.close()


def test_torn_last_line_is_skipped(log, tmp_path):
    log.record("x")
    with (tmp_path / "logs" / "events.jsonl").open("ab") as file:
        file.write(b'{"schema": "anim')
    assert [event.kind for event in read_events(tmp_path / "logs" / "events.jsonl")] == ["x"]


def test_reading_gives_the_latest_events_since_a_moment(log, tmp_path):
    first = log.record("a")
    second = log.record("b")
    path = tmp_path / "logs" / "events.jsonl"
    assert [event.kind for event in read_events(path, limit=1)] == ["b"]
    assert [event.kind for event in read_events(path, since=second.occurred_at)] == ["b"]
    assert [event.kind for event in read_events(path, since=first.occurred_at)] == ["a", "b"]
    assert read_events(path, limit=0) == []


def test_listener_gets_what_happens_after_it_began(log):
    async def scene():
        log.record("before")
        listener = log.listen()
        log.record("after")
        log.tell("live", {"line": "x"})
        return [(await anext(listener)).kind, (await anext(listener)).kind]

    assert asyncio.run(scene()) == ["after", "live"]


def test_live_view_is_not_written_down(log, tmp_path):
    log.tell("phase_output", {"line": "x"})
    assert read_events(tmp_path / "logs" / "events.jsonl") == []


def test_listener_that_does_not_keep_up_is_told_so(log):
    async def scene():
        listener = log.listen()
        for _ in range(LISTENER_LIMIT + 1):
            log.tell("x", {})
        await anext(listener)

    with pytest.raises(ListenerLaggedError):
        asyncio.run(scene())
