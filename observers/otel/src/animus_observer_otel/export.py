"""Spans and log records over OTLP/HTTP. Where to and how is said by the ``OTEL_EXPORTER_OTLP_*`` variables."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from animus_observer_otel.attribute import event_attributes, payload_of
from animus_observer_otel.identity import run_span_id, trace_id_of
from animus_observer_otel.timeline import FinishedSpan
from animus_plugin_protocol.wire.control import DaemonEvent

__all__ = ["SCOPE", "Export", "OtlpExport", "Shipment", "resource_of"]

SCOPE = InstrumentationScope("animus-observer-otel", "0.1.0")

_ERRORS = ("_failed", "internal_error", "run_escalated")
_WARNINGS = ("_paused", "_lost", "_broke_off", "_blocked", "_held", "_warning", "_unavailable", "_refused", "_dropped")


class Shipment(NamedTuple):
    """What is exported together."""

    spans: Sequence[FinishedSpan]
    events: Sequence[DaemonEvent]


def resource_of(project: str, environ: Mapping[str, str]) -> Resource:
    """What everything comes from: the project by its scope, which names its folder and not where that lies."""
    name = environ.get("OTEL_SERVICE_NAME") or "animus"
    return Resource.create({"service.name": name, "service.instance.id": project, "animus.project": project})


class OtlpExport:
    """A collector."""

    def __init__(self, resource: Resource, *, include_content: bool = False) -> None:
        """Connect to nothing yet."""
        self._resource, self._include_content = resource, include_content
        self._span_exporter, self._log_exporter = OTLPSpanExporter(), OTLPLogExporter()

    def send_spans(self, spans: Sequence[FinishedSpan]) -> bool:
        """Whether the collector has them now; it may have them even if not."""
        return self._span_exporter.export([self._span(span) for span in spans]) is SpanExportResult.SUCCESS

    def send_events(self, events: Sequence[DaemonEvent]) -> bool:
        """As `send_spans`, for events as log records."""
        records = [self._record(event) for event in events]
        return self._log_exporter.export(records) is LogRecordExportResult.SUCCESS

    def close(self) -> None:
        """End a request that is under way."""
        self._span_exporter.shutdown()  # type: ignore[no-untyped-call]  # the SDK leaves it so
        self._log_exporter.shutdown()  # type: ignore[no-untyped-call]  # as above

    def _span(self, span: FinishedSpan) -> ReadableSpan:
        parent = None if span.parent_id is None else _context(span.trace_id, span.parent_id)
        status = Status(StatusCode.OK) if span.problem is None else Status(StatusCode.ERROR, span.problem)
        return ReadableSpan(
            name=span.name,
            context=_context(span.trace_id, span.span_id),
            parent=parent,
            resource=self._resource,
            attributes=span.attributes,
            kind=SpanKind.INTERNAL,
            status=status,
            start_time=span.started_ns,
            end_time=span.ended_ns,
            instrumentation_scope=SCOPE,
        )

    def _record(self, event: DaemonEvent) -> ReadableLogRecord:
        payload = payload_of(event)
        attributes = event_attributes(payload, include_content=self._include_content)
        attributes |= {"animus.event.id": event.id, "animus.event.seq": event.seq}
        run_id = payload.get("workflow_id")
        context = trace.INVALID_SPAN_CONTEXT
        if isinstance(run_id, str):
            context = _context(trace_id_of(run_id), run_span_id(run_id))
        severity = _severity(event.kind)
        record = LogRecord(
            timestamp=int(event.occurred_at.timestamp() * 1_000_000) * 1000,
            context=trace.set_span_in_context(trace.NonRecordingSpan(context)),
            severity_text=severity.name,
            severity_number=severity,
            body=event.kind,
            attributes=attributes,
            event_name=f"animus.{event.kind}",
        )
        return ReadableLogRecord(log_record=record, resource=self._resource, instrumentation_scope=SCOPE)


class Export:
    """Brings shipments to a collector, each part until it is there or the collector will never take it.

    Attributes:
        rejected: spans and records that a living collector would not take.
    """

    def __init__(self, collector: OtlpExport) -> None:
        """Use `collector`."""
        self._collector = collector
        self._refusals = 0
        self.rejected = 0

    def send(self, shipment: Shipment) -> Shipment:
        """Try once; what is left to be sent."""
        spans = self._try(self._collector.send_spans, shipment.spans)
        events = self._try(self._collector.send_events, shipment.events) if not spans else shipment.events
        return Shipment(spans, events)

    def _try(self, send: Callable[[Sequence[Any]], bool], items: Sequence[Any]) -> Sequence[Any]:
        if not items or send(items):
            self._refusals = 0
            return ()
        # A collector that takes nothing at all is down; one that takes an empty request refuses just this one.
        self._refusals = self._refusals + 1 if send(()) else 0
        if self._refusals < REFUSAL_LIMIT:
            return items
        self._refusals = 0
        self.rejected += len(items)
        return ()


REFUSAL_LIMIT = 3
"""How often a living collector may refuse a shipment before that is given up."""


def _context(trace_id: int, span_id: int) -> SpanContext:
    return SpanContext(trace_id, span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _severity(kind: str) -> SeverityNumber:
    if kind.endswith(_ERRORS):
        return SeverityNumber.ERROR
    return SeverityNumber.WARN if kind.endswith(_WARNINGS) else SeverityNumber.INFO
