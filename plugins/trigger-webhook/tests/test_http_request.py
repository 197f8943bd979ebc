import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from animus_trigger_webhook.http_request import (
    BODY_LIMIT_BYTES,
    HEAD_LIMIT_BYTES,
    BadRequestError,
    ByteSource,
    read_body,
    read_head,
)


def source_of(data: bytes, step: int = 65536) -> ByteSource:
    chunks = [data[at : at + step] for at in range(0, len(data), step)]
    return ByteSource(lambda count: chunks.pop(0) if chunks else b"")


def status_of(data: bytes) -> int:
    source = source_of(data)
    with pytest.raises(BadRequestError) as caught:
        read_body(source, read_head(source))
    return caught.value.status


REQUEST = b"POST /hooks/a?b=c HTTP/1.1\r\nHost: x\r\nContent-LENGTH:  3 \r\nExpect: 100-Continue\r\n\r\nabcrest"


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_request_is_read_however_it_is_cut(step):
    source = source_of(REQUEST, step)
    head = read_head(source)
    assert (head.method, head.path, head.expects_continue) == ("POST", "/hooks/a", True)
    assert head.headers == {"host": "x", "content-length": "3", "expect": "100-Continue"}
    assert read_body(source, head) == b"abc"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET /", 400),
        ("POST / HTTP/2.0", 400),
        ("post / HTTP/1.1", 400),
        ("POST http://x/ HTTP/1.1", 400),
        ("POST /a b HTTP/1.1", 400),
        ("POST / HTTP/1.1\r\nHost : x", 400),
        ("POST / HTTP/1.1\r\nHost: x\r\n folded", 400),
        ("POST / HTTP/1.1\r\nnothing", 400),
        ("POST / HTTP/1.1\r\nA: b\nC: d", 400),
        ("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1", 400),
        ("POST / HTTP/1.1\r\nContent-Length: +1", 400),
        ("POST / HTTP/1.1\r\nContent-Length: 1, 1", 400),
        ("POST / HTTP/1.1\r\nContent-Length: -1", 400),
        ("POST / HTTP/1.1\r\nContent-Length: ²", 400),
        ("POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked", 411),
        ("POST / HTTP/1.1", 411),
        (f"POST / HTTP/1.1\r\nContent-Length: {BODY_LIMIT_BYTES + 1}", 413),
        ("POST / HTTP/1.1\r\n" + "\r\n".join(f"H{number}: x" for number in range(101)), 431),
        ("POST / HTTP/1.1\r\nH: " + "x" * HEAD_LIMIT_BYTES, 431),
        ("POST / HTTP/1.1\r\nContent-Length: 9", 400),
    ],
)
def test_what_could_be_read_in_two_ways_or_is_too_much_is_refused(head, status):
    assert status_of(head.encode("latin-1") + b"\r\n\r\nx") == status


def test_head_that_never_ends_is_given_up_at_the_limit():
    asked = 0

    def endless(count: int) -> bytes:
        nonlocal asked
        asked += 1
        return b"x" * 1024

    with pytest.raises(BadRequestError) as caught:
        read_head(ByteSource(endless))
    assert caught.value.status == 431
    assert asked <= HEAD_LIMIT_BYTES // 1024 + 2


@given(st.binary(max_size=400))
def test_junk_is_read_or_refused_and_nothing_else(data):
    source = source_of(data)
    with contextlib.suppress(BadRequestError):
        assert read_body(source, read_head(source)) in data
