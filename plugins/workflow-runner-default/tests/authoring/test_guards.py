import pytest

from animus_workflow_runner_default.authoring.guards import holds, parse_guard, parse_route_guard
from animus_workflow_runner_default.authoring.model import Guard


@pytest.mark.parametrize("text", ["priority == 'low'", 'priority == "low"', "priority == low", " priority=='low' "])
def test_comparison_is_read_with_or_without_quotes(text):
    assert parse_guard(text) == Guard(field="priority", operator="==", value="low")


def test_field_below_attributes_is_any_attribute():
    assert parse_guard("attributes.severity != 'sev 1'") == Guard(field="severity", operator="!=", value="sev 1")


@pytest.mark.parametrize(
    "text", ["", "priority", "priority = low", "a == b and c == d", "priority == ", "priority == 'a' x"]
)
def test_what_is_no_comparison_is_refused(text):
    with pytest.raises(ValueError, match="comparison"):
        parse_guard(text)


@pytest.mark.parametrize(("text", "hint"), [("task.type == 'docs'", "task_type"), ("prority == low", "priority")])
def test_unknown_field_is_refused_with_the_nearest_one(text, hint):
    with pytest.raises(ValueError, match=f"unknown field .*did you mean '{hint}'"):
        parse_guard(text)


@pytest.mark.parametrize(
    ("text", "facts", "is_true"),
    [
        ("priority == low", {"priority": "low"}, True),
        ("priority == low", {"priority": "high"}, False),
        ("priority != low", {"priority": "high"}, True),
        ("priority != low", {"priority": "low"}, False),
        ("priority == low", {}, False),
        ("priority != low", {}, False),
    ],
)
def test_guard_on_a_missing_fact_never_holds(text, facts, is_true):
    assert holds(parse_guard(text), facts) is is_true


def test_route_guard_may_ask_for_the_rework_budget():
    guard = parse_route_guard("rework_budget_available")
    assert holds(guard, {"rework_budget_available": "true"})
    assert not holds(guard, {"rework_budget_available": "false"})
    with pytest.raises(ValueError, match="comparison"):
        parse_guard("rework_budget_available")
