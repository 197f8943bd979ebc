import datetime

import pytest

from animus_observer_otel.cursor import Cursor, CursorError, CursorFile, Position
from animus_observer_otel.timeline import OpenRun


@pytest.fixture
def path(tmp_path):
    return tmp_path / "observer-otel" / "cursor.json"


def test_cursor_is_found_again(path, record):
    event = record("run_started", "run-1")
    cursor = Cursor(
        position=Position(event.seq, event.occurred_at), open_runs={"run-1": OpenRun(run_id="run-1", started_ns=1)}
    )
    with CursorFile(path) as file:
        assert file.load() == Cursor()
        file.save(cursor)
    with CursorFile(path) as file:
        assert file.load() == cursor
    assert path.parent.stat().st_mode & 0o077 == 0


def test_cursor_belongs_to_one_observer(path):
    with CursorFile(path), pytest.raises(CursorError, match="another observer"):
        CursorFile(path)


@pytest.mark.parametrize("text", ["", "{", '{"schema": "other"}', '{"position": 3}'])
def test_file_that_is_no_cursor_is_named(path, text):
    with CursorFile(path) as file:
        path.write_text(text)
        with pytest.raises(CursorError, match=str(path)):
            file.load()


def test_position_knows_what_is_still_to_come(record):
    first, second, third = record("a"), record("b"), record("c")
    position = Position(second.seq, second.occurred_at)
    assert [position.is_before(event) for event in (first, second, third)] == [False, False, True]
    assert position.missed_before(third) == 0
    record.seq = 9
    assert position.missed_before(record("d")) == 7


def test_log_that_was_begun_anew_is_read_from_its_start(record):
    position = Position(500, record("a").occurred_at)
    anew = record("b")
    assert position.is_before(anew)
    assert position.missed_before(anew) == 0


def test_clock_that_was_set_back_hides_nothing(record):
    event = record("a")
    position = Position(event.seq - 1, event.occurred_at + datetime.timedelta(hours=1))
    assert position.is_before(event)
