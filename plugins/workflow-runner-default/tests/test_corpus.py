"""Other people's projects: every workflow is usable, and every verdict at every phase is driven once to an end.

By hand: ``ANIMUS_CORPUS=<folder of projects> pytest -m soak`` on this file; run as a program it prints the table.
"""

import datetime
import os
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from animus_workflow_runner_default.authoring.loading import Loaded, load
from animus_workflow_runner_default.authoring.model import VERDICTS
from animus_workflow_runner_default.engine.machine import FINAL, RunEvent, RunStatus
from animus_workflow_runner_default.engine.plan import Plan
from animus_workflow_runner_default.engine.transition import (
    answer_gate,
    begin_attempt,
    complete,
    enter,
    move,
    overlay,
    settle,
)
from animus_workflow_runner_default.journal.record import Attempt, Dispatch, Run, Subject
from animus_workflow_runner_default.phases.decision import Decision
from animus_workflow_runner_default.phases.outcome import Decided, Gated

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
MOST_STEPS = 500
pytestmark = pytest.mark.soak


def projects() -> list[Path]:
    folder = Path(os.environ["ANIMUS_CORPUS"])
    single = [file.parent for file in folder.rglob("workflow.yaml")]
    return sorted({*single, *(found.parent for found in folder.rglob("workflows") if found.is_dir())})


def loaded(source: Path, home: Path) -> Loaded:
    if (source / "workflows").is_dir():
        shutil.copytree(source / "workflows", home / ".animus" / "workflows")
    else:
        (home / ".animus").mkdir(parents=True)
        shutil.copy(source / "workflow.yaml", home / ".animus" / "workflows.yaml")
    return load(home, [], {})


def ends(plan: Plan, place: str, verdict: str) -> str:
    """How a run ends whose phases advance, but for the first time at `place`, which returns `verdict`."""
    run = Run(
        workflow_id="r",
        workflow_ref=plan.workflow.id,
        status=RunStatus.RUNNING,
        subject=Subject(kind="task", id="task:1", native_id="1"),
        dispatch=Dispatch(),
        config_hash="h",
        runner_version="0.1.0",
        created_at="t",
        updated_at="t",
    )
    attempts: list[Attempt] = []
    moved = enter(run, place, plan, attempts, NOW)
    was_said = False
    for _ in range(MOST_STEPS):
        run, attempts = moved.run, overlay(attempts, moved.attempts)
        if run.status is RunStatus.PENDING:
            run = move(run, RunEvent.START, NOW)
        if run.status in FINAL:
            return run.status.value
        if run.stage == "landing":
            return complete(run, NOW).status.value
        began = begin_attempt(run, plan, attempts, NOW)
        run, attempts = began.run, overlay(attempts, began.attempts)
        attempt = next(item for item in attempts if item.status == "running")
        word = "advance" if was_said or attempt.path != place else verdict
        was_said = was_said or attempt.path == place
        decision = Decision(verdict=word, confidence=1.0, risk="low", reason="r")
        if plan.phase(attempt.path).mode == "manual" and word == "advance":
            gate = Gated(instructions="x", note_required=False, timeout_seconds=None)
            parked = settle(run, attempt, gate, plan, attempts, NOW)
            run, attempts = parked.run, overlay(attempts, parked.attempts)
            waiting = next(item for item in attempts if item.status == "manual_pending")
            moved = answer_gate(run, waiting, decision, None, plan, attempts, NOW)
        else:
            moved = settle(run, attempt, Decided(decision=decision), plan, attempts, NOW)
    raise AssertionError(f"{plan.workflow.id}: {verdict} at {place} does not end")


def paths_of(plan: Plan) -> Counter[str]:
    """Ends by how many paths lead there: each allowed verdict at each place once."""
    counts: Counter[str] = Counter()
    for entry in plan.entries:
        for verdict in dict.fromkeys([*VERDICTS, *entry.on_verdict]):
            counts[ends(plan, entry.path, verdict)] += 1
    return counts


def test_every_verdict_at_every_phase_leads_to_an_end(tmp_path):
    driven = 0
    for number, source in enumerate(projects()):
        found = loaded(source, tmp_path / str(number))
        assert [str(item) for item in found.diagnostics if item.severity == "error"] == [], source
        assert found.config.disabled == {}, source
        for workflow in found.config.workflows.values():
            driven += paths_of(Plan.of(found.config, workflow)).total()
    assert driven


def table() -> str:
    rows = [
        "| project | workflow | phases | paths | completed | escalated | cancelled |",
        "|---|---|---|---|---|---|---|",
    ]
    for source in projects():
        with tempfile.TemporaryDirectory() as home:
            config = loaded(source, Path(home)).config
        for workflow in config.workflows.values():
            counts = paths_of(Plan.of(config, workflow))
            cells = (source.name, workflow.id, len(workflow.phases), counts.total())
            words = (*cells, counts["completed"], counts["escalated"], counts["cancelled"])
            rows.append(f"| {' | '.join(map(str, words))} |")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.stdout.write(f"{table()}\n")
