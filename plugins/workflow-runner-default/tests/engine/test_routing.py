"""The gate table, cell by cell, and the budget that is booked on the phase entered again."""

import pytest

from animus_workflow_runner_default.authoring.model import (
    Command,
    Guard,
    Phase,
    PhaseEntry,
    Retry,
    Route,
    Workflow,
)
from animus_workflow_runner_default.engine.plan import Plan
from animus_workflow_runner_default.engine.routing import Advance, Close, Complete, Escalate, Rework, next_step
from animus_workflow_runner_default.phases.decision import Decision


def plan(**entries: object) -> Plan:
    routes = {"impl": {}, "review": {}, "ship": {}} | entries
    places = [
        PhaseEntry(path=name, phase_id=name, **(entry if isinstance(entry, dict) else {"on_verdict": entry}))
        for name, entry in routes.items()
    ]
    phases = {
        name: Phase(id=name, mode="command", command=Command(program="x"), retry=Retry(max_attempts=2))
        for name in routes
    }
    return Plan(Workflow(id="w", name="w", phases=places), phases)


def step(given: Plan, at: str, decision: Decision | None, counts: dict[str, int] | None = None, **facts: str):
    return next_step(decision, given.entry(at), counts or {}, given, facts)


def verdict(word: str, **more: object) -> Decision:
    return Decision(**({"verdict": word, "confidence": 0.9, "risk": "low", "reason": "why"} | more))


def test_no_decision_goes_to_the_following_phase():
    assert step(plan(), "impl", None) == Advance("review")


def test_no_decision_at_the_last_phase_completes():
    assert step(plan(), "ship", None) == Complete()


def test_advance_goes_to_the_following_phase_and_past_the_last_completes():
    assert step(plan(), "review", verdict("advance")) == Advance("ship")
    assert step(plan(), "ship", verdict("advance")) == Complete()


def test_advance_goes_to_the_configured_target():
    given = plan(impl={"on_verdict": {"advance": Route(target="ship")}})
    assert step(given, "impl", verdict("advance")) == Advance("ship")


def test_end_target_completes_the_run():
    given = plan(impl={"on_verdict": {"advance": Route(target="_end")}})
    assert step(given, "impl", verdict("advance")) == Complete("why")


@pytest.mark.parametrize("word", ["advance", "rework", "fail", "skip"])
def test_end_target_completes_the_run_for_every_verdict(word):
    given = plan(impl={"on_verdict": {word: Route(target="_end")}})
    assert step(given, "impl", verdict(word)) == Complete("why")


@pytest.mark.parametrize("word", ["advance", "skip"])
def test_low_confidence_at_high_risk_reworks_the_phase_itself(word):
    risky = verdict(word, confidence=0.4, risk="high")
    answer = step(plan(), "review", risky)
    assert isinstance(answer, Rework)
    assert answer.path == "review"


@pytest.mark.parametrize(
    "more", [{"confidence": 0.5, "risk": "high"}, {"confidence": 0.1, "risk": "medium"}], ids=["confident", "less risk"]
)
def test_only_both_together_count_as_risky(more):
    assert step(plan(), "review", verdict("advance", **more)) == Advance("ship")


def test_low_confidence_passes_once_the_budget_is_used_up():
    risky = verdict("advance", confidence=0.4, risk="high")
    assert step(plan(), "review", risky, {"review": 2}) == Advance("ship")


@pytest.mark.parametrize("word", ["advance", "skip"])
def test_guardrail_violations_rework_the_phase_itself(word):
    answer = step(plan(), "review", verdict(word, guardrail_violations=("a", "b")))
    assert answer == Rework("review", "guardrails violated: a; b")


def test_guardrail_violations_pass_once_the_budget_is_used_up():
    violating = verdict("advance", guardrail_violations=("a",))
    assert step(plan(), "review", violating, {"review": 2}) == Advance("ship")


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("already_done: by hand", "completed"),
        ("ALREADY_DONE", "completed"),
        ("duplicate", "cancelled"),
        ("", "cancelled"),
    ],
)
def test_skip_closes_the_run(reason, status):
    assert step(plan(), "impl", verdict("skip", reason=reason)) == Close(status, reason)


def test_skip_with_a_target_goes_there():
    given = plan(impl={"on_verdict": {"skip": Route(target="ship")}})
    assert step(given, "impl", verdict("skip")) == Advance("ship")


def test_rework_without_a_target_enters_the_same_phase():
    assert step(plan(), "review", verdict("rework")) == Rework("review", "why")


def test_rework_goes_to_its_target():
    given = plan(review={"on_verdict": {"rework": Route(target="impl")}})
    assert step(given, "review", verdict("rework")) == Rework("impl", "why")


def test_rework_budget_is_that_of_the_target():
    given = plan(review={"on_verdict": {"rework": Route(target="impl")}})
    assert isinstance(step(given, "review", verdict("rework"), {"review": 2}), Rework)
    answer = step(given, "review", verdict("rework"), {"impl": 2})
    assert answer == Escalate("impl", "rework budget exceeded for phase impl (2 reworks, max 2): why")


def test_place_may_have_a_budget_of_its_own():
    given = plan(impl={"max_rework_attempts": 1})
    assert isinstance(step(given, "impl", verdict("rework")), Rework)
    assert isinstance(step(given, "impl", verdict("rework"), {"impl": 1}), Escalate)


def test_fail_escalates_with_its_reason():
    assert step(plan(), "impl", verdict("fail")) == Escalate("impl", "why")


def test_fail_with_a_target_goes_there():
    given = plan(impl={"on_verdict": {"fail": Route(target="ship")}})
    assert step(given, "impl", verdict("fail")) == Advance("ship")


def test_custom_verdict_follows_its_route():
    given = plan(review={"on_verdict": {"needs-design": Route(target="impl"), "good": Route(target="ship")}})
    assert step(given, "review", verdict("good")) == Advance("ship")
    assert step(given, "review", verdict("needs-design")) == Rework("impl", "why")


def test_step_back_is_booked_whatever_verdict_asked_for_it():
    given = plan(review={"on_verdict": {"advance": Route(target="impl")}})
    assert step(given, "review", verdict("advance")) == Rework("impl", "why")
    assert isinstance(step(given, "review", verdict("advance"), {"impl": 2}), Escalate)


@pytest.mark.parametrize(
    ("route", "named", "expected"),
    [
        (Route(target="review"), "impl", "review"),
        (Route(target="review", allow_agent_target=True), "impl", "impl"),
        (Route(target="review", allow_agent_target=True), "IMPL", "impl"),
        (Route(target="review", allow_agent_target=True), "nowhere", "review"),
        (Route(target="review", allow_agent_target=True, allowed_targets=["ship"]), "impl", "review"),
        (Route(target="review", allow_agent_target=True, allowed_targets=["Impl"]), "impl", "impl"),
    ],
    ids=["not allowed", "allowed", "any case", "unknown", "not listed", "listed"],
)
def test_agent_target_counts_only_where_the_route_allows_it(route, named, expected):
    given = plan(review={"on_verdict": {"rework": route}})
    answer = step(given, "review", verdict("rework", target_phase=named))
    assert answer == Rework(expected, "why")


def test_agent_may_choose_where_to_advance():
    given = plan(impl={"on_verdict": {"advance": Route(allow_agent_target=True)}})
    assert step(given, "impl", verdict("advance", target_phase="ship")) == Advance("ship")
    assert step(given, "impl", verdict("advance")) == Advance("review")


def test_route_counts_only_while_its_guard_holds():
    route = Route(target="ship", guard=Guard(field="priority", operator="==", value="low"))
    given = plan(impl={"on_verdict": {"advance": route}})
    assert step(given, "impl", verdict("advance"), priority="low") == Advance("ship")
    assert step(given, "impl", verdict("advance"), priority="high") == Advance("review")
    assert step(given, "impl", verdict("advance")) == Advance("review")


def test_guard_can_ask_for_budget_that_is_left():
    route = Route(target="impl", guard=Guard(field="rework_budget_available", operator="==", value="true"))
    given = plan(review={"on_verdict": {"fail": route}})
    assert step(given, "review", verdict("fail")) == Rework("impl", "why")
    assert step(given, "review", verdict("fail"), {"impl": 2}) == Escalate("review", "why")


def test_guarded_phases_in_a_row_are_skipped_together():
    low = [Guard(field="priority", operator="==", value="low")]
    given = plan(review={"skip_if": low}, ship={"skip_if": low})
    point = given.entry_point("review", {"priority": "low"})
    assert (point.skipped, point.path) == (("review", "ship"), None)
    assert given.entry_point("review", {"priority": "high"}).path == "review"


@pytest.mark.parametrize("operator", ["==", "!="])
def test_guard_on_a_missing_field_never_skips(operator):
    given = plan(review={"skip_if": [Guard(field="priority", operator=operator, value="low")]})
    assert given.entry_point("review", {}).path == "review"
