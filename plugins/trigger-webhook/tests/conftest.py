"""A spool on a real file, a server on a port of its own, and a host that talks to the real plugin process."""

import contextlib
import hashlib
import hmac
import http.client
import json
import os
import sys
from typing import Any, NamedTuple

import pytest

from animus_plugin_protocol.testing import PluginProcess
from animus_trigger_webhook.spool import Spool

ANSWER_SECONDS = 60
_KEPT = ("PATH", "HOME", "TMPDIR", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")


class HandClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds

    def move(self, seconds: float) -> None:
        self.seconds += seconds


class Reply(NamedTuple):
    status: int
    body: Any
    headers: dict[str, str]


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def spool_path(tmp_path):
    return tmp_path / "state" / "trigger-webhook" / "deliveries.db"


@pytest.fixture
def spool(spool_path, clock):
    opened = Spool(spool_path, clock)
    yield opened
    opened.close()


def signature_of(secret: str, body: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@pytest.fixture
def sign():
    return signature_of


@pytest.fixture
def post():
    """Send a delivery to ``ADDRESS:PORT``."""

    def send(address: str, path: str, body: bytes = b"{}", headers: dict[str, str] | None = None) -> Reply:
        host, _, port = address.rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=ANSWER_SECONDS)
        with contextlib.closing(connection):
            connection.request("POST", path, body, {"Content-Type": "application/json"} | (headers or {}))
            response = connection.getresponse()
            return Reply(response.status, json.loads(response.read()), dict(response.getheaders()))

    return send


class Host(PluginProcess):
    """The host's side of one process of the plugin."""

    def watch(self, *rows: dict) -> Any:
        return self.ask("trigger/watch", {"config": {"triggers": list(rows)}})

    def event(self) -> dict:
        """The next event."""
        return self.next_note("trigger/event")

    def events_so_far(self) -> list[dict]:
        """What was reported until an answer that is asked for now, and `event` did not give."""
        self.ask("$/ping")
        return self.untaken_notes("trigger/event")


@pytest.fixture
def plugin_command():
    return [sys.executable, "-P", "-m", "animus_trigger_webhook"]


@pytest.fixture
def state_dir(tmp_path):
    return tmp_path / "state"


@pytest.fixture
def address(state_dir):
    """Where the plugin listens, as it wrote it down."""
    return lambda: (state_dir / "trigger-webhook" / "address").read_text().strip()


@pytest.fixture
def start_host(plugin_command, tmp_path, state_dir):
    hosts = []
    bound = {"project_root": str(tmp_path), "repo_scope": "demo", "state_dir": str(state_dir)}

    def start(bind="127.0.0.1:0", binding=bound, **variables: str) -> Host:
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment = kept | {"ANIMUS_CONFIG_DIR": str(tmp_path / "config"), "ANIMUS_WEBHOOK_BIND": bind} | variables
        hosts.append(Host(plugin_command, env=environment, cwd=tmp_path, binding=binding))
        return hosts[-1]

    yield start
    for host in hosts:
        host.close()


@pytest.fixture
def host(start_host):
    return start_host()
