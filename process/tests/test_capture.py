from hypothesis import given
from hypothesis import strategies as st

from animus_process import BoundedCapture, TailBuffer


@given(st.lists(st.binary(max_size=40)), st.integers(0, 60))
def test_tail_buffer_keeps_exactly_the_last_bytes(chunks, limit):
    tail = TailBuffer(limit)
    for chunk in chunks:
        tail.write(chunk)
    whole = b"".join(chunks)
    assert tail.data() == (whole[-limit:] if limit else b"")
    assert tail.total_bytes == len(whole)
    assert tail.truncated == (len(whole) > limit)


def test_tail_buffer_replaces_what_is_not_utf8():
    tail = TailBuffer(10)
    tail.write(b"ok \xff\xfe")
    assert tail.text() == "ok \ufffd\ufffd"


def test_capture_keeps_everything_in_the_file_and_the_tail_in_memory(tmp_path):
    with BoundedCapture(tmp_path / "out", 4) as capture:
        capture.write(b"hello ")
        capture.write(b"world")
    assert (tmp_path / "out").read_bytes() == b"hello world"
    assert capture.text() == "orld"
    assert capture.data() == b"orld"
    assert capture.truncated
    assert capture.total_bytes == 11
    assert not capture.file_truncated


def test_capture_stops_the_file_at_its_limit(tmp_path):
    with BoundedCapture(tmp_path / "out", 4, file_limit=8) as capture:
        capture.write(b"hello ")
        capture.write(b"world")
        capture.write(b"!")
    assert (tmp_path / "out").read_bytes() == b"hello wo"
    assert capture.file_truncated
    assert capture.text() == "rld!"


def test_silent_stream_leaves_no_file_and_none_of_an_earlier_attempt(tmp_path):
    (tmp_path / "out").write_text("earlier")
    with BoundedCapture(tmp_path / "out", 4):
        pass
    assert not (tmp_path / "out").exists()


def test_long_stream_is_in_the_file_piece_by_piece_and_private(tmp_path):
    piece = b"x" * 5000
    with BoundedCapture(tmp_path / "out", 4) as capture:
        for _ in range(5):
            capture.write(piece)
        assert (tmp_path / "out").stat().st_size >= 20_000
    assert (tmp_path / "out").read_bytes() == piece * 5
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o600
