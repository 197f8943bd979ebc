"""Random verdicts, crashes and restarts against a simple model: the journal alone decides where a run goes on."""

import datetime
import tempfile
from pathlib import Path

import hypothesis.strategies as st
import msgspec
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from animus_workflow_runner_default.authoring.model import (
    Command,
    Manual,
    Phase,
    PhaseEntry,
    Retry,
    Route,
    Workflow,
)
from animus_workflow_runner_default.clock import timestamp
from animus_workflow_runner_default.engine.machine import FINAL, RunEvent, RunStatus
from animus_workflow_runner_default.engine.plan import Plan
from animus_workflow_runner_default.engine.transition import (
    Moved,
    answer_gate,
    begin_attempt,
    block,
    enter,
    move,
    open_attempt,
    resume,
    settle,
)
from animus_workflow_runner_default.journal.journal import Journal
from animus_workflow_runner_default.journal.record import Dispatch, Run, Subject
from animus_workflow_runner_default.phases.decision import Decision
from animus_workflow_runner_default.phases.outcome import Decided, Failed, Gated

MAX_REWORKS = 2
NAMES = ("plan", "impl", "gate", "review")
PLAN = Plan(
    Workflow(
        id="w",
        name="w",
        phases=[
            PhaseEntry(path="plan", phase_id="plan"),
            PhaseEntry(path="impl", phase_id="impl"),
            PhaseEntry(path="gate", phase_id="gate"),
            PhaseEntry(path="review", phase_id="review", on_verdict={"rework": Route(target="impl")}),
        ],
    ),
    {
        name: Phase(
            id=name,
            mode="manual" if name == "gate" else "command",
            command=None if name == "gate" else Command(program="x"),
            manual=Manual(instructions="look") if name == "gate" else None,
            retry=Retry(max_attempts=MAX_REWORKS),
            idempotency="idempotent" if name == "impl" else "unknown",
        )
        for name in NAMES
    },
)


class RunUnderCrashes(RuleBasedStateMachine):
    """The model: where the run is, how often each phase was entered and committed, what the budget allows."""

    def __init__(self) -> None:
        super().__init__()
        self._directory = tempfile.TemporaryDirectory()
        self.journal = Journal(Path(self._directory.name) / "workflow.db")
        self.journal.connection.execute("PRAGMA synchronous = OFF")  # no test pulls the plug
        self.now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
        self.position: str | None = NAMES[0]
        self.reworks = dict.fromkeys(NAMES, 0)
        self.committed: list[tuple[str, int]] = []
        self.entered = dict.fromkeys(NAMES, 0)
        self.context: str | None = None
        self.status = RunStatus.RUNNING
        self.is_open = False

    def teardown(self) -> None:
        self.journal.close()
        self._directory.cleanup()

    @initialize()
    def start(self) -> None:
        moment = timestamp(self.now)
        run = Run(
            workflow_id="w1",
            workflow_ref="w",
            status=RunStatus.PENDING,
            subject=Subject(kind="task", id="task:T", native_id="T"),
            dispatch=Dispatch(),
            config_hash="h",
            runner_version="0",
            created_at=moment,
            updated_at=moment,
        )
        self._write(enter(move(run, RunEvent.START, self.now), PLAN.first(), PLAN, [], self.now))

    def _write(self, moved: Moved) -> None:
        self.now += datetime.timedelta(seconds=1)
        self.journal.write(moved.run, moved.attempts)
        self._reload()

    def _reload(self) -> None:
        """Everything a new process would know."""
        found = self.journal.run("w1")
        assert found is not None
        self.run, self.attempts = found, self.journal.attempts("w1")

    def _is_at(self, *, is_open: bool, mode: str | None = None) -> bool:
        if self.status is not RunStatus.RUNNING or self.position is None or self.is_open != is_open:
            return False
        return mode is None or PLAN.phase(self.position).mode == mode

    @precondition(lambda self: self._is_at(is_open=False))
    @rule()
    def begin(self) -> None:
        assert self.position is not None
        self._write(begin_attempt(self.run, PLAN, self.attempts, self.now))
        self.entered[self.position] += 1
        self.is_open = True
        attempt = open_attempt(self.run, self.attempts)
        assert attempt is not None
        assert attempt.attempt == self.entered[self.position]
        assert attempt.rework_context == self.context

    @precondition(lambda self: self._is_at(is_open=True, mode="command"))
    @rule(verdict=st.sampled_from(["advance", "rework", "fail", "skip"]), reason=st.sampled_from(["a", "already_done"]))
    def finish(self, verdict: str, reason: str) -> None:
        attempt = open_attempt(self.run, self.attempts)
        assert attempt is not None
        decision = Decision(verdict=verdict, confidence=1.0, risk="low", reason=reason)
        self._write(settle(self.run, attempt, Decided(decision=decision), PLAN, self.attempts, self.now))
        self._model_decision(verdict, reason)

    def _model_decision(self, verdict: str, reason: str) -> None:
        assert self.position is not None
        self.committed.append((self.position, self.entered[self.position]))
        self.is_open = False
        if verdict == "advance":
            following = NAMES.index(self.position) + 1
            self.position = NAMES[following] if following < len(NAMES) else None
            self.context = None
        elif verdict == "rework":
            target = "impl" if self.position == "review" else self.position
            if self.reworks[target] == MAX_REWORKS:
                self.status, self.position = RunStatus.ESCALATED, target
                self._model_carried_reason(reason)
            else:
                self.reworks[target] += 1
                self.position, self.context = target, reason
        elif verdict == "fail":
            self.status = RunStatus.ESCALATED
            self._model_carried_reason(reason)
        else:
            self.status = RunStatus.COMPLETED if reason == "already_done" else RunStatus.CANCELLED

    def _model_carried_reason(self, reason: str) -> None:
        """What stopped the run is told to the phase it goes on with when a person resumes it."""
        assert self.run.rework_context is not None
        assert reason in self.run.rework_context
        self.context = self.run.rework_context

    @precondition(lambda self: self._is_at(is_open=True, mode="command"))
    @rule()
    def break_down(self) -> None:
        attempt = open_attempt(self.run, self.attempts)
        assert attempt is not None
        self._write(settle(self.run, attempt, Failed(reason="spawn"), PLAN, self.attempts, self.now))
        self.status, self.is_open = RunStatus.FAILED, False

    @precondition(lambda self: self._is_at(is_open=True, mode="manual"))
    @rule(is_approved=st.booleans(), crashes=st.booleans())
    def answer(self, is_approved: bool, crashes: bool) -> None:
        attempt = open_attempt(self.run, self.attempts)
        assert attempt is not None
        gate = Gated(instructions="look", note_required=False, timeout_seconds=None)
        self._write(settle(self.run, attempt, gate, PLAN, self.attempts, self.now))
        assert self.run.status is RunStatus.PAUSED
        if crashes:
            self._reload()
        waiting = next(item for item in self.attempts if item.status == "manual_pending")
        decision = Decision(verdict="advance", confidence=1.0, risk="low", reason="ok") if is_approved else None
        self._write(answer_gate(self.run, waiting, decision, "no", PLAN, self.attempts, self.now))
        if is_approved:
            self._write(Moved(move(self.run, RunEvent.START, self.now)))
            self._model_decision("advance", "ok")
        else:
            self.status, self.is_open = RunStatus.FAILED, False

    @precondition(lambda self: self.status is RunStatus.RUNNING)
    @rule()
    def crash(self) -> None:
        """The process dies; another one takes over by the crash rule."""
        self._reload()
        self._write(Moved(move(self.run, RunEvent.START, self.now)))
        attempt = open_attempt(self.run, self.attempts)
        assert (attempt is not None) == self.is_open
        if attempt is None:
            return
        if PLAN.phase(attempt.path).idempotency != "idempotent" and attempt.mode != "manual":
            self._write(Moved(block(self.run, attempt, self.now)))
            assert self.run.waiting is not None
            assert self.run.waiting.command.endswith("--force")
            self._write(Moved(resume(self.run, self.now, force=True)))
            self._write(Moved(move(self.run, RunEvent.START, self.now)))
        self._write(begin_attempt(self.run, PLAN, self.attempts, self.now))
        again = open_attempt(self.run, self.attempts)
        assert again is not None
        assert (again.attempt, again.starts) == (attempt.attempt, attempt.starts + 1)

    @rule()
    def look(self) -> None:
        """Somebody else reads the journal."""
        before = (self.run, self.attempts)
        self._reload()
        assert (self.run, self.attempts) == before

    @precondition(lambda self: self.status in {RunStatus.FAILED, RunStatus.ESCALATED})
    @rule()
    def go_on(self) -> None:
        """A person resumes a run that stopped: a new attempt, and after an escalation a new budget."""
        if self.status is RunStatus.ESCALATED and self.position is not None:
            self.reworks[self.position] = 0
        self._write(Moved(resume(self.run, self.now, force=False)))
        self._write(Moved(move(self.run, RunEvent.START, self.now)))
        self.status = RunStatus.RUNNING

    @invariant()
    def journal_agrees_with_the_model(self) -> None:
        if not hasattr(self, "run"):
            return
        assert self.run.status is self.status
        assert self.run.stage == ("landing" if self.position is None else self._stage())
        if self.status is RunStatus.RUNNING:
            assert self.run.position == self.position
            assert {name: self.run.rework_counts.get(name, 0) for name in NAMES} == self.reworks

    def _stage(self) -> str:
        return "done" if self.status in {RunStatus.COMPLETED, RunStatus.CANCELLED} else "phases"

    @invariant()
    def no_committed_phase_is_committed_twice(self) -> None:
        if not hasattr(self, "run"):
            return
        ended = [(item.path, item.attempt) for item in self.attempts if item.step is not None]
        assert ended == self.committed
        assert len(set(ended)) == len(ended)
        assert len([item for item in self.attempts if item.status == "running"]) == int(self.is_open)
        assert (self.run.finished_at is not None) == (self.run.status in FINAL)


RunUnderCrashes.TestCase.settings = settings(settings(), stateful_step_count=25)
test_run_survives_any_sequence_of_verdicts_and_crashes = RunUnderCrashes.TestCase


def test_escalated_run_does_not_escalate_again_by_being_resumed():
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    run = Run(
        workflow_id="w",
        workflow_ref="w",
        status=RunStatus.ESCALATED,
        subject=Subject(kind="task", id="task:T", native_id="T"),
        dispatch=Dispatch(),
        config_hash="h",
        runner_version="0",
        created_at="",
        updated_at="",
        position="impl",
        rework_counts={"impl": 2, "plan": 1},
    )
    freed = resume(run, now, force=False)
    assert freed.status is RunStatus.PENDING
    assert freed.rework_counts == {"plan": 1}
    begun = begin_attempt(move(freed, RunEvent.START, now), PLAN, [], now)
    assert begun.attempts[0].path == "impl"
    assert msgspec.json.decode(msgspec.json.encode(begun.run), type=Run) == begun.run
