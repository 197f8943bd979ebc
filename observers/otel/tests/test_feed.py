"""The feed against a daemon's side of the socket that the test writes itself."""

import json
import socket
import threading

import pytest

from animus_control.endpoint import socket_path
from animus_control.project import find_project
from animus_observer_otel import feed as module
from animus_observer_otel.cursor import Position
from animus_observer_otel.feed import DaemonFeed
from animus_plugin_protocol.codec import encode_json

SECONDS = 60


class ScriptedDaemon:
    """Answers each connection's subscription with the events it is given for it, then hangs up."""

    def __init__(self, path, scripts) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.asked = []
        self._scripts = list(scripts)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        self._socket.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        for events in self._scripts:
            connection, _ = self._socket.accept()
            with connection, connection.makefile("rwb") as stream:
                request = json.loads(stream.readline())
                self.asked.append(request["params"])
                frames = [{"jsonrpc": "2.0", "id": request["id"], "result": {}}]
                frames += [
                    {
                        "jsonrpc": "2.0",
                        "method": "daemon/event",
                        "params": {"id": request["id"], "data": json.loads(encode_json(event))},
                    }
                    for event in events
                ]
                closed = {"method": "subscription/closed", "params": {"id": request["id"], "reason": "ended"}}
                frames.append({"jsonrpc": "2.0", **closed})
                try:
                    stream.write(b"".join(json.dumps(frame).encode() + b"\n" for frame in frames))
                    stream.flush()
                except OSError:
                    continue

    def close(self) -> None:
        self._thread.join(SECONDS)
        self._socket.close()


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "p").mkdir()
    environ = {"HOME": str(tmp_path), "ANIMUS_CONFIG_DIR": str(tmp_path / "a")}
    found = find_project(tmp_path / "p", environ)
    yield found
    socket_path(found).unlink(missing_ok=True)  # a long path moves to a folder that outlives the test


@pytest.fixture
def read(project, monkeypatch):
    """What a feed reads from a daemon that answers `scripts`, one connection each."""
    monkeypatch.setattr(module, "_FIRST_RETRY_SECONDS", 0.01)
    monkeypatch.setattr(module, "_ROOM_SECONDS", 0.01)

    def run(*scripts, position=None, count, follow=True):
        daemon = ScriptedDaemon(socket_path(project), scripts)
        said = []
        feed = DaemonFeed(project, position, follow=follow, say=said.append)
        feed.start()
        found = []
        while len(found) < count:
            batch = feed.take(100, SECONDS)
            assert batch, "nothing came"
            found += batch
        daemon.close()
        feed.close()
        return found, feed, daemon, said

    return run


def test_stream_that_ended_is_taken_up_behind_the_last_event(read, record):
    events = [record("a"), record("b"), record("c")]
    found, feed, daemon, _ = read(events[:2], events, count=3)
    assert [event.kind for event in found] == ["a", "b", "c"]
    assert feed.missed == 0
    assert "since" not in daemon.asked[0] or daemon.asked[0]["since"] is None
    assert daemon.asked[1]["since"] < events[1].occurred_at.isoformat()


def test_everything_is_asked_for_and_known_events_are_left_out(read, record):
    events = [record("a"), record("b"), record("c")]
    position = Position(events[1].seq, events[1].occurred_at)
    found, _, daemon, _ = read(events, position=position, count=1)
    assert [event.kind for event in found] == ["c"]
    assert daemon.asked[0]["limit"] is None


def test_events_that_no_log_has_any_more_are_counted(read, record):
    first = record("a")
    record.seq = 10
    _, feed, _, _ = read([record("b")], position=Position(first.seq, first.occurred_at), count=1)
    assert feed.missed == 9


def test_full_buffer_ends_the_stream_and_loses_nothing(read, record, monkeypatch):
    monkeypatch.setattr(module, "BUFFER_LIMIT", 4)
    events = [record(str(number)) for number in range(6)]
    found, feed, _, _ = read(events, events, count=6)
    assert [event.kind for event in found] == [event.kind for event in events]
    assert feed.missed == 0


def test_missing_daemon_is_said_once_and_waited_for(project, monkeypatch):
    monkeypatch.setattr(module, "_FIRST_RETRY_SECONDS", 0.001)
    said = []
    told = threading.Event()
    feed = DaemonFeed(project, None, follow=True, say=lambda text: (said.append(text), told.set()))
    feed.start()
    assert told.wait(SECONDS)
    assert feed.take(1, 0.05) == []
    feed.close()
    assert said == ["no daemon serves the project; waiting for it"]


def test_feed_without_follow_is_over_after_what_there_is(read, record):
    found, feed, daemon, said = read([record("a")], count=1, follow=False)
    assert (len(found), feed.is_over(), said) == (1, True, [])
    assert daemon.asked[0].get("follow") is not True
