import msgspec
import pytest

from animus_observer_otel import timeline as module
from animus_observer_otel.identity import phase_span_id, run_span_id, trace_id_of
from animus_observer_otel.timeline import OpenRun, Timelines


def spans_of(events, timelines=None):
    timelines = Timelines() if timelines is None else timelines
    return [span for event in events for span in timelines.take(event)]


def test_run_is_a_root_and_each_attempt_a_span_below_it(record):
    events = [
        record("run_started", "run-1", workflow_ref="deliver"),
        *record.phase("run-1", "build"),
        *record.phase("run-1", "test", status="rework", verdict="rework", reason="red"),
        *record.phase("run-1", "test", 2),
        record("run_completed", "run-1", status="completed"),
    ]
    *phases, root = spans_of(events)
    assert [span.name for span in phases] == ["phase build", "phase test", "phase test"]
    assert {span.parent_id for span in phases} == {root.span_id} == {run_span_id("run-1")}
    assert {span.trace_id for span in [*phases, root]} == {trace_id_of("run-1")}
    assert [span.problem for span in phases] == [None, "red", None]
    assert phases[1].attributes["animus.verdict"] == "rework"
    assert (root.name, root.problem, root.attributes["animus.status"]) == ("run deliver", None, "completed")
    assert root.started_ns <= phases[0].started_ns < phases[-1].ended_ns <= root.ended_ns


def test_agent_phase_follows_the_conventions_and_its_cost_adds_up(record):
    facts = {"mode": "agent", "tokens": {"input": 100, "output": 20}, "cost_usd": 0.25, "model": "m-1"}
    events = [
        record("run_started", "run-1", workflow_ref="deliver"),
        *record.phase("run-1", "write", **facts),
        *record.phase("run-1", "write", 2, **facts),
        record("run_completed", "run-1"),
    ]
    first, _, root = spans_of(events)
    assert first.name == "invoke_agent write"
    assert first.attributes["gen_ai.operation.name"] == "invoke_agent"
    assert first.attributes["gen_ai.agent.name"] == "write"
    assert first.attributes["gen_ai.response.model"] == "m-1"
    assert first.attributes["gen_ai.usage.input_tokens"] == 100
    assert root.attributes["animus.cost.usd"] == 0.5
    assert root.attributes["gen_ai.usage.output_tokens"] == 40


@pytest.mark.parametrize("end", ["failed", "escalated", "cancelled"])
def test_run_that_ends_otherwise_says_why(record, end):
    *_, root = spans_of(record.run(end=end, reason="no way"))
    assert (root.problem, root.attributes["animus.status"]) == ("no way", end)


def test_phase_takes_its_times_from_the_runner(record):
    events = record.run()
    events[1].payload["ts"] = "2026-03-01T11:59:59.5Z"
    events[3].payload["ts"] = "2026-03-01T11:59:59.75Z"
    phase, _ = spans_of(events)
    assert phase.ended_ns - phase.started_ns == 250_000_000


def test_gate_lasts_from_its_start_to_its_decision(record):
    events = [
        record("run_started", "run-1", workflow_ref="deliver"),
        record("phase_started", "run-1", phase_id="gate", attempt=1, mode="manual"),
        record("phase_completed", "run-1", phase_id="gate", attempt=1, status="manual_pending"),
        record("run_paused", "run-1", status="paused"),
        record("run_signalled", "run-1", signal="approve"),
        record("run_started", "run-1", workflow_ref="deliver"),
        *record.phase("run-1", "ship"),
        record("run_completed", "run-1"),
    ]
    gate, _, root = spans_of(events)
    assert (gate.name, gate.problem, gate.attributes["animus.signal"]) == ("phase gate", None, "approve")
    assert gate.ended_ns - gate.started_ns == 3_000_000_000
    assert root.started_ns == gate.started_ns - 1_000_000_000  # the first start, not the second


def test_phase_that_a_crash_cut_off_and_that_ran_again_is_one_span(record):
    about = {"phase_id": "build", "attempt": 1}
    events = [
        record("run_started", "run-1", workflow_ref="deliver"),
        record("phase_started", "run-1", **about),
        record("run_broke_off", "run-1", reason="the runner died"),
        record("run_started", "run-1", workflow_ref="deliver"),
        *record.phase("run-1", "build"),
        record("run_completed", "run-1"),
    ]
    phase, _ = spans_of(events)
    assert phase.attributes["animus.phase.restarts"] == 1
    assert phase.span_id == phase_span_id("run-1", "build", 1)


def test_phases_of_one_name_in_two_places_are_two_spans(record):
    events = [
        record("run_started", "run-1"),
        *record.phase("run-1", "build"),
        *record.phase("run-1", "build"),
        *record.phase("run-1", "build", path="inner/build"),
        record("run_completed", "run-1"),
    ]
    assert len({span.span_id for span in spans_of(events)}) == 4


def test_phase_that_was_open_when_the_run_ended_is_ended_with_it(record):
    events = [
        record("run_started", "run-1"),
        record("phase_started", "run-1", phase_id="build", attempt=1),
        record("run_cancelled", "run-1", reason="asked"),
    ]
    phase, root = spans_of(events)
    assert phase.problem == "the run ended before it"
    assert phase.ended_ns == root.ended_ns


def test_what_has_begun_survives_as_plain_data(record):
    events = record.run()
    whole = spans_of(events)
    for cut in range(len(events)):
        before = Timelines()
        first = spans_of(events[:cut], before)
        data = msgspec.json.decode(msgspec.json.encode(before.open_runs), type=dict[str, OpenRun])
        assert first + spans_of(events[cut:], Timelines(data)) == whole


def test_other_events_begin_no_trace(record):
    timelines = Timelines()
    events = [
        *record.run(),
        record("subject_projected", "run-1", run_status="completed"),
        record("plugin_started", plugin="p"),
        record("phase_output", "run-1", phase_id="build", text="late"),
    ]
    assert len(spans_of(events, timelines)) == 2
    assert timelines.open_runs.keys() <= {"run-1"}


def test_runs_that_are_followed_are_bounded(record, monkeypatch):
    monkeypatch.setattr(module, "OPEN_RUN_LIMIT", 2)
    timelines = Timelines()
    spans_of([record("run_started", f"run-{number}") for number in range(3)], timelines)
    assert (list(timelines.open_runs), timelines.given_up) == (["run-1", "run-2"], 1)
