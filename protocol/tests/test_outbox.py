"""What is written: in order, from any thread, without stopping the reader."""

import threading

import pytest

from animus_plugin_protocol._outbox import Outbox, Scope
from animus_plugin_protocol.errors import FatalError


class Pipe:
    """A sink that takes what a test lets it take."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.taken = b""
        self.is_broken = False
        self.opened = threading.Event()
        self.waits = 0

    def write(self, data) -> int:
        if self.is_broken:
            raise BrokenPipeError
        part = bytes(data[: self.room])
        self.taken += part
        self.room -= len(part)
        if not self.room:
            self.opened.clear()
        return len(part)

    def wait_writable(self, timeout_seconds: float) -> bool:
        self.waits += 1
        return self.opened.wait(timeout_seconds)

    def open(self, room: int) -> None:
        self.room = room
        self.opened.set()


def test_what_fits_is_written_at_once_and_starts_no_thread():
    pipe = Pipe(100)
    outbox = Outbox(pipe)
    outbox.put(b"one\n")
    outbox.put(b"two\n")
    assert pipe.taken == b"one\ntwo\n"
    assert outbox._flusher is None
    assert outbox.flush(0)


def test_what_does_not_fit_waits_and_is_written_in_order():
    pipe = Pipe(5)
    outbox = Outbox(pipe)
    outbox.put(b"12345678")
    outbox.put(b"abcdefgh")
    assert pipe.taken == b"12345"
    assert not outbox.flush(0)
    pipe.open(6)
    pipe.open(1000)
    assert outbox.flush(60)
    assert pipe.taken == b"12345678abcdefgh"
    outbox.put(b"again")
    assert outbox.flush(60)
    assert pipe.taken.endswith(b"again")


def test_a_worker_waits_while_the_host_is_far_behind():
    pipe = Pipe(0)
    outbox = Outbox(pipe)
    outbox.put(b"x" * 100)
    wrote = threading.Event()

    def work() -> None:
        outbox.put_note(b"note", Scope(), limit=10)
        wrote.set()

    threading.Thread(target=work, daemon=True).start()
    outbox.put(b"reader")
    assert not wrote.is_set()
    pipe.open(1000)
    assert wrote.wait(60)
    assert outbox.flush(60)
    assert pipe.taken == b"x" * 100 + b"reader" + b"note"


def test_a_host_that_stops_taking_counts_as_gone():
    outbox = Outbox(Pipe(0), stall_seconds=0.02)
    outbox.put(b"x" * 100)
    with pytest.raises(FatalError, match="the host is gone"):
        outbox.put_note(b"note", Scope(), limit=10)
    assert outbox.is_broken
    assert outbox.flush(0)


def test_a_broken_pipe_drops_replies_and_fails_notifications():
    pipe = Pipe(100)
    pipe.is_broken = True
    outbox = Outbox(pipe)
    outbox.put(b"reply")
    outbox.put_reply(b"reply", Scope())
    with pytest.raises(FatalError):
        outbox.put_note(b"note", Scope(), limit=10)


def test_nothing_of_a_closed_scope_is_written():
    pipe = Pipe(100)
    outbox = Outbox(pipe)
    scope = Scope()
    outbox.put_note(b"1", scope, limit=10)
    outbox.put_reply(b"2", scope)
    outbox.put_note(b"3", scope, limit=10)
    outbox.put_reply(None, Scope())
    assert pipe.taken == b"12"


def test_frames_of_many_threads_stay_whole():
    pipe = Pipe(7)
    outbox = Outbox(pipe)
    threads = [
        threading.Thread(target=lambda mark=mark: [outbox.put(mark * 50 + b"\n") for _ in range(40)])
        for mark in (b"a", b"b", b"c")
    ]
    for thread in threads:
        thread.start()
    pipe.open(1_000_000)
    for thread in threads:
        thread.join()
    assert outbox.flush(60)
    lines = pipe.taken.splitlines()
    assert len(lines) == 120
    assert set(lines) == {b"a" * 50, b"b" * 50, b"c" * 50}
