import pytest

from animus_provider_oai.schema import first_fault

_VERDICT = {
    "type": "object",
    "required": ["verdict"],
    "additionalProperties": False,
    "properties": {
        "verdict": {"enum": ["advance", "rework"]},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        "reasons": {"type": "array", "items": {"type": "string"}},
        "note": {"type": ["string", "null"]},
        "kind": {"const": "phase_decision"},
    },
}


@pytest.mark.parametrize(
    "value",
    [
        {"verdict": "advance"},
        {"verdict": "rework", "confidence": 1, "reasons": ["a"], "note": None, "kind": "phase_decision"},
    ],
)
def test_object_that_fits_has_no_fault(value):
    assert first_fault(value, _VERDICT) is None


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ({}, "the object lacks 'verdict'"),
        ([], "the object must be of type 'object'"),
        ({"verdict": "maybe"}, "the object.verdict must be one of"),
        ({"verdict": "advance", "confidence": 2}, "the object.confidence must be at most 1"),
        ({"verdict": "advance", "confidence": True}, "the object.confidence must be of type 'number'"),
        ({"verdict": "advance", "reasons": ["a", 1]}, "the object.reasons[1] must be of type 'string'"),
        ({"verdict": "advance", "note": 1}, "the object.note must be of type"),
        ({"verdict": "advance", "kind": "x"}, "the object.kind must be 'phase_decision'"),
        ({"verdict": "advance", "more": 1}, "the object has 'more'"),
    ],
)
def test_fault_names_its_place(value, fault):
    assert first_fault(value, _VERDICT).startswith(fault)


@pytest.mark.parametrize("schema", [{}, True, None, {"type": "strange"}, {"anyOf": [{"type": "string"}]}])
def test_what_is_not_known_constrains_nothing(schema):
    assert first_fault({"x": 1}, schema) is None
