import contextlib
import json
import socket
import threading
import time

import pytest

from animus_trigger_webhook import server as module
from animus_trigger_webhook.address import Address
from animus_trigger_webhook.hook import PLAIN, Hook
from animus_trigger_webhook.intake import Intake
from animus_trigger_webhook.server import WebhookServer

SECONDS = 60


@pytest.fixture
def serve(spool, clock):
    """A server of hook ``open``; returns its address."""
    running = []

    def start(**options) -> Address:
        server = WebhookServer(Address("127.0.0.1", 0), **options)
        running.append(server)
        intake = Intake(server.address, spool, clock, lambda: None)
        intake.serve([Hook("open", PLAIN, deliveries_per_minute=1000)], {})
        server.start(intake)
        return server.address

    yield start
    for server in running:
        server.close()


def exchange(address: Address, data: bytes) -> tuple[int, dict]:
    with socket.create_connection(address, timeout=SECONDS) as connection:
        connection.sendall(data)
        return read_answer(connection)


def read_answer(connection: socket.socket) -> tuple[int, dict]:
    answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body) if body else {}


def request(body: bytes = b"{}", *headers: str) -> bytes:
    lines = ["POST /hooks/open HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def test_delivery_is_taken_and_the_connection_ends(serve, spool):
    status, body = exchange(serve(), request())
    assert (status, body["status"]) == (202, "accepted")
    assert len(spool.pending("open", 10, ())) == 1


def test_sender_that_waits_for_leave_gets_it(serve):
    with socket.create_connection(serve(), timeout=SECONDS) as connection:
        connection.sendall(request(b"", "Expect: 100-continue").replace(b"Length: 0", b"Length: 2"))
        assert connection.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"{}")
        assert read_answer(connection)[0] == 202


@pytest.mark.parametrize("sent", [b"", b"POST /hooks/o", request(b"")[:-2], request().replace(b": 2", b": 3")])
def test_slow_sender_is_let_go_after_its_time(serve, sent):
    status, body = exchange(serve(request_seconds=0.1), sent)
    assert (status, body) == (408, {"error": "the request did not come within 0.1 s"})


def test_body_that_is_too_large_is_refused_before_it_is_read(serve):
    data = request().replace(b": 2", b": 9999999") + b"x" * 200_000
    assert exchange(serve(), data)[0] == 413


def test_answer_to_head_has_no_body(serve):
    assert exchange(serve(), b"HEAD /hooks/open HTTP/1.1\r\n\r\n") == (405, {})


def test_further_connection_is_told_to_come_again(serve, monkeypatch):
    monkeypatch.setattr(module, "CONNECTION_LIMIT", 2)
    address = serve()
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(socket.create_connection(address, timeout=SECONDS))
        with socket.create_connection(address, timeout=SECONDS) as connection:
            assert read_answer(connection)[0] == 503
    # those two are over, and their threads find out by themselves
    deadline = time.monotonic() + SECONDS
    while (status := exchange(address, request())[0]) == 503 and time.monotonic() < deadline:
        pass
    assert status == 202


def test_many_senders_of_one_delivery_fire_once(serve, spool):
    address, statuses = serve(), []
    data = request(b"{}", "X-Animus-Delivery: one")
    senders = [threading.Thread(target=lambda: statuses.append(exchange(address, data)[0])) for _ in range(16)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(SECONDS)
    assert sorted(statuses) == [200] * 15 + [202]
    assert len(spool.pending("open", 10, ())) == 1


def test_fault_of_the_intake_ends_one_request_only(serve, monkeypatch, capfd):
    address = serve()
    with monkeypatch.context() as broken:
        broken.setattr(Intake, "take", lambda *_: 1 / 0)
        assert exchange(address, request())[0] == 500
    assert "ZeroDivisionError" in capfd.readouterr().err
    assert exchange(address, request())[0] == 202


def test_address_that_is_taken_is_an_error(serve):
    with pytest.raises(OSError, match="in use"):
        WebhookServer(serve())


def test_junk_is_answered_or_dropped_and_the_server_lives(serve):
    address = serve()
    for junk in (b"\0" * 1000, b"\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n" * 50, b"\x16\x03\x01\x02\x00"):
        with socket.create_connection(address, timeout=SECONDS) as connection:
            connection.sendall(junk)
            connection.shutdown(socket.SHUT_WR)
            assert read_answer(connection)[0] in {400, 404}
    assert exchange(address, request())[0] == 202
