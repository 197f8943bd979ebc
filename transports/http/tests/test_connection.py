"""Bytes that nobody vouches for: each is answered within bounds, and the next client is served."""

import asyncio
import json
import re
import socket
import threading

import pytest

from animus_transport_http import connection, server
from animus_transport_http.api import Api
from animus_transport_http.connection import Connection, Limits
from animus_transport_http.guard import Guard

DESCRIPTION = "/api/v1/openapi.json"
REQUEST = f"GET {DESCRIPTION} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer a-token-for-the-tests\r\n".encode()
POST = REQUEST.replace(b"GET", b"POST")
SMALL = Limits(head_bytes=2048, body_bytes=1000, head_seconds=60, body_seconds=60, write_seconds=60)
HASTY = SMALL._replace(head_seconds=0.05, body_seconds=0.05)


def statuses(received: bytes) -> list[int]:
    """The statuses of the answers; bodies hold nothing like them."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) [A-Z]", received)]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)) + b"\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),  # no Host
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET http://localhost/api HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET /%ff%fe HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET /?%ff HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 401),
        (REQUEST + b"X: " + b"x" * 3000 + b"\r\n\r\n", 431),
        (REQUEST + b"X: " + b"x" * 30_000, 431),
        (b"x" * 5000, 431),
        (REQUEST.replace(b"GET", b"BREW") + b"\r\n", 404),
        (POST + b"\r\n", 404),
        (REQUEST + b"Content-Length: 999999999999999\r\n\r\n", 413),
        (REQUEST + b"Content-Length: 1001\r\n\r\n", 413),
        (REQUEST + b"Transfer-Encoding: chunked\r\n\r\n" + b"3e8\r\n" + b"x" * 1000 + b"\r\n1\r\nx\r\n", 413),
        (REQUEST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (REQUEST + b"Transfer-Encoding: gzip\r\n\r\n", 501),
    ],
)
def test_junk_is_answered_with_its_status_in_the_envelope(serve, data, status):
    received = serve(limits=SMALL).raw(data)
    assert statuses(received) == [status]
    assert json.loads(received.partition(b"\r\n\r\n")[2])["error"]["message"]


def test_sender_of_too_much_gets_to_read_why_not(serve, monkeypatch):
    monkeypatch.setattr(connection, "_LINGER_SECONDS", 60)
    received = serve(limits=SMALL).raw(REQUEST + b"Content-Length: 900000\r\n\r\n" + b"x" * 900_000)
    assert statuses(received) == [413]


def test_nothing_at_all_is_answered_with_nothing(serve):
    assert serve(limits=SMALL).raw(b"") == b""
    assert serve(limits=HASTY).raw(b"", is_whole=False) == b""


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"GET / HTTP/1.1\r\nHo", [408]),
        (REQUEST + b"Content-Length: 10\r\n\r\nslow", [408]),
        (REQUEST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nsl", [408]),
        (REQUEST + b"Content-Length: 10\r\n\r\n", [408]),
    ],
)
def test_client_that_does_not_go_on_is_hung_up_on(project, monkeypatch, data, expected):
    monkeypatch.setattr(connection, "_LINGER_SECONDS", 0.01)
    api = Api(project, Guard(None), management=False)

    async def serve_one(ours: socket.socket) -> None:
        await Connection(api, HASTY, *await asyncio.open_connection(sock=ours)).serve()

    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(data)  # before anybody looks at a clock
        asyncio.run(serve_one(ours))
        theirs.shutdown(socket.SHUT_WR)
        assert statuses(theirs.makefile("rb").read()) == expected


def test_request_that_breaks_off_is_no_request(serve):
    assert statuses(serve(limits=SMALL).raw(REQUEST + b"Content-Length: 10\r\n\r\nbroken")) == [400]


def test_requests_one_behind_the_other_are_answered_in_order(serve):
    other = REQUEST.replace(b"openapi.json", b"nothing-here")
    received = serve().raw(REQUEST + b"\r\n" + other + b"\r\n" + REQUEST + b"Connection: close\r\n\r\n")
    assert statuses(received) == [200, 404, 200]


def test_refusal_of_a_whole_request_keeps_the_connection(serve):
    session = serve().connection()
    for _ in range(3):
        session.request("GET", DESCRIPTION)
        answer = session.getresponse()
        assert (answer.status, answer.getheader("WWW-Authenticate")) == (401, "Bearer")
        answer.read()
        assert session.sock is not None
    session.close()


def test_body_of_a_refused_request_is_not_taken_for_the_next_one(serve):
    smuggled = REQUEST + b"\r\n"
    data = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b" % (len(smuggled), smuggled)
    assert statuses(serve().raw(data)) == [401]


def test_head_is_answered_without_a_body(serve):
    received = serve().raw(REQUEST.replace(b"GET", b"HEAD") + b"\r\n")
    head, _, body = received.partition(b"\r\n\r\n")
    assert statuses(head) == [200]
    assert b"content-length" in head.lower()
    assert body == b""


def test_sender_that_waits_for_leave_gets_it_only_if_the_body_is_wanted(serve):
    client = serve()
    large = b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    assert statuses(client.raw(REQUEST + large % 2 + b"{}")) == [100, 200]
    assert statuses(client.raw(REQUEST + large % 99_000_000, is_whole=False)) == [413]
    assert statuses(client.raw(REQUEST.replace(b"Bearer", b"Basic") + large % 2, is_whole=False)) == [401]


def test_body_in_pieces_is_read(serve):
    assert statuses(serve().raw(REQUEST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")) == [200]


def test_old_clients_are_answered_and_hung_up_on(serve):
    received = serve().raw(REQUEST.replace(b"HTTP/1.1", b"HTTP/1.0") + b"\r\n", is_whole=False)
    assert statuses(received) == [200]


def test_connections_have_a_bound_and_a_place_that_is_left_is_taken(serve, monkeypatch):
    monkeypatch.setattr(server, "CONNECTION_LIMIT", 3)
    client = serve(limits=Limits(head_seconds=60))
    idle = [socket.create_connection(("127.0.0.1", client.port)) for _ in range(3)]
    refused = client.raw(b"", is_whole=False)
    assert statuses(refused) == [503]
    assert json.loads(refused.partition(b"\r\n\r\n")[2])["error"]["code"] == "unavailable"
    for one in idle:
        one.close()
    while client.raw(b""):
        pass  # the server has not noticed yet
    assert client.get("/openapi.json").status == 200


def test_many_clients_at_once_are_all_answered(serve):
    client = serve()
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(client.get("/openapi.json").status)) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [200] * 24


def test_answer_that_nobody_takes_is_given_up(serve, monkeypatch):
    monkeypatch.setattr(connection, "_LINGER_SECONDS", 0.01)
    client = serve(limits=Limits(write_seconds=0.2))
    with socket.socket() as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.connect(("127.0.0.1", client.port))
        lazy.settimeout(60)
        try:
            for _ in range(100_000):  # more than all buffers on the way hold
                lazy.sendall((REQUEST + b"\r\n") * 10)
        except OSError:
            pass  # hung up on, as it should be
        else:
            pytest.fail("the server goes on for a client that takes nothing")
    assert client.get("/nothing").status == 404
