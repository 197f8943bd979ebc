"""Events become spans: a run is a trace, each attempt at a phase a span below it.

A span is complete when its end was seen. What has begun and not ended is kept as plain data (`Timelines.open_runs`),
so that an observer that was killed goes on with it. Nothing here knows OpenTelemetry.
"""

import datetime
from typing import Any

import msgspec

from animus_observer_otel.attribute import AttributeValue, agent_attributes, event_attributes, payload_of
from animus_observer_otel.identity import phase_span_id, run_span_id, trace_id_of
from animus_plugin_protocol.wire.control import DaemonEvent

__all__ = ["OPEN_RUN_LIMIT", "FinishedSpan", "OpenPhase", "OpenRun", "Timelines"]

OPEN_RUN_LIMIT = 10_000
"""Runs that are followed at once; beyond it the one that began first is given up."""

_RUN_ENDS = {"run_completed", "run_failed", "run_escalated", "run_cancelled"}
_GATE_SIGNALS = {"approve", "reject"}
_RUN_FACTS: tuple[str, ...] = ("workflow_id", "workflow_ref", "subject_id", "entry_id")
_WAITS = "manual_pending"
_GOOD = {"completed", "skipped", "closed", _WAITS}
_AGENT = "agent"


class OpenPhase(msgspec.Struct, kw_only=True):
    """An attempt that has begun."""

    phase_id: str
    path: str
    attempt: int
    occurrence: int
    started_ns: int
    attributes: dict[str, AttributeValue] = {}
    restarts: int = 0
    waits: bool = False
    """It is a gate, and everything before its decision has been seen."""


class OpenRun(msgspec.Struct, kw_only=True):
    """A run that has begun."""

    run_id: str
    started_ns: int
    attributes: dict[str, AttributeValue] = {}
    phases: dict[str, OpenPhase] = {}
    done: dict[str, int] = {}
    """How often a path and attempt was complete."""
    cost_usd: float = 0.0
    tokens: dict[str, int] = {}


class FinishedSpan(msgspec.Struct, frozen=True, kw_only=True):
    """A span as it is exported; times in nanoseconds since the epoch."""

    is_run: bool
    trace_id: int
    span_id: int
    parent_id: int | None
    name: str
    started_ns: int
    ended_ns: int
    attributes: dict[str, AttributeValue]
    problem: str | None = None
    """Why it counts as failed."""


class Timelines:
    """All runs that are under way."""

    def __init__(self, open_runs: dict[str, OpenRun] | None = None) -> None:
        """Go on with `open_runs`."""
        self.open_runs = {} if open_runs is None else open_runs
        self.given_up = 0

    def take(self, event: DaemonEvent) -> list[FinishedSpan]:
        """The spans that an event completes; events come in order."""
        payload = payload_of(event)
        run_id = payload.get("workflow_id")
        if not event.id or not isinstance(run_id, str):
            return []
        run = self._run(run_id, event, payload)
        if event.kind.startswith("phase_"):
            return _phase_event(run, event, payload)
        if event.kind == "run_signalled" and payload.get("signal") in _GATE_SIGNALS:
            return _end_gates(run, event, payload)
        if event.kind in _RUN_ENDS:
            del self.open_runs[run_id]
            return _end_run(run, event, payload)
        if event.kind not in {"run_started", "run_paused", "run_broke_off", "run_lost", "lease_reclaimed"}:
            self._forget_if_new(run)
        return []

    def _run(self, run_id: str, event: DaemonEvent, payload: dict[str, Any]) -> OpenRun:
        run = self.open_runs.get(run_id)
        if run is None:
            while len(self.open_runs) >= OPEN_RUN_LIMIT:
                self.open_runs.pop(next(iter(self.open_runs)))
                self.given_up += 1
            run = self.open_runs[run_id] = OpenRun(run_id=run_id, started_ns=_ns(event.occurred_at))
        run.attributes |= event_attributes({name: payload[name] for name in _RUN_FACTS if name in payload})
        return run

    def _forget_if_new(self, run: OpenRun) -> None:
        """An event about a run that is over, such as the projection of its end, begins no trace."""
        if not run.phases and not run.done and "animus.workflow" not in run.attributes:
            del self.open_runs[run.run_id]


def _phase_event(run: OpenRun, event: DaemonEvent, payload: dict[str, Any]) -> list[FinishedSpan]:
    phase_id = str(payload.get("phase_id", ""))
    path = str(payload.get("path") or phase_id)
    attempt = payload.get("attempt")
    if not isinstance(attempt, int):  # other runners do not say it in every event
        attempt = max((one.attempt for one in run.phases.values() if one.path == path), default=1)
    key = f"{path}#{attempt}"
    at = _moment(payload.get("ts"), event.occurred_at)
    phase = run.phases.get(key)
    if phase is None:
        if event.kind not in {"phase_started", "phase_completed"}:
            return []
        occurrence = run.done.get(key, 0)
        phase = OpenPhase(phase_id=phase_id, path=path, attempt=attempt, occurrence=occurrence, started_ns=at)
        run.phases[key] = phase
    elif event.kind == "phase_started":
        phase.restarts += 1
    phase.attributes |= event_attributes(
        {name: value for name, value in payload.items() if name not in {"workflow_id", "duration_secs"}}
    )
    if event.kind != "phase_completed":
        return []
    _add_up(run, payload)
    if payload.get("status") == _WAITS:
        phase.waits = True
        return []
    return [_end_phase(run, phase, at)]


def _add_up(run: OpenRun, payload: dict[str, Any]) -> None:
    cost = payload.get("cost_usd")
    run.cost_usd += cost if isinstance(cost, int | float) else 0
    for name, count in event_attributes({"tokens": payload.get("tokens")}).items():
        run.tokens[name] = run.tokens.get(name, 0) + int(count)


def _end_gates(run: OpenRun, event: DaemonEvent, payload: dict[str, Any]) -> list[FinishedSpan]:
    wanted = payload.get("phase_id")
    ended = [phase for phase in run.phases.values() if phase.waits and wanted in {None, phase.phase_id}]
    for phase in ended:
        phase.attributes |= event_attributes({"signal": payload["signal"]})
    return [_end_phase(run, phase, _ns(event.occurred_at)) for phase in ended]


def _end_phase(run: OpenRun, phase: OpenPhase, at: int, *, interrupted: bool = False) -> FinishedSpan:
    key = f"{phase.path}#{phase.attempt}"
    del run.phases[key]
    run.done[key] = run.done.get(key, 0) + 1
    status = str(phase.attributes.get("animus.status", ""))
    is_agent = phase.attributes.get("animus.phase.mode") == _AGENT
    extra: dict[str, AttributeValue] = agent_attributes(phase.phase_id) if is_agent else {}
    if phase.restarts:
        extra["animus.phase.restarts"] = phase.restarts
    reason = str(phase.attributes.get("animus.reason", "")) or status
    problem = "the run ended before it" if interrupted else None if status in _GOOD else reason
    return FinishedSpan(
        is_run=False,
        trace_id=trace_id_of(run.run_id),
        span_id=phase_span_id(run.run_id, phase.path, phase.attempt, phase.occurrence),
        parent_id=run_span_id(run.run_id),
        name=f"invoke_agent {phase.phase_id}" if is_agent else f"phase {phase.phase_id}",
        started_ns=phase.started_ns,
        ended_ns=max(at, phase.started_ns),
        attributes={"animus.run.id": run.run_id, **phase.attributes, **extra},
        problem=problem,
    )


def _end_run(run: OpenRun, event: DaemonEvent, payload: dict[str, Any]) -> list[FinishedSpan]:
    at = _ns(event.occurred_at)
    phases = [_end_phase(run, phase, at, interrupted=not phase.waits) for phase in list(run.phases.values())]
    status = event.kind.removeprefix("run_")
    totals: dict[str, AttributeValue] = {**run.tokens}
    if run.cost_usd:
        totals["animus.cost.usd"] = run.cost_usd
    ending = event_attributes({"status": status, "reason": payload.get("reason")})
    root = FinishedSpan(
        is_run=True,
        trace_id=trace_id_of(run.run_id),
        span_id=run_span_id(run.run_id),
        parent_id=None,
        name=f"run {run.attributes.get('animus.workflow', run.run_id)}",
        started_ns=run.started_ns,
        ended_ns=max(at, run.started_ns, *(phase.ended_ns for phase in phases)) if phases else max(at, run.started_ns),
        attributes={**run.attributes, **totals, **ending},
        problem=None if status == "completed" else str(payload.get("reason") or status),
    )
    return [*phases, root]


def _ns(moment: datetime.datetime) -> int:
    delta = moment - datetime.datetime.fromtimestamp(0, datetime.UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000_000 + delta.microseconds * 1000


def _moment(text: Any, otherwise: datetime.datetime) -> int:
    """When the runner says that it happened; the kernel heard of it a little later."""
    try:
        return _ns(msgspec.convert(text, datetime.datetime)) if text else _ns(otherwise)
    except (msgspec.ValidationError, TypeError):
        return _ns(otherwise)
