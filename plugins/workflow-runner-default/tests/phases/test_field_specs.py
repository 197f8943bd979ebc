"""Contracts on fields: each key of a field's description refuses what it is there to refuse."""

import pytest

from animus_workflow_runner_default.authoring.model import DecisionContract, FieldSpec, OutputContract
from animus_workflow_runner_default.phases.contract import check_decision, check_output, check_weight
from animus_workflow_runner_default.phases.decision import decision_from
from animus_workflow_runner_default.phases.provider_error import may_retry


def findings(fields, **payload) -> list[str]:
    return check_output({"kind": "k", **payload}, OutputContract(kind="k", fields=fields), None)


@pytest.mark.parametrize(
    ("spec", "good", "bad"),
    [
        (FieldSpec(type="string"), "x", 1),
        (FieldSpec(enum=["a", "b"]), "a", "c"),
        (FieldSpec(type="array", items=FieldSpec(type="integer")), [1], ["x"]),
        (FieldSpec(type="object", fields={"n": FieldSpec(type="number", required=True)}), {"n": 1}, {}),
    ],
)
def test_field_is_what_its_description_says(spec, good, bad):
    assert findings({"f": spec}, f=good) == []
    assert findings({"f": spec}, f=bad) != []


def test_required_field_may_not_be_missing():
    assert findings({"f": FieldSpec(required=True)}) != []
    assert findings({"f": FieldSpec()}) == []


@pytest.mark.parametrize(
    ("contract", "is_kept"),
    [
        (DecisionContract(extra_json_schema={"type": "object", "required": ["n"]}), True),
        (DecisionContract(extra_json_schema={"type": "object", "required": ["z"]}), False),
        (DecisionContract(fields={"n": FieldSpec(type="integer")}), True),
        (DecisionContract(fields={"n": FieldSpec(type="string")}), False),
        (DecisionContract(max_risk="low"), False),
        (DecisionContract(max_risk="medium"), True),
    ],
)
def test_decision_keeps_its_contract_or_not(contract, is_kept):
    decision = decision_from({"verdict": "advance", "confidence": 0.9, "risk": "medium", "n": 1})
    assert decision is not None
    found = [*check_weight(decision, contract), *check_decision(decision, contract)]
    assert (found == []) is is_kept


def test_failure_that_is_not_to_be_retried_is_not_even_if_it_is_also_to_be():
    assert may_retry("transient", [], []) is True
    assert may_retry("transient", ["transient"], no_retry_on=["transient"]) is False
    assert may_retry("unknown", retry_on=["unknown"], no_retry_on=[]) is True
