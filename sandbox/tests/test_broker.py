import socket
import threading

import pytest

from animus_sandbox import Broker, SandboxSpecError, Secret, Upstream
from animus_sandbox.broker import CONNECTIONS
from animus_sandbox.exchange import BODY_LIMIT_BYTES

_WAIT_SECONDS = 60


@pytest.fixture
def broker(upstream, tmp_path):
    with Broker([upstream], tmp_path) as broker:
        yield broker


@pytest.fixture
def raw(broker):
    """A connection to the broker, for bytes no client would send."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_WAIT_SECONDS)
        connection.connect(str(broker.sockets[0]))
        yield connection


def test_request_is_sent_on_with_the_real_key_and_without_the_programs_own(broker, server, ask, real_key):
    headers = {"X-Version": "1", "Authorization": "Bearer dummy", "X-Api-Key": "dummy", "Cookie": "a=b"}
    answer = ask(broker.sockets[0], "POST", "/v1/messages?beta=true", b'{"a": 1}', headers)
    assert (answer.status, answer.read()) == (200, b"{}")
    method, path, headers, body = server.asked.get(timeout=_WAIT_SECONDS)
    assert (method, path, body) == ("POST", "/v1/messages?beta=true", b'{"a": 1}')
    assert headers.get_all("authorization") == [f"Bearer {real_key}"]
    assert (headers["x-version"], headers["x-api-key"], headers["cookie"]) == ("1", None, None)
    assert headers["host"] == f"127.0.0.1:{server.server_port}"


def test_key_travels_in_the_header_that_is_asked_for(server, upstream, tmp_path, ask, real_key):
    with Broker([upstream._replace(header="x-api-key", prefix="")], tmp_path) as broker:
        ask(broker.sockets[0], "POST", "/v1/messages", b"{}", {"Authorization": "Bearer dummy"}).read()
    headers = server.asked.get(timeout=_WAIT_SECONDS)[2]
    assert (headers["x-api-key"], headers["authorization"]) == (real_key, None)


def test_events_are_passed_on_as_they_come(broker, server, ask):
    go_on = threading.Event()

    def stream(asked):
        asked.send_response(200)
        asked.send_header("Content-Type", "text/event-stream")
        asked.send_header("Transfer-Encoding", "chunked")
        asked.end_headers()
        asked.chunk(b"data: 1\n\n")
        assert go_on.wait(_WAIT_SECONDS)
        asked.chunk(b"data: 2\n\n")
        asked.wfile.write(b"0\r\n\r\n")

    server.answer = stream
    answer = ask(broker.sockets[0], "POST", "/v1/messages", b"{}")
    assert answer.read1() == b"data: 1\n\n"  # the server has not said more yet
    go_on.set()
    assert answer.read() == b"data: 2\n\n"
    assert answer.getheader("content-type") == "text/event-stream"


def test_answer_that_breaks_off_breaks_off_inside_too(broker, server, ask):
    import http.client

    def stream(asked):
        asked.send_response(200)
        asked.send_header("Transfer-Encoding", "chunked")
        asked.end_headers()
        asked.chunk(b"half")
        asked.close_connection = True

    server.answer = stream
    answer = ask(broker.sockets[0], "POST", "/v1/messages", b"{}")
    with pytest.raises(http.client.IncompleteRead):
        answer.read()


def test_short_answer_of_known_length_breaks_off_inside_too(broker, server, ask):
    import http.client

    def stream(asked):
        asked.send_response(200)
        asked.send_header("Content-Length", "10")
        asked.end_headers()
        asked.wfile.write(b"half")
        asked.close_connection = True

    server.answer = stream
    with pytest.raises(http.client.IncompleteRead):
        ask(broker.sockets[0], "POST", "/v1/messages", b"{}").read()


def test_key_that_the_server_repeats_is_blotted_out(broker, server, ask, real_key):
    server.answer = lambda asked: asked.reply(
        401, f"wrong key {asked.headers['authorization']}".encode(), x_key=real_key, set_cookie="a=b"
    )
    answer = ask(broker.sockets[0], "POST", "/v1/messages", b"{}")
    assert answer.status == 401
    assert answer.read() == b"wrong key Bearer " + b"*" * len(real_key)
    assert answer.getheader("x-key") == "*" * len(real_key)
    assert answer.getheader("set-cookie") is None


def test_request_outside_the_routes_never_reaches_the_server(broker, server, ask):
    answer = ask(broker.sockets[0], "GET", "/v1/messages")
    assert answer.status == 403
    assert b"no route lets GET /v1/messages through" in answer.read()
    assert ask(broker.sockets[0], "DELETE", "/v1/messages").status == 403
    assert server.asked.empty()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"Transfer-Encoding: chunked", b"411"),
        (b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"411"),
        (b"Content-Length: 5\r\nContent-Length: 6", b"400"),
        (b"Content-Length: -5", b"400"),
        (b"Content-Length: %d" % (BODY_LIMIT_BYTES + 1), b"413"),
        (b"X: " + b"x" * 70_000, b"431"),
        (b"\r\n".join(b"X-%d: 1" % number for number in range(150)), b"431"),
    ],
)
def test_request_whose_end_is_unclear_or_too_far_is_refused(raw, server, headers, status):
    raw.sendall(b"POST /v1/messages HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n\r\n")
    assert raw.recv(100).split()[1] == status
    assert server.asked.empty()


def test_connection_serves_one_request_after_the_other(raw, server):
    for _ in range(2):
        raw.sendall(b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
        text = b""
        while not text.endswith(b"{}"):
            text += raw.recv(1000)
        assert text.startswith(b"HTTP/1.1 200")


def test_server_that_is_not_there_is_a_bad_gateway(upstream, tmp_path, ask):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        away = upstream._replace(base_url=f"http://127.0.0.1:{unused.getsockname()[1]}/v1")
        with Broker([away], tmp_path) as broker:
            answer = ask(broker.sockets[0], "POST", "/v1/messages", b"{}")
            assert answer.status == 502
            assert b"did not answer" in answer.read()


def test_head_and_answers_without_a_body_are_passed_on(upstream, server, tmp_path, ask):
    from animus_sandbox import Route

    with Broker([upstream._replace(routes=(Route("HEAD", "/x"), Route("GET", "/x")))], tmp_path) as broker:
        server.answer = lambda asked: asked.reply(200, b"")
        assert ask(broker.sockets[0], "HEAD", "/v1/x").read() == b""
        server.answer = lambda asked: (asked.send_response(204), asked.end_headers())
        assert ask(broker.sockets[0], "GET", "/v1/x").status == 204


def test_closing_ends_an_answer_that_is_on_its_way(upstream, server, tmp_path, ask):
    let_go = threading.Event()

    def stall(asked):
        asked.send_response(200)
        asked.send_header("Transfer-Encoding", "chunked")
        asked.end_headers()
        asked.chunk(b"first")
        let_go.wait(_WAIT_SECONDS)

    server.answer = stall
    broker = Broker([upstream], tmp_path)
    before = threading.active_count()
    answer = ask(broker.sockets[0], "POST", "/v1/messages", b"{}")
    assert answer.read1() == b"first"
    broker.close()
    broker.close()
    assert threading.active_count() <= before
    assert not broker.sockets[0].exists()
    let_go.set()


def test_connections_beyond_the_limit_are_closed_and_later_ones_served(broker, ask):
    held = []
    for _ in range(CONNECTIONS):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(broker.sockets[0]))
        held.append(connection)
    with socket.socket(socket.AF_UNIX) as further:
        further.settimeout(_WAIT_SECONDS)
        further.connect(str(broker.sockets[0]))
        assert further.recv(1) == b""
    # What is left by one is free for the next: the semaphore is released by the thread that ends.
    for connection in held:
        connection.close()
    for thread in list(broker._threads)[1:]:
        thread.join(_WAIT_SECONDS)
    assert ask(broker.sockets[0], "POST", "/v1/messages", b"{}").status == 200


def test_socket_can_be_in_a_folder_with_a_long_name(upstream, tmp_path):
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    with Broker([upstream], folder) as broker:
        assert broker.sockets[0].is_socket()
        assert broker.sockets[0].stat().st_mode & 0o777 == 0o600


def test_upstream_that_cannot_be_meant_is_refused(tmp_path):
    with pytest.raises(SandboxSpecError):
        Broker([Upstream("ftp://x", (), Secret("k"))], tmp_path)
