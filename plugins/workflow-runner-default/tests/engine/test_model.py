"""Random workflows, verdicts, crashes and answers against a model that is written from the page, not from the code."""

import datetime
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from animus_workflow_runner_default.authoring.model import (
    END_TARGET,
    Command,
    CompiledConfig,
    Manual,
    Phase,
    PhaseEntry,
    Retry,
    Route,
    Workflow,
)
from animus_workflow_runner_default.engine.machine import RunEvent, RunStatus
from animus_workflow_runner_default.engine.plan import Plan
from animus_workflow_runner_default.engine.transition import (
    answer_gate,
    begin_attempt,
    complete,
    enter,
    move,
    overlay,
    resume,
    settle,
)
from animus_workflow_runner_default.journal.journal import Journal
from animus_workflow_runner_default.journal.record import Dispatch, Run, Subject
from animus_workflow_runner_default.phases.decision import Decision
from animus_workflow_runner_default.phases.outcome import Decided, Failed, Gated

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
NAMES = "abcd"
VERDICTS = ("advance", "rework", "fail", "skip", "detour")


class Model:
    """Where a run is, by the rules of the page."""

    def __init__(self, names: str, routes: dict[str, dict[str, str]], budgets: dict[str, int]) -> None:
        self.names, self.routes, self.budgets = names, routes, budgets
        self.at, self.status, self.counts = 0, "running", dict[str, int]()

    def decide(self, verdict: str) -> None:
        here = self.names[self.at]
        target = self.routes[here].get(verdict)
        if verdict == "skip" and target is None:
            self.status = "cancelled"
        elif verdict == "fail" and target is None:
            self.status = "escalated"
        elif verdict == "rework":
            self.back(here if target is None else target)
        elif target is not None:
            self.go(target)
        else:
            self.go(self.names[self.at + 1] if self.at + 1 < len(self.names) else END_TARGET)

    def go(self, target: str) -> None:
        if target != END_TARGET and self.names.index(target) <= self.at:
            self.back(target)
        elif target == END_TARGET:
            self.status = "completed"
        else:
            self.at = self.names.index(target)

    def back(self, target: str) -> None:
        if target == END_TARGET:
            self.status = "completed"
            return
        self.at = self.names.index(target)
        if self.counts.get(target, 0) >= self.budgets[target]:
            self.status = "escalated"
        else:
            self.counts[target] = self.counts.get(target, 0) + 1

    def resume(self) -> None:
        if self.status == "escalated":
            self.counts.pop(self.names[self.at], None)
        self.status = "running"


class Runs(RuleBasedStateMachine):
    """One run, moved on by its transitions, written after each, forgotten and read back at any time."""

    @initialize(data=st.data(), size=st.integers(1, len(NAMES)))
    def define(self, data: st.DataObject, size: int) -> None:
        names = NAMES[:size]
        targets = st.sampled_from([*names, END_TARGET])
        routes = {name: data.draw(st.dictionaries(st.sampled_from(VERDICTS), targets, max_size=3)) for name in names}
        budgets = {name: data.draw(st.integers(0, 2)) for name in names}
        gates = data.draw(st.sets(st.sampled_from(names)))
        self.model = Model(names, routes, budgets)
        phases = {
            name: Phase(
                id=name, mode="manual", manual=Manual(instructions="x"), retry=Retry(max_attempts=budgets[name])
            )
            if name in gates
            else Phase(id=name, mode="command", command=Command(program="x"), retry=Retry(max_attempts=budgets[name]))
            for name in names
        }
        entries = [
            PhaseEntry(path=name, phase_id=name, on_verdict={v: Route(target=t) for v, t in routes[name].items()})
            for name in names
        ]
        workflow = Workflow(id="w", name="w", phases=entries)
        self.plan = Plan(workflow, phases)
        self.folder = tempfile.TemporaryDirectory()
        self.journal = Journal(Path(self.folder.name) / "workflow.db")
        self.journal.pin_config("h", CompiledConfig(workflows={"w": workflow}, phases=phases))
        run = Run(
            workflow_id="r",
            workflow_ref="w",
            status=RunStatus.PENDING,
            subject=Subject(kind="task", id="task:1", native_id="1"),
            dispatch=Dispatch(),
            config_hash="h",
            runner_version="0.1.0",
            created_at="t",
            updated_at="t",
        )
        self.run, self.attempts = move(run, RunEvent.START, NOW), []
        self.write(enter(self.run, self.plan.first(), self.plan, [], NOW))

    def write(self, moved) -> None:
        self.run, self.attempts = moved.run, overlay(self.attempts, moved.attempts)
        self.journal.write(moved.run, moved.attempts)

    @rule(verdict=st.sampled_from(VERDICTS), is_approved=st.booleans())
    @precondition(lambda self: self.model.status == "running")
    def phase_ends(self, verdict: str, is_approved: bool) -> None:
        self.write(begin_attempt(self.run, self.plan, self.attempts, NOW))
        attempt = next(item for item in self.attempts if item.status == "running")
        if self.plan.phase(attempt.path).mode == "manual":
            gate = Gated(instructions="x", note_required=False, timeout_seconds=None)
            self.write(settle(self.run, attempt, gate, self.plan, self.attempts, NOW))
            assert self.run.status is RunStatus.PAUSED
            waiting = next(item for item in self.attempts if item.status == "manual_pending")
            decision = Decision(verdict="advance", confidence=1.0) if is_approved else None
            self.write(answer_gate(self.run, waiting, decision, "no", self.plan, self.attempts, NOW))
            routes = self.model.routes[attempt.path]
            refusal = next((word for word in ("fail", "rework") if word in routes), None)
            if not is_approved and refusal is None:
                self.model.status = "failed"
                return
            self.model.decide("advance" if is_approved or refusal is None else refusal)
        else:
            decision = Decision(verdict=verdict, confidence=1.0, risk="low", reason="r")
            self.write(settle(self.run, attempt, Decided(decision=decision), self.plan, self.attempts, NOW))
            self.model.decide(verdict)
        if self.run.status is RunStatus.PENDING:
            self.write_run(move(self.run, RunEvent.START, NOW))
        if self.run.stage == "landing" and self.run.status is RunStatus.RUNNING:
            self.write_run(complete(self.run, NOW))

    def write_run(self, run: Run) -> None:
        self.run = run
        self.journal.write(run)

    @rule()
    @precondition(lambda self: self.model.status == "running")
    def phase_cannot_be_carried_out(self) -> None:
        self.write(begin_attempt(self.run, self.plan, self.attempts, NOW))
        attempt = next(item for item in self.attempts if item.status == "running")
        self.write(settle(self.run, attempt, Failed(reason="x"), self.plan, self.attempts, NOW))
        self.model.status = "failed"

    @rule()
    @precondition(lambda self: self.model.status == "running")
    def runner_dies_in_the_middle_of_a_phase(self) -> None:
        self.write(begin_attempt(self.run, self.plan, self.attempts, NOW))
        self.read_back()
        before = len(self.attempts)
        self.write(begin_attempt(self.run, self.plan, self.attempts, NOW))
        assert len(self.attempts) == before, "the same attempt is begun again"
        self.read_back()

    @rule()
    def runner_dies_between_steps(self) -> None:
        self.read_back()

    def read_back(self) -> None:
        run, attempts = self.journal.run("r"), self.journal.attempts("r")
        assert (run, attempts) == (self.run, self.attempts)
        assert run is not None
        self.run, self.attempts = run, attempts

    @rule()
    @precondition(lambda self: self.model.status in {"escalated", "failed"})
    def somebody_resumes_it(self) -> None:
        self.write_run(resume(self.run, NOW, force=False))
        self.write_run(move(self.run, RunEvent.START, NOW))
        self.model.resume()

    @invariant()
    def the_run_is_where_the_model_says(self) -> None:
        assert self.run.status.value == self.model.status
        assert {key: count for key, count in self.run.rework_counts.items() if count} == self.model.counts
        if self.model.status in {"running", "escalated", "failed"}:
            assert self.run.position == self.model.names[self.model.at]

    @invariant()
    def attempts_of_a_place_are_numbered_without_a_gap(self) -> None:
        for name in self.model.names:
            numbers = [item.attempt for item in self.attempts if item.path == name]
            assert numbers == list(range(1, len(numbers) + 1))

    def teardown(self) -> None:
        if hasattr(self, "journal"):
            self.journal.close()
            self.folder.cleanup()


TestRuns = Runs.TestCase
TestRuns.settings = settings(
    max_examples=25, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
