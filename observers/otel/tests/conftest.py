"""A collector that decodes what it is sent, and events as a daemon records them."""

import datetime
import gzip
import http.server
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from animus_plugin_protocol.wire.control import DaemonEvent

BOUND_SECONDS = 60.0
START = datetime.datetime(2026, 3, 1, 12, 0, tzinfo=datetime.UTC)
_TYPES = {
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/metrics": ExportMetricsServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
}


def value_of(value: Any) -> Any:
    """An attribute's value, or whatever else is an AnyValue."""
    return getattr(value, value.WhichOneof("value"))


def attributes_of(thing: Any) -> dict[str, Any]:
    return {pair.key: value_of(pair.value) for pair in thing.attributes}


class Collector:
    """An OTLP/HTTP receiver. `status` is what it answers; 200 takes what is sent."""

    def __init__(self) -> None:
        self.status = 200
        self.refuse_below = ""
        self.requests: list[tuple[str, Any]] = []
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def spans(self) -> list[Any]:
        return [
            span
            for path, request in list(self.requests)
            if path == "/v1/traces"
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def records(self) -> list[Any]:
        return [
            record
            for path, request in list(self.requests)
            if path == "/v1/logs"
            for resource in request.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]

    def metrics(self) -> dict[str, Any]:
        """The latest of each name."""
        return {
            metric.name: metric
            for path, request in list(self.requests)
            if path == "/v1/metrics"
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def resources(self) -> list[dict[str, Any]]:
        return [
            attributes_of(part.resource)
            for path, request in list(self.requests)
            if path == "/v1/traces"
            for part in request.resource_spans
        ]

    def _take(self, path: str, body: bytes) -> int:
        request = _TYPES[path].FromString(body)
        is_refused = self.status != 200 or (path == self.refuse_below and body)
        if not is_refused:
            self.requests.append((path, request))
        return self.status if self.status != 200 else 400 if is_refused else 200

    def _handler(collector: "Collector") -> type[http.server.BaseHTTPRequestHandler]:  # noqa: N805 - the inner self
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                self.send_response(collector._take(self.path, body))
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


@pytest.fixture
def collector(monkeypatch) -> Iterator[Collector]:
    made = Collector()
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", made.endpoint)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "2")
    yield made
    made.close()


class Recorder:
    """Makes events with rising numbers, a second apart."""

    def __init__(self) -> None:
        self.seq = 0

    def __call__(self, kind: str, run_id: str | None = None, **payload: Any) -> DaemonEvent:
        self.seq += 1
        facts = payload if run_id is None else {"workflow_id": run_id, "subject_id": "task:TASK-001", **payload}
        at = START + datetime.timedelta(seconds=self.seq)
        return DaemonEvent(id=f"{self.seq:08d}-x", seq=self.seq, occurred_at=at, kind=kind, payload=facts)

    def phase(self, run_id: str, phase_id: str, attempt: int = 1, **end: Any) -> list[DaemonEvent]:
        """A phase from its start to its end."""
        about = {"phase_id": phase_id, "attempt": attempt, "mode": end.pop("mode", "command")}
        about |= {"path": end.pop("path")} if "path" in end else {}
        end.setdefault("status", "completed")
        verdict = {"verdict": end.pop("verdict", "advance"), "reason": end.get("reason", "exit code 0")}
        return [
            self("phase_started", run_id, **about),
            self("phase_decision", run_id, **about, **verdict),
            self("phase_completed", run_id, **about, **end),
        ]

    def run(self, run_id: str = "run-1", end: str = "completed", **reason: str) -> list[DaemonEvent]:
        """A run of one phase."""
        return [
            self("run_started", run_id, workflow_ref="deliver", entry_id="e1"),
            *self.phase(run_id, "build"),
            self(f"run_{end}", run_id, status=end, **reason),
        ]


@pytest.fixture
def record():
    return Recorder()


@pytest.fixture
def attributes():
    return attributes_of


@pytest.fixture
def wait_until():
    def wait(condition: Any, what: str) -> Any:
        deadline = time.monotonic() + BOUND_SECONDS
        while not (value := condition()):
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {BOUND_SECONDS} s: {what}")
            time.sleep(0.02)  # the only sleep: another process's progress is watched from outside
        return value

    return wait
