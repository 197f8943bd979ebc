import subprocess
import threading

import pytest

from animus_agent_cli.pump import INPUT_LIMIT_BYTES, Pump

_WAIT_SECONDS = 60


@pytest.fixture
def start_pump():
    started = []

    def start(script, first=b"", *, is_input_open=False, on_output=None):
        printed = []
        process = subprocess.Popen(
            ["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
        )
        take = on_output or printed.append
        outputs = [(process.stdout, take), (process.stderr, printed.append)]
        pump = Pump(process.stdin, first, outputs, is_input_open=is_input_open)
        pump.start()
        started.append((process, pump))
        return pump, printed

    yield start
    for process, pump in started:
        process.kill()
        pump.finish(_WAIT_SECONDS)
        process.wait(_WAIT_SECONDS)


def test_input_that_is_not_open_ends_behind_the_first_words(start_pump):
    pump, printed = start_pump("cat; echo end", b"first\n")
    assert pump.wait(_WAIT_SECONDS)
    assert b"".join(printed) == b"first\nend\n"
    assert not pump.write(b"more")


def test_open_input_takes_more_words_until_it_is_ended(start_pump):
    told = threading.Event()
    printed = []

    def take(data):
        printed.append(data)
        told.set()

    pump, _ = start_pump("cat", b"one\n", is_input_open=True, on_output=take)
    assert told.wait(_WAIT_SECONDS)
    assert pump.write(b"two\n")
    assert pump.write(b"three\n")
    pump.end_input()
    pump.end_input()
    assert not pump.write(b"four\n")
    assert pump.wait(_WAIT_SECONDS)
    assert b"".join(printed) == b"one\ntwo\nthree\n"


def test_input_without_words_stays_open_until_it_is_ended(start_pump):
    pump, printed = start_pump("cat; echo end", is_input_open=True)
    assert not pump.wait(0.05)
    pump.end_input()
    assert pump.wait(_WAIT_SECONDS)
    assert printed == [b"end\n"]


def test_program_that_does_not_read_is_not_fed_without_bound(start_pump):
    pump, _ = start_pump("exec sleep 600", is_input_open=True)
    assert pump.write(b"x" * INPUT_LIMIT_BYTES)
    assert not pump.write(b"x" * 100_000)


def test_closed_input_ends_the_writing_and_nothing_else(start_pump):
    pump, printed = start_pump("exec <&-; sleep 0.1; echo on", b"x" * 1_000_000, is_input_open=True)
    assert pump.wait(_WAIT_SECONDS)
    assert printed == [b"on\n"]
    assert not pump.write(b"more")
