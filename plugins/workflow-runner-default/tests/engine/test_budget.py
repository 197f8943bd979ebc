"""Budgets: pure transitions over journalled figures, then a run that is parked, granted more, and failed by one."""

import datetime

import pytest

from animus_workflow_runner_default.authoring.model import (
    Budget,
    Command,
    Phase,
    PhaseEntry,
    Workflow,
)
from animus_workflow_runner_default.engine.budget import Spent, broken_off, charged, exceeded, spent, spent_so_far
from animus_workflow_runner_default.engine.machine import RunStatus
from animus_workflow_runner_default.engine.move import Moved
from animus_workflow_runner_default.engine.plan import Plan
from animus_workflow_runner_default.engine.transition import resume
from animus_workflow_runner_default.journal.record import Attempt, Dispatch, Run, Subject, Usage

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def plan_of(budget: Budget | None = None, own: Budget | None = None) -> Plan:
    entries = [PhaseEntry(path="a", phase_id="a", budget=own), PhaseEntry(path="b", phase_id="b")]
    phases = {name: Phase(id=name, mode="command", command=Command(program="x")) for name in "ab"}
    return Plan(Workflow(id="w", name="w", phases=entries, budget=budget), phases)


def run_of(**more) -> Run:
    base = {
        "workflow_id": "r",
        "workflow_ref": "w",
        "status": RunStatus.RUNNING,
        "subject": Subject(kind="task", id="task:1", native_id="1"),
        "dispatch": Dispatch(),
        "config_hash": "h",
        "runner_version": "0",
        "created_at": "t",
        "updated_at": "t",
    }
    return Run(**(base | more))


def attempt_of(usage: Usage | None = None, seconds: float = 1.0, **more) -> Attempt:
    base = {"path": "a", "phase_id": "a", "attempt": 1, "mode": "agent", "status": "completed", "started_at": "t"}
    base |= {"finished_at": "t", "duration_seconds": seconds, "usage": usage}
    return Attempt(**(base | more))


USED = Usage(input=60, output=50, cached=10_000, cost_usd=0.5)


@pytest.mark.parametrize(
    ("budget", "passed"),
    [
        (Budget(max_tokens=109), "110 tokens used, max_tokens is 109"),
        (Budget(max_tokens=110), None),
        (Budget(max_cost_usd=0.4), "$0.5000 spent, max_cost_usd is 0.4"),
        (Budget(max_cost_usd=0.5), None),
        (Budget(max_duration_secs=2), "3.0 s worked, max_duration_secs is 2"),
        (Budget(max_duration_secs=3), None),
    ],
)
def test_limit_is_passed_by_more_than_it_says_and_cached_tokens_are_free(budget, passed):
    assert exceeded(budget, spent([attempt_of(USED, seconds=3)])) == passed


def test_waiting_for_a_person_is_not_working_time():
    assert spent([attempt_of(seconds=900, mode="manual")]) == Spent(0, 0.0, 0.0)


def test_grant_allows_the_same_amount_once_more():
    budget = Budget(max_tokens=60)
    used = spent([attempt_of(USED)])
    assert exceeded(budget, used) is not None
    assert exceeded(budget, used, grants=1) is None


@pytest.mark.parametrize(
    ("on_exceed", "status"), [("pause", RunStatus.PAUSED), ("fail", RunStatus.FAILED), ("warn", RunStatus.RUNNING)]
)
def test_budget_of_the_run_counts_every_attempt_and_does_what_it_says(on_exceed, status):
    plan = plan_of(Budget(max_tokens=200, on_exceed=on_exceed))
    earlier, ended = attempt_of(USED), attempt_of(USED, attempt=2)
    moved = charged(Moved(run_of(position="b"), (ended,)), plan, [earlier, ended], NOW)
    assert moved.run.status is status
    said = moved.run.notes[0] if on_exceed == "warn" else moved.run.reason
    assert said == "the budget of the run is used up: 220 tokens used, max_tokens is 200"
    if on_exceed == "pause":
        assert moved.run.waiting.command == "animus workflow resume r --force"


def test_run_without_anything_left_to_do_is_not_stopped_by_its_budget():
    plan = plan_of(Budget(max_tokens=1))
    ended = attempt_of(USED)
    moved = Moved(run_of(stage="landing"), (ended,))
    assert charged(moved, plan, [ended], NOW) == moved


def test_budget_of_a_phase_is_that_of_one_attempt():
    plan = plan_of(own=Budget(max_tokens=110))
    first, second = attempt_of(USED), attempt_of(USED, attempt=2)
    moved = Moved(run_of(position="b"), (second,))
    assert charged(moved, plan, [first, second], NOW) == moved
    dear = attempt_of(Usage(input=111), attempt=3)
    parked = charged(Moved(run_of(position="b"), (dear,)), plan, [dear], NOW).run
    assert (parked.status, parked.waiting.kind, parked.waiting.phase_id) == (RunStatus.PAUSED, "budget", "a")


def test_budget_of_the_run_is_looked_at_before_that_of_the_phase():
    plan = plan_of(Budget(max_tokens=1, on_exceed="fail"), Budget(max_tokens=1))
    ended = attempt_of(USED)
    assert charged(Moved(run_of(position="b"), (ended,)), plan, [ended], NOW).run.status is RunStatus.FAILED


@pytest.mark.parametrize(("whose", "grants"), [("run", 1), ("phase", 0)])
def test_resume_grants_the_budget_of_the_run_once_more(whose, grants):
    limit = Budget(max_tokens=1)
    plan = plan_of(limit) if whose == "run" else plan_of(own=limit)
    ended = attempt_of(USED)
    parked = charged(Moved(run_of(position="b"), (ended,)), plan, [ended], NOW).run
    freed = resume(parked, NOW, force=True)
    assert (freed.status, freed.budget_grants, freed.is_forced) == (RunStatus.PENDING, grants, False)


FLOW = """
tools_allowlist: [sh]
workflows:
  - {id: w, budget: {max_duration_secs: 3}, phases: [slow, after]}
phases:
  slow: {mode: command, command: {program: sh, args: [-c, "sleep 3.05; echo slow >> marker"]}}
  after: {mode: command, command: {program: sh, args: [-c, "echo after >> marker"]}}
"""


def test_run_over_its_budget_waits_until_somebody_grants_more(host, define, project, rpc_error):
    define(FLOW)
    parked = host.execute("w", workflow_id="b1")
    assert (parked["workflow_status"], parked["waiting"]["kind"]) == ("paused", "budget")
    assert "max_duration_secs is 3" in parked["waiting"]["reason"]
    assert (project / "marker").read_text().split() == ["slow"]
    with pytest.raises(rpc_error, match="--force"):
        host.signal("b1", "resume")
    assert host.signal("b1", "resume", force=True)["runnable"] is True
    assert host.call("workflow/execute", {"workflow_id": "b1"})["workflow_status"] == "completed"
    assert (project / "marker").read_text().split() == ["slow", "after"]


def test_attempt_under_way_is_broken_off_by_what_it_and_the_run_have_used():
    earlier = attempt_of(USED)
    for plan, passed in (
        (plan_of(Budget(max_tokens=200)), "220 tokens used, max_tokens is 200"),
        (plan_of(Budget(max_tokens=200, on_exceed="warn")), None),
        (plan_of(own=Budget(max_tokens=109)), "110 tokens used, max_tokens is 109"),
        (plan_of(own=Budget(max_tokens=110)), None),
        (plan_of(), None),
    ):
        assert broken_off(plan, run_of(), "a", [earlier], spent_so_far(USED)) == passed
    assert (
        broken_off(plan_of(Budget(max_tokens=200)), run_of(budget_grants=1), "a", [earlier], spent_so_far(USED)) is None
    )


TALKATIVE = """
workflows:
  - {id: w, phases: [{talk: {budget: {max_tokens: 100, on_exceed: ON_EXCEED}}}]}
phases:
  talk: {mode: agent, directive: talk, runtime: {tool: one}, decision_contract: {min_confidence: 0.5}}
"""


@pytest.mark.parametrize(
    ("on_exceed", "status", "calls"), [("pause", "paused", 2), ("fail", "failed", 2), ("warn", "completed", 3)]
)
def test_agent_is_not_called_once_more_when_its_budget_is_passed(
    start_host, define, agent_reply, on_exceed, status, calls
):
    """It forgets its decision twice and is asked to go on each time, at 60 tokens a call."""
    define(TALKATIVE.replace("ON_EXCEED", on_exceed))
    host = start_host(host_calls=True)
    decision = '{"verdict": "advance", "confidence": 0.9, "risk": "low"}'

    def agent(_call):
        text = decision if len(host.calls) == 3 else "hm"
        return agent_reply(text, tokens_used={"input": 60, "output": 0}, resume_id="mine")

    host.on_host_call = agent
    result = host.execute("w", workflow_id="t1")
    assert (result["workflow_status"], len(host.calls)) == (status, calls), result
    if on_exceed != "warn":
        assert "120 tokens used, max_tokens is 100" in result["reason"]
    if on_exceed == "pause":
        assert result["waiting"]["kind"] == "budget"
        assert host.signal("t1", "resume", force=True)["runnable"] is True
        assert host.call("workflow/execute", {"workflow_id": "t1"})["workflow_status"] == "completed"
        rows = host.call("workflow/inspect", {"what": "run", "workflow_id": "t1"})["value"]["phases"]
        assert [(row["attempt"], row["status"]) for row in rows] == [(1, "rework"), (2, "completed")]
