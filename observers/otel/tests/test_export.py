import pytest

from animus_observer_otel.export import REFUSAL_LIMIT, Export, OtlpExport, Shipment, resource_of
from animus_observer_otel.timeline import Timelines


@pytest.fixture
def otlp(collector):
    made = OtlpExport(resource_of("demo-0123", {}))
    yield made
    made.close()


@pytest.fixture
def shipment(record):
    events = record.run(end="failed", reason="red")
    timelines = Timelines()
    return Shipment([span for event in events for span in timelines.take(event)], events)


def test_spans_arrive_with_their_ids_times_and_status(otlp, collector, shipment, attributes):
    assert otlp.send_spans(shipment.spans)
    phase, root = collector.spans()
    expected = shipment.spans[0]
    assert phase.trace_id == expected.trace_id.to_bytes(16, "big") == root.trace_id
    assert phase.span_id == expected.span_id.to_bytes(8, "big")
    assert (phase.parent_span_id, root.parent_span_id) == (root.span_id, b"")
    assert (phase.start_time_unix_nano, phase.end_time_unix_nano) == (expected.started_ns, expected.ended_ns)
    assert (phase.status.code, root.status.code, root.status.message) == (1, 2, "red")
    assert attributes(phase)["animus.phase.attempt"] == 1
    (resource,) = collector.resources()
    assert (resource["service.name"], resource["animus.project"]) == ("animus", "demo-0123")


def test_records_belong_to_the_trace_of_their_run(otlp, collector, record, shipment, attributes):
    assert otlp.send_spans(shipment.spans)
    assert otlp.send_events([*shipment.events, record("plugin_started", plugin="p")])
    *of_run, of_plugin = collector.records()
    assert {one.trace_id for one in of_run} == {collector.spans()[0].trace_id}
    assert of_plugin.trace_id in {b"", b"\0" * 16}
    failed = of_run[-1]
    assert (failed.body.string_value, failed.event_name, failed.severity_text) == (
        "run_failed",
        "animus.run_failed",
        "ERROR",
    )
    assert attributes(failed)["animus.event.seq"] == shipment.events[-1].seq


def test_shipment_is_sent_until_the_collector_has_it(otlp, collector, shipment):
    export = Export(otlp)
    collector.status = 503
    assert export.send(shipment) == shipment
    collector.status = 200
    left = export.send(shipment)
    assert (list(left.spans), list(left.events)) == ([], [])
    assert (len(collector.spans()), len(collector.records())) == (2, len(shipment.events))


def test_part_that_arrived_is_not_sent_again(otlp, collector, shipment):
    export = Export(otlp)
    collector.refuse_below = "/v1/logs"
    left = export.send(shipment)
    assert (list(left.spans), left.events) == ([], shipment.events)
    collector.refuse_below = ""
    export.send(left)
    assert len(collector.spans()) == 2


def test_what_a_living_collector_refuses_is_given_up_and_counted(otlp, collector, shipment):
    export = Export(otlp)
    collector.refuse_below = "/v1/traces"
    tries = 0
    while any(shipment):
        shipment = export.send(shipment)
        tries += 1
    assert (tries, export.rejected) == (REFUSAL_LIMIT, 2)
    assert collector.records()


def test_service_may_be_named_from_outside():
    assert resource_of("p", {"OTEL_SERVICE_NAME": "mine"}).attributes["service.name"] == "mine"
