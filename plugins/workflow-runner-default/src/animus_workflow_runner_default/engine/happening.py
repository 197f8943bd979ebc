"""What is told about a run while it goes on, and what its result says happened."""

import datetime
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from animus_workflow_runner_default.clock import timestamp
from animus_workflow_runner_default.engine.machine import FINAL, RunStatus
from animus_workflow_runner_default.journal.record import Attempt, Run, Usage, Waiting

__all__ = [
    "Happening",
    "OnHappening",
    "attempt_ended",
    "attempt_started",
    "line_shown",
    "phase_history",
    "recorded_events",
    "waiting_changed",
]


class Happening(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event of a phase; `kind` is ``started``, ``output``, ``waiting``, ``resumed``, ``decision`` or ``completed``.

    ``output`` is live only: the latest line a phase showed (in `reason`), at most a few a second. ``waiting`` and
    ``resumed`` are live, too: the agent waits for a person, and goes on.
    """

    kind: str
    phase_id: str
    path: str
    """The phase's place in the plan."""
    ts: str
    attempt: int | None = None
    verdict: str | None = None
    confidence: float | None = None
    status: str | None = None
    mode: str | None = None
    reason: str | None = None
    duration_secs: float | None = None
    waiting: Waiting | None = None
    usage: Usage | None = None


OnHappening = Callable[[Happening], None]

MAX_REASON_CHARS = 4_000
EVAL_SCHEMA = "animus.eval.v1"


def attempt_started(attempt: Attempt) -> Happening:
    """The start of an attempt."""
    return Happening(
        kind="started",
        phase_id=attempt.phase_id,
        path=attempt.path,
        ts=attempt.started_at,
        attempt=attempt.attempt,
        mode=attempt.mode,
    )


def attempt_ended(attempt: Attempt) -> list[Happening]:
    """The decision of an attempt, if it made one, and its end."""
    moment = attempt.finished_at or attempt.started_at
    reason = None if attempt.reason is None else attempt.reason[:MAX_REASON_CHARS]
    events: list[Happening] = []
    if attempt.decision is not None:
        events.append(
            Happening(
                kind="decision",
                phase_id=attempt.phase_id,
                path=attempt.path,
                ts=moment,
                attempt=attempt.attempt,
                verdict=attempt.decision.verdict,
                confidence=attempt.decision.confidence,
                reason=reason,
            )
        )
    events.append(
        Happening(
            kind="completed",
            phase_id=attempt.phase_id,
            path=attempt.path,
            ts=moment,
            attempt=attempt.attempt,
            status=attempt.status,
            mode=attempt.mode,
            reason=reason,
            duration_secs=attempt.duration_seconds,
            usage=attempt.usage,
        )
    )
    return events


def line_shown(attempt: Attempt, line: str, now: datetime.datetime) -> Happening:
    """The latest line that a phase showed."""
    return Happening(kind="output", phase_id=attempt.phase_id, path=attempt.path, ts=timestamp(now), reason=line)


def waiting_changed(run: Run, attempt: Attempt, now: datetime.datetime) -> Happening:
    """The agent of a running run waits for a person, or does not any more."""
    waiting = run.waiting
    return Happening(
        kind="resumed" if waiting is None else "waiting",
        phase_id=attempt.phase_id,
        path=attempt.path,
        ts=timestamp(now),
        attempt=attempt.attempt,
        reason=None if waiting is None else waiting.reason,
        waiting=waiting,
    )


def phase_history(attempts: Sequence[Attempt]) -> list[Happening]:
    """Everything that happened to the phases of a run, in order, as its result tells it."""
    events: list[Happening] = []
    for attempt in attempts:
        events.append(attempt_started(attempt))
        if attempt.status != "running":
            events += attempt_ended(attempt)
    return events


def recorded_events(
    before: Run, run: Run, changed: Sequence[Attempt], now: datetime.datetime
) -> list[tuple[datetime.datetime, dict[str, Any]]]:
    """What a transition is to ``journal/events``: the moment and the body, in the words of that method."""
    rows: list[tuple[datetime.datetime, dict[str, Any]]] = []
    moment = timestamp(now)

    def add(kind: str, **more: Any) -> None:
        body = {"run_id": run.workflow_id, "workflow_ref": run.workflow_ref, "kind": kind, "ts": moment} | more
        rows.append((now, {key: value for key, value in body.items() if value is not None}))

    if run.status is RunStatus.RUNNING and before.status is not RunStatus.RUNNING:
        add("run_started")
    for item in changed:
        kind = "phase_started" if item.status == "running" else "phase_completed"
        detail: dict[str, Any] = {"attempt": item.attempt, "path": item.path}
        if item.checks:
            detail["evals"] = {"schema": EVAL_SCHEMA, "checks": msgspec.to_builtins(item.checks)}
        add(kind, phase=item.phase_id, status=item.status, detail=detail)
    if run.status in FINAL and before.status not in FINAL:
        kind = "run_completed" if run.status is RunStatus.COMPLETED else "run_failed"
        add(kind, status=run.status.value, detail={"reason": run.reason} if run.reason else None)
    return rows
