"""Reading decisions: the last valid one of the final answer, and never a guess."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from animus_workflow_runner_default.authoring.model import DecisionContract, FieldSpec, OutputContract
from animus_workflow_runner_default.phases.contract import check_decision, check_output, check_weight, payload_of_kind
from animus_workflow_runner_default.phases.decision import Decision, decision_from, json_objects, parse_decision
from animus_workflow_runner_default.phases.json_schema import check_schema, unsupported_keywords


def line(verdict: object, **more: object) -> str:
    return json.dumps({"verdict": verdict} | more)


def test_last_valid_decision_wins_and_all_are_counted():
    parsed = parse_decision(f"{line('rework')}\ntext\n{line('advance', reason='fine')}\nbye")
    assert parsed.decision is not None
    assert (parsed.decision.verdict, parsed.decision.reason, parsed.found) == ("advance", "fine", 2)


def test_fenced_block_over_several_lines_is_read():
    parsed = parse_decision('Here:\n```json\n{\n  "verdict": "advance"\n}\n```\n')
    assert parsed.decision is not None
    assert parsed.decision.verdict == "advance"


def test_decision_inside_a_sentence_is_not_one():
    assert parse_decision(f"I would say {line('advance')} here").decision is None


@pytest.mark.parametrize("key", ["phase_decision", "decision"])
def test_nested_decision_is_read(key):
    parsed = parse_decision(json.dumps({"kind": "result", key: {"verdict": "Fail "}}))
    assert parsed.decision is not None
    assert parsed.decision.verdict == "fail"


def test_object_of_another_kind_is_no_decision():
    assert parse_decision(line("advance", kind="test_report")) == parse_decision("")


def test_kind_is_read_in_any_case():
    assert parse_decision(line("advance", kind="Phase_Decision")).decision is not None


@pytest.mark.parametrize("verdict", ["approved", "", None, 3, ["advance"]])
def test_present_but_invalid_verdict_is_reported(verdict):
    parsed = parse_decision(line(verdict))
    assert parsed.decision is None
    assert len(parsed.invalid) == 1


def test_custom_verdict_is_valid_only_where_it_is_known():
    assert parse_decision(line("healthy")).decision is None
    assert parse_decision(line("healthy"), custom_verdicts=["healthy"]).decision is not None


@pytest.mark.parametrize(
    ("given_confidence", "expected"),
    [(0.7, 0.7), (" 0.25 ", 0.25), (7.5, 7.5), ("high", 0.0), (True, 0.0), ("nan", 0.0)],
)
def test_confidence_is_a_number_or_nothing(given_confidence, expected):
    decision = decision_from({"verdict": "advance", "confidence": given_confidence})
    assert decision is not None
    assert decision.confidence == expected


def test_missing_fields_have_the_careful_defaults():
    decision = decision_from({"verdict": "advance", "evidence": [{"kind": "odd"}, 3], "guardrail_violations": ["a", 1]})
    assert decision is not None
    assert (decision.confidence, decision.risk, decision.reason) == (0.0, "medium", "")
    assert [item.kind for item in decision.evidence] == ["custom"]
    assert decision.guardrail_violations == ("a",)


def test_last_line_only_ignores_what_is_said_before():
    assert parse_decision(f"{line('skip')}\nand more", last_line_only=True).decision is None
    assert parse_decision(f"more\n{line('skip')}\n", last_line_only=True).decision is not None


@given(st.text())
def test_any_text_is_read_without_an_error(text):
    parse_decision(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
    )
)
def test_any_json_value_is_a_decision_or_not(value):
    try:
        decision_from({"verdict": value, "confidence": value, "evidence": value, "guardrail_violations": value})
    except ValueError:
        assert not isinstance(value, str) or value.strip().lower() not in {"advance", "rework", "fail", "skip"}


def test_contract_names_everything_that_is_missing():
    contract = DecisionContract(
        min_confidence=0.8,
        max_risk="low",
        required_evidence=["tests_passed"],
        required_fields=["reasoning"],
        fields={"score": FieldSpec(type="integer", required=True)},
        extra_json_schema={"properties": {"reason": {"minLength": 3}}},
    )
    decision = decision_from({"verdict": "advance", "confidence": 0.5, "risk": "medium", "reason": "x", "score": "7"})
    assert decision is not None
    assert [*check_weight(decision, contract), *check_decision(decision, contract)] == [
        "confidence 0.5 is below the minimum 0.8",
        "risk 'medium' is above the maximum 'low'",
        "evidence 'tests_passed' is missing",
        "field 'reasoning' is missing",
        "$.score: not of type integer",
        "$.reason: shorter than 3",
    ]


def test_contract_that_asks_for_nothing_finds_nothing():
    assert check_decision(Decision(verdict="advance"), DecisionContract()) == []


def test_payload_is_found_by_kind_also_one_level_down():
    answer = '{"kind":"note"}\n{"result":{"kind":"report","n":1}}\n{"verdict":"advance"}'
    assert payload_of_kind(json_objects(answer), "report") == {"kind": "report", "n": 1}
    assert payload_of_kind(json_objects('{"n":2}\n{"verdict":"advance"}'), None) == {"n": 2}


def test_output_contract_is_enforced():
    contract = OutputContract(kind="report", required_fields=["n"])
    assert check_output(None, contract, None) == ["no result payload of kind 'report' was found"]
    assert check_output({"kind": "report"}, contract, {"required": ["m"]}) == ["field 'n' is missing", "$.m: missing"]


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "integer"}, 3, "3"),
        ({"type": ["string", "null"]}, None, 3),
        ({"enum": [1, 2]}, 2, 3),
        ({"const": {"a": 1}}, {"a": 1}, {"a": 2}),
        ({"items": {"type": "string"}, "minItems": 1, "maxItems": 2}, ["a"], []),
        ({"additionalProperties": False, "properties": {"a": {}}}, {"a": 1}, {"b": 1}),
        ({"minimum": 1, "maximum": 2}, 1.5, 3),
        ({"pattern": "^a"}, "ab", "ba"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "x", 1),
        ({"oneOf": [{"type": "number"}, {"type": "integer"}]}, 1.5, 1),
        ({"allOf": [{"minLength": 1}, {"maxLength": 2}]}, "ab", "abc"),
        ({"not": {"type": "string"}}, 1, "x"),
    ],
)
def test_schema_keyword_tells_good_from_bad(schema, good, bad):
    assert check_schema(good, schema) == []
    assert check_schema(bad, schema)


def test_schema_keyword_that_is_not_known_is_a_finding():
    assert check_schema({}, {"$ref": "#/x"}) == ["$: the schema keyword '$ref' is not supported"]
    assert unsupported_keywords({"properties": {"a": {"if": {}}}, "title": "t"}) == ["if"]
