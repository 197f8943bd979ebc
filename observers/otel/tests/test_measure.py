import pytest

from animus_observer_otel.export import resource_of
from animus_observer_otel.measure import Levels, Measure
from animus_observer_otel.timeline import Timelines


@pytest.fixture
def measure(collector):
    made = Measure(resource_of("demo", {}), 3600)
    yield made
    made.close()


def test_metrics_say_what_ran_how_long_and_for_how_much(measure, collector, record, attributes):
    timelines = Timelines()
    facts = {"mode": "agent", "tokens": {"input": 100, "output": 20}, "cost_usd": 0.25, "model": "m-1"}
    events = [
        record("run_started", "run-1", workflow_ref="deliver"),
        *record.phase("run-1", "write", **facts),
        record("run_completed", "run-1"),
        *record.run("run-2", end="failed"),
    ]
    for event in events:
        for span in timelines.take(event):
            measure.add(span)
    measure.flush()
    metrics = collector.metrics()
    runs = {attributes(point)["animus.status"]: point.as_int for point in metrics["animus.runs"].sum.data_points}
    assert runs == {"completed": 1, "failed": 1}
    (cost,) = metrics["animus.cost"].sum.data_points
    assert (cost.as_double, attributes(cost)["gen_ai.response.model"]) == (0.25, "m-1")
    phases = {
        attributes(point)["animus.phase.id"]: (point.count, point.sum)
        for point in metrics["animus.phase.duration"].histogram.data_points
    }
    assert phases == {"write": (1, 2.0), "build": (1, 2.0)}
    tokens = {
        attributes(point)["gen_ai.token.type"]: point.sum
        for point in metrics["gen_ai.client.token.usage"].histogram.data_points
    }
    assert tokens == {"input": 100, "output": 20}


def test_levels_are_those_of_the_last_look(measure, collector, attributes):
    measure.levels = Levels(True, {"pending": 3, "held": 1}, 2, 1)
    measure.lost = {"missed": 4}
    measure.flush()
    metrics = collector.metrics()
    depth = {
        attributes(point)["animus.entry.status"]: point.as_int
        for point in metrics["animus.queue.depth"].gauge.data_points
    }
    assert depth == {"pending": 3, "held": 1}
    assert metrics["animus.daemon.up"].gauge.data_points[0].as_int == 1
    assert metrics["animus.observer.lost"].sum.data_points[0].as_int == 4
    measure.levels = Levels()
    measure.flush()
    assert collector.metrics()["animus.daemon.up"].gauge.data_points[0].as_int == 0
