"""The daemon's log: stamped, levelled, bounded, read and followed."""

import asyncio
import datetime
import subprocess
import sys

import pytest

from animus_control.listener import LISTENER_LIMIT, ListenerLaggedError
from animus_control.log_file import DaemonLog, previous_log, read_log
from animus_plugin_protocol.wire.control import DaemonLogsParams
from animus_plugin_protocol.wire.log_storage import LogLevel, LogSource

LINES = """\
2026-03-01T10:00:00.000000Z queue-default: opened
2026-03-01T10:00:01.000000Z provider-claude: WARNING: slow answer
2026-03-01T10:00:02.000000Z daemon: error: no room
Traceback (most recent call last):
  File "x.py", line 1
2026-03-01T10:00:03.000000Z provider-claude: [debug] took 3 s
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "daemon.log"
    path.write_text(LINES)
    return path


def messages(path, **wanted):
    return [entry.message for entry in read_log(path, DaemonLogsParams(**wanted))]


def test_entries_have_moment_writer_and_the_level_that_the_text_begins_with(path):
    entries = read_log(path, DaemonLogsParams())
    assert [entry.level.value for entry in entries] == ["info", "warn", "error", "error", "info", "debug"]
    assert [entry.target for entry in entries[:3]] == ["queue-default", "provider-claude", "daemon"]
    assert entries[0].source is LogSource.PLUGIN
    assert entries[3].source is LogSource.DAEMON
    assert entries[3].ts == entries[2].ts
    assert len({entry.id for entry in entries}) == 6


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"plugin": "queue-default"}, ["opened"]),
        ({"level": LogLevel.WARN, "plugin": "provider-claude"}, ["WARNING: slow answer"]),
        ({"search": "room"}, ["error: no room"]),
        ({"since": datetime.datetime(2026, 3, 1, 10, 0, 3, tzinfo=datetime.UTC)}, ["[debug] took 3 s"]),
        ({"limit": 1}, ["[debug] took 3 s"]),
        ({"limit": 0}, []),
    ],
)
def test_what_is_wanted_is_chosen(path, wanted, expected):
    assert messages(path, **wanted) == expected


def test_missing_file_and_bytes_that_are_no_text_are_no_error(tmp_path):
    assert messages(tmp_path / "none.log") == []
    (tmp_path / "bad.log").write_bytes(b"\xff\xfe\n\n2026-99-99T99:99:99.000000Z queue: x\n")
    assert len(messages(tmp_path / "bad.log")) == 2


def test_file_is_replaced_at_its_bound_and_the_one_before_is_still_read(tmp_path):
    path = tmp_path / "daemon.log"
    code = """
import sys
from pathlib import Path
from animus_control.log_file import DaemonLog
log = DaemonLog(Path(sys.argv[1]), str.lower, limit_bytes=4000)
for number in range(100):
    log.write("noisy", f"LINE {number:03}")
"""
    with path.open("ab") as file:
        subprocess.run([sys.executable, "-c", code, str(path)], stderr=file, check=True, timeout=60)
    assert path.stat().st_size <= 4100
    assert previous_log(path).stat().st_size <= 4100
    shown = messages(path)
    assert shown[-1] == "line 099"
    assert len(shown) > 50


def test_follower_gets_what_is_written_and_one_that_does_not_read_is_told(tmp_path, capsys):
    log = DaemonLog(tmp_path / "daemon.log", str)

    async def scene():
        quick, slow = log.follow(), log.follow()
        log.write("queue-default", "hello")
        assert (await anext(quick)).message == "hello"
        for number in range(LISTENER_LIMIT + 1):
            log.write("queue-default", str(number))
        with pytest.raises(ListenerLaggedError):
            await anext(slow)

    asyncio.run(scene())
    assert capsys.readouterr().err.startswith(f"{datetime.datetime.now(datetime.UTC):%Y}")
