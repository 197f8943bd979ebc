"""Doubles and drivers: a ledger in memory, a host that speaks to the plugin in a thread or as a process."""

import itertools
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from animus_queue_default.clock import HandClock
from animus_queue_default.model.lease import LeaseTerms
from animus_queue_default.model.request import Request
from animus_queue_default.operations.fenced import FencedQueue
from animus_queue_default.operations.unfenced import Queue
from animus_queue_default.state.queue_state import QueueState
from animus_queue_default.storage.store import Store
from animus_queue_default.wire.adapter import build

WAIT_SECONDS = 60.0


class MemoryLedger:
    """The facts in a list, the state they add up to."""

    def __init__(self):
        self.state = QueueState()
        self.records = []

    def emit(self, record):
        self.records.append(record)
        self.state.apply(record)


class RpcError(Exception):
    def __init__(self, error: dict[str, Any]):
        super().__init__(error["message"])
        self.code = error["code"]
        self.data = error.get("data")


class Host:
    """A host at the other end of two pipes."""

    def __init__(self, write, read):
        self._write = write
        self._read = read
        self._ids = itertools.count(1)

    def initialize(self, project: Path, state_dir: Path | None = None, **binding):
        extensions = {"project_binding": {"project_root": str(project), "repo_scope": "scope", **binding}}
        if state_dir is not None:
            extensions["project_binding"]["state_dir"] = str(state_dir)
        result = self.call(
            "initialize",
            {
                "protocol_version": "1.1.0",
                "host_info": {"name": "test", "version": "1.0.0"},
                "capabilities": {},
                "init_extensions": extensions,
            },
        )
        self.send([{"jsonrpc": "2.0", "method": "initialized"}])
        return result

    def call(self, method: str, params: Any = None) -> Any:
        return self.call_together([(method, params)])[0]

    def call_together(self, calls, *, raise_errors: bool = True) -> list[Any]:
        frames = []
        for method, params in calls:
            frame = {"jsonrpc": "2.0", "id": next(self._ids), "method": method}
            if params is not None:
                frame["params"] = params
            frames.append(frame)
        self.send(frames)
        replies = {}
        while len(replies) < len(frames):
            line = self._read.readline()
            if not line:
                raise EOFError("the plugin closed its output")
            reply = json.loads(line)
            replies[reply["id"]] = reply
        answers = [replies[frame["id"]] for frame in frames]
        if raise_errors:
            for answer in answers:
                if "error" in answer:
                    raise RpcError(answer["error"])
            return [answer["result"] for answer in answers]
        return answers

    def send(self, frames) -> None:
        self._write.write(b"".join(json.dumps(frame).encode() + b"\n" for frame in frames))
        self._write.flush()


def dispatch(subject: str = "A", workflow_ref: str = "standard", kind: str = "animus.task", **more) -> dict[str, Any]:
    return {
        "subject": {"kind": kind, "id": subject},
        "workflow_ref": workflow_ref,
        "trigger_source": "test",
        "requested_at": "2026-01-01T00:00:00Z",
        **more,
    }


@pytest.fixture(name="dispatch")
def dispatch_fixture():
    return dispatch


@pytest.fixture
def rpc_error():
    return RpcError


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def ledger():
    return MemoryLedger()


@pytest.fixture
def memory_ledger():
    return MemoryLedger


@pytest.fixture
def queue(ledger, clock):
    return Queue(ledger, clock, LeaseTerms())


@pytest.fixture
def fenced(ledger, clock):
    return FencedQueue(ledger, clock, LeaseTerms())


@pytest.fixture
def ask():
    def build_request(subject="task:A", workflow_ref="standard", **more):
        more.setdefault("dispatch", b'{"workflow_ref":"standard","requested_at":"2026-01-01T00:00:00Z"}')
        more.setdefault("priority", 2)
        return Request(subject=subject, subject_key=subject, workflow_ref=workflow_ref, **more)

    return build_request


@pytest.fixture
def open_store(tmp_path, clock):
    stores = []

    def make(**more):
        store = Store(tmp_path / "queue", more.pop("clock", clock), **more)
        stores.append(store)
        return store

    yield make
    for store in stores:
        store.close()


@pytest.fixture
def connect(tmp_path, clock):
    """Plugins in threads, all on the test's hand clock; call it for one more."""
    running = []

    def start(*, initialized=True, state_dir=None, on=clock):
        plugin_in, host_out = os.pipe()
        host_in, plugin_out = os.pipe()
        streams = [os.fdopen(plugin_in, "rb", 0), os.fdopen(plugin_out, "wb", 0)]
        host_write, host_read = os.fdopen(host_out, "wb"), os.fdopen(host_in, "rb")
        thread = threading.Thread(target=build(on).run, kwargs={"stdin": streams[0], "stdout": streams[1]}, daemon=True)
        thread.start()
        running.append((thread, host_write, host_read, streams))
        host = Host(host_write, host_read)
        if initialized:
            (tmp_path / "project").mkdir(exist_ok=True)
            host.initialize(tmp_path / "project", state_dir or tmp_path / "state")
        return host

    yield start
    for thread, host_write, host_read, streams in running:
        host_write.close()
        thread.join(WAIT_SECONDS)
        assert not thread.is_alive()
        host_read.close()
        for stream in streams:
            stream.close()


@pytest.fixture
def host(connect):
    return connect()


@pytest.fixture
def spawn(tmp_path):
    """Real plugin processes; gives a host and the process."""
    processes = []

    def start(*, env=None, initialized=True, project=None):
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "animus_queue_default"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), **(env or {})},
        )
        processes.append(process)
        host = Host(process.stdin, process.stdout)
        if initialized:
            root = project or tmp_path / "project"
            root.mkdir(exist_ok=True)
            host.initialize(root, tmp_path / "state")
        return host, process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.wait(WAIT_SECONDS)
        for stream in (process.stdin, process.stdout, process.stderr):
            try:
                stream.close()
            except BrokenPipeError:
                continue
