"""Metrics of a project over OTLP/HTTP: what spans add up to, and the gauges that only the daemon knows."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from animus_observer_otel.attribute import AttributeValue
from animus_observer_otel.export import SCOPE
from animus_observer_otel.timeline import FinishedSpan

__all__ = ["Levels", "Measure"]

_TOKEN_TYPES = {"gen_ai.usage.input_tokens": "input", "gen_ai.usage.output_tokens": "output"}
_NS = 1_000_000_000


class Levels(NamedTuple):
    """What the daemon said of itself last; nothing when it was not there."""

    is_up: bool = False
    queue: Mapping[str, int] = {}
    active_runs: int | None = None
    parked_runs: int | None = None


class Measure:
    """The instruments of one project.

    Attributes:
        levels: read whenever metrics are exported.
        lost: as `levels`: events that were missed and records that were refused, by what became of them.
    """

    def __init__(self, resource: Resource, interval_seconds: float) -> None:
        """Export every `interval_seconds`, on a thread of its own."""
        reader = PeriodicExportingMetricReader(OTLPMetricExporter(), export_interval_millis=interval_seconds * 1000)
        self._provider = MeterProvider([reader], resource, shutdown_on_exit=False)
        self.levels = Levels()
        self.lost: dict[str, int] = {}
        meter = self._provider.get_meter(SCOPE.name, SCOPE.version)
        self._runs = meter.create_counter("animus.runs", "{run}", "Runs that have ended, by status.")
        self._run_seconds = meter.create_histogram("animus.run.duration", "s", "From the first start to the end.")
        self._phase_seconds = meter.create_histogram("animus.phase.duration", "s", "Of one attempt at a phase.")
        self._cost = meter.create_counter("animus.cost", "USD", "What agents said that they cost.")
        self._tokens = meter.create_histogram("gen_ai.client.token.usage", "{token}", "Tokens of one agent phase.")
        for name, unit, about, observe in (
            ("animus.daemon.up", "1", "Whether a daemon serves the project.", self._observe_up),
            ("animus.queue.depth", "{entry}", "Entries of the queue, by status.", self._observe_queue),
            ("animus.runs.open", "{run}", "Runs that a daemon holds, by whether they wait.", self._observe_runs),
        ):
            meter.create_observable_gauge(name, [observe], unit, about)
        meter.create_observable_counter(
            "animus.observer.lost", [self._observe_lost], "{item}", "What was recorded and not exported, by reason."
        )

    def add(self, span: FinishedSpan) -> None:
        """Count a span that was exported."""
        seconds = (span.ended_ns - span.started_ns) / _NS
        if span.is_run:
            labels = _labels(span, "animus.workflow", "animus.status")
            self._runs.add(1, labels)
            self._run_seconds.record(seconds, labels)
            return
        self._phase_seconds.record(seconds, _labels(span, "animus.phase.id", "animus.phase.mode", "animus.status"))
        model = _labels(span, "gen_ai.operation.name", "gen_ai.response.model")
        cost = span.attributes.get("animus.cost.usd")
        if isinstance(cost, int | float):
            self._cost.add(cost, model)
        for name, kind in _TOKEN_TYPES.items():
            count = span.attributes.get(name)
            if isinstance(count, int):
                self._tokens.record(count, model | {"gen_ai.token.type": kind})

    def flush(self) -> None:
        """Export now."""
        self._provider.force_flush()

    def close(self) -> None:
        """Export a last time and end."""
        self._provider.shutdown()

    def _observe_up(self, _: CallbackOptions) -> Iterable[Observation]:
        yield Observation(int(self.levels.is_up))

    def _observe_queue(self, _: CallbackOptions) -> Iterable[Observation]:
        for status, count in self.levels.queue.items():
            yield Observation(count, {"animus.entry.status": status})

    def _observe_runs(self, _: CallbackOptions) -> Iterable[Observation]:
        for state, count in (("active", self.levels.active_runs), ("parked", self.levels.parked_runs)):
            if count is not None:
                yield Observation(count, {"animus.run.state": state})

    def _observe_lost(self, _: CallbackOptions) -> Iterable[Observation]:
        for reason, count in self.lost.items():
            yield Observation(count, {"animus.reason": reason})


def _labels(span: FinishedSpan, *names: str) -> dict[str, Any]:
    found: dict[str, AttributeValue] = {name: span.attributes[name] for name in names if name in span.attributes}
    return found
