"""Lines out of a byte stream, however it is chunked."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from animus_plugin_protocol.frames import BadFrame, LineSplitter, OversizedLine


def pieces_of(data, cuts):
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


lines_without_newline = st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")), max_size=20)


@given(lines=lines_without_newline, cuts=st.lists(st.integers(min_value=0), max_size=30))
def test_chunking_does_not_matter(lines, cuts):
    splitter = LineSplitter()
    found = []
    for piece in pieces_of(b"".join(line + b"\n" for line in lines), cuts):
        found += splitter.feed(piece)
    assert found == lines
    assert splitter.finish() is None


@given(
    lines=lines_without_newline,
    tail=st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")),
    cuts=st.lists(st.integers(min_value=0), max_size=30),
    limit=st.integers(min_value=1, max_value=30),
)
def test_a_long_line_is_reported_once_and_the_others_survive(lines, tail, cuts, limit):
    splitter = LineSplitter(limit)
    found = []
    for piece in pieces_of(b"".join(line + b"\n" for line in lines) + tail, cuts):
        found += splitter.feed(piece)
        assert splitter._held <= limit or not splitter._parts
    expected = [line if len(line) <= limit else OversizedLine(limit) for line in lines]
    if len(tail) > limit:
        expected.append(OversizedLine(limit))
        tail = b""
    assert found == expected
    assert splitter.finish() == (tail or None)


def test_the_end_of_a_long_line_starts_no_new_one():
    splitter = LineSplitter(4)
    assert splitter.feed(b"12345") == [OversizedLine(4)]
    assert splitter.feed(b"more") == []
    assert splitter.feed(b"rest\nok\n") == [b"ok"]


def test_a_long_line_that_never_ends_is_not_a_last_line():
    splitter = LineSplitter(4)
    splitter.feed(b"123456")
    assert splitter.finish() is None
    assert splitter.feed(b"ok\n") == [b"ok"]


def test_an_oversized_line_is_a_parse_error_without_an_id():
    bad = OversizedLine(16).as_bad_frame()
    assert isinstance(bad, BadFrame)
    assert (bad.code, bad.id) == (-32700, None)
    assert "16" in bad.message
