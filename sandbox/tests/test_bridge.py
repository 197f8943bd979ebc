import socket
import subprocess
import sys

import pytest

_WAIT_SECONDS = 60
_PROGRAM = (
    "import sys; from animus_sandbox.inside.bridge import bridge, listen; "
    "listener = listen(0); print(listener.getsockname()[1], flush=True); bridge([(listener, sys.argv[1])])"
)


@pytest.fixture
def far(tmp_path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.settimeout(_WAIT_SECONDS)
        listener.bind(str(tmp_path / "far.sock"))
        listener.listen()
        yield listener


@pytest.fixture
def connect(far):
    with subprocess.Popen([sys.executable, "-c", _PROGRAM, far.getsockname()], stdout=subprocess.PIPE) as process:
        port = int(process.stdout.readline())
        yield lambda: socket.create_connection(("127.0.0.1", port), _WAIT_SECONDS)
        process.kill()


def _accept(far):
    connection, _ = far.accept()
    connection.settimeout(_WAIT_SECONDS)
    return connection


def _read(connection, size):
    data = b""
    while len(data) < size and (piece := connection.recv(1024 * 1024)):
        data += piece
    return data


def test_bytes_go_both_ways_and_ends_are_passed_on(connect, far):
    with connect() as near, _accept(far) as end:
        near.sendall(b"question")
        near.shutdown(socket.SHUT_WR)
        assert _read(end, 100) == b"question"
        end.sendall(b"answer")
        end.close()
        assert _read(near, 100) == b"answer"


def test_more_than_buffers_hold_arrives_whole_for_a_slow_reader(connect, far):
    data = bytes(range(256)) * 16384
    with connect() as near, _accept(far) as end:
        import threading

        sender = threading.Thread(target=end.sendall, args=(data,))
        sender.start()
        assert _read(near, len(data)) == data
        sender.join(_WAIT_SECONDS)


def test_connections_do_not_wait_for_each_other(connect, far):
    with connect() as first, _accept(far) as first_end, connect() as second, _accept(far) as second_end:
        second.sendall(b"2")
        assert second_end.recv(1) == b"2"
        first.sendall(b"1")
        assert first_end.recv(1) == b"1"


def test_socket_that_is_gone_closes_the_connection(connect, far):
    far.close()
    with connect() as near:
        assert near.recv(1) == b""
