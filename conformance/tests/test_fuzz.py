"""Bytes nobody would send: framing and dispatch never raise and never stall, however a stream is cut.

The corpus is replayed here; what a longer search finds is added to it. The search itself is the soak test below.
"""

import io
import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from animus_conformance.streams import STREAMS
from animus_plugin_protocol import Plugin, methods
from animus_plugin_protocol.codec import decode_line
from animus_plugin_protocol.frames import BadFrame, Frame, LineSplitter, OversizedLine
from animus_plugin_protocol.wire.queue import QueueStats

CORPUS = Path(__file__).resolve().parents[1] / "corpus"
HANG_SECONDS = 1.0
LIMIT = 4096
STATS = QueueStats(total=0, pending=0, assigned=0, held=0)
OPENING = (
    b'{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocol_version":"1.1.0","host_info":{"name":"f",'
    b'"version":"1.0.0"},"capabilities":{}}}\n{"jsonrpc":"2.0","method":"initialized"}\n'
)


def feed(stream, sizes):
    """The stream through the splitter, cut as `sizes` says; every line is decoded."""
    splitter, lines, at = LineSplitter(LIMIT), [], 0
    for size in [*sizes, len(stream)]:
        lines += splitter.feed(stream[at : at + size])
        at += size
    rest = splitter.finish()
    lines += [] if rest is None else [rest]
    for line in lines:
        assert isinstance(line, OversizedLine) or isinstance(decode_line(line), Frame | BadFrame | None)
    return lines


def serve(stream):
    """A plugin that is given the stream and then the end of input; every line it writes is a frame."""
    plugin = Plugin("fuzzed", "1.0.0", description="d")

    def stats(params: None) -> QueueStats:
        return STATS

    plugin.register_method(methods.QUEUE_STATS, stats, inline=True)
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as source:
        source.write(OPENING + stream[:32768])
    output = io.BytesIO()
    with os.fdopen(reading, "rb") as given_input:
        assert plugin.run([], stdin=given_input, stdout=output) == 0
    for line in output.getvalue().splitlines():
        assert json.loads(line)["jsonrpc"] == "2.0"


def bounded(work, *arguments):
    began = time.monotonic()
    work(*arguments)
    assert time.monotonic() - began < HANG_SECONDS * 5  # a loaded machine may be slow; a hang is endless


@pytest.mark.parametrize("file", sorted(CORPUS.iterdir()), ids=lambda file: file.name)
def test_corpus_is_taken_whole_and_byte_by_byte(file):
    stream = file.read_bytes()
    whole = feed(stream, [])
    assert [str(line) for line in feed(stream, [1] * min(len(stream), 5000))] == [str(line) for line in whole]
    bounded(serve, stream)


@given(STREAMS, st.lists(st.integers(1, 50), max_size=30))
def test_stream_means_the_same_however_it_is_cut(stream, sizes):
    assert [str(line) for line in feed(stream, sizes)] == [str(line) for line in feed(stream, [])]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(STREAMS)
def test_plugin_outlives_any_stream(stream):
    bounded(serve, stream)


@pytest.mark.soak
@settings(max_examples=20_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(STREAMS)
def test_plugin_outlives_any_stream_for_long(stream):
    bounded(serve, stream)
