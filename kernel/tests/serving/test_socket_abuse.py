"""Two hundred clients that misbehave in every way; the daemon lives and serves the others."""

import contextlib
import importlib.util
import json
import os
import random
import socket
import threading
import time
from pathlib import Path

import pytest

from animus_composition.settings import DaemonSettings
from animus_control.client import ControlClient
from animus_control.endpoint import socket_path
from animus_control.project import find_project
from animus_kernel.serving.launch import start_daemon, stop_daemon
from animus_plugin_protocol.wire import control

PLUGINS = ("animus_queue_default", "animus_workflow_runner_default", "animus_subject_default", "animus_flavor_default")
CLIENTS = 200
ANSWER_SECONDS = 60.0

pytestmark = [
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in PLUGINS), reason="needs the default plugins installed"
    ),
    pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors through /proc"),
]

WORKFLOWS = """
workflows:
  - {id: quick, phases: [say]}
phases:
  say: {mode: command, idempotency: idempotent, command: {program: "true"}}
"""


def half_a_frame(connection, _):
    connection.sendall(b'{"jsonrpc":"2.0","id":1,"met')


def silence(connection, _):
    del connection


def junk(connection, chance):
    connection.sendall(bytes(chance.randrange(256) for _ in range(5000)) + b"\n" * 20)


def nonsense_requests(connection, chance):
    frames = [b"[]\n", b"null\n", b'{"id":null}\n', b'{"jsonrpc":"2.0","id":{},"method":7}\n']
    frames += [b'{"jsonrpc":"2.0","id":1,"method":"queue/list","params":"x"}\n', b'{"jsonrpc":"2.0","result":1}\n']
    connection.sendall(b"".join(chance.choice(frames) for _ in range(50)))


def slow_reader(connection, _):
    """Subscribes, asks for much, and reads nothing."""
    follow = {"jsonrpc": "2.0", "id": 1, "method": "daemon/events", "params": {"follow": True}}
    ask = {"jsonrpc": "2.0", "id": 2, "method": "daemon/health"}
    connection.sendall(json.dumps(follow).encode() + b"\n" + (json.dumps(ask).encode() + b"\n") * 200)


def huge_line(connection, _):
    for _ in range(20):
        connection.sendall(b"x" * 1024 * 1024)


def ask_and_leave(connection, _):
    connection.sendall(b'{"jsonrpc":"2.0","id":1,"method":"project/status"}\n')
    connection.close()


WAYS = (half_a_frame, silence, junk, nonsense_requests, slow_reader, ask_and_leave)


@pytest.fixture
def project(tmp_path, monkeypatch, know_plugins):
    monkeypatch.setenv("ANIMUS_CONFIG_DIR", str(tmp_path / "a"))
    know_plugins(tmp_path / "a")
    root = tmp_path / "project"
    (root / ".animus").mkdir(parents=True)
    (root / ".animus" / "workflows.yaml").write_text(WORKFLOWS)
    project = find_project(root, os.environ)
    yield project
    stop_daemon(project, timeout_seconds=60)


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - names only


def misbehave(project, numbers, connections):
    chance = random.Random(numbers[0])  # noqa: S311 - junk
    for number in numbers:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(ANSWER_SECONDS)
        connections.append(connection)
        with contextlib.suppress(OSError):  # the daemon may hang up
            connection.connect(str(socket_path(project)))
            way = huge_line if number % 40 == 0 else WAYS[number % len(WAYS)]
            way(connection, chance)


def test_daemon_serves_the_others_while_two_hundred_clients_misbehave(project):
    pid = start_daemon(project, DaemonSettings()).pid
    client = ControlClient.connect(project)
    client.call("workflow/run", control.WorkflowRunParams(definition="quick", sync=True))
    before = descriptors(pid)
    connections: list[socket.socket] = []
    rows = [range(first, CLIENTS, 4) for first in range(4)]
    threads = [threading.Thread(target=misbehave, args=(project, row, connections)) for row in rows]
    for thread in threads:
        thread.start()
    slowest = 0.0
    for _ in range(10):
        began = time.monotonic()
        assert client.call("daemon/status", timeout_seconds=ANSWER_SECONDS).pid == pid
        slowest = max(slowest, time.monotonic() - began)
    params = control.WorkflowRunParams(definition="quick", sync=True)
    assert client.call("workflow/run", params, timeout_seconds=60).status == "completed"
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert client.call("daemon/status", timeout_seconds=ANSWER_SECONDS).pid == pid
    assert slowest < ANSWER_SECONDS
    for connection in connections:
        connection.close()
    deadline = time.monotonic() + ANSWER_SECONDS
    while descriptors(pid) > before + 5:
        assert time.monotonic() < deadline, "connections of clients that left are still open"
        time.sleep(0.02)
    client.close()
