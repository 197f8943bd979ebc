import pytest

from animus_provider_codex.answer_schema import is_strict

_STRICT = {
    "type": "object",
    "properties": {
        "verdict": {"type": "string", "enum": ["a"]},
        "list": {"type": "array", "items": {"type": "integer"}},
    },
    "required": ["verdict", "list"],
    "additionalProperties": False,
}


def test_schema_that_names_and_closes_everything_is_strict():
    assert is_strict(_STRICT)
    inner = {**_STRICT, "properties": {"verdict": {"type": ["object", "null"], **_STRICT}, "list": {"type": "null"}}}
    inner["properties"]["verdict"]["type"] = ["object", "null"]
    assert is_strict(inner)


@pytest.mark.parametrize(
    "change",
    [
        {"additionalProperties": True},
        {"required": ["verdict"]},
        {"type": "array"},
        {"oneOf": []},
        {"properties": {"verdict": {"type": "object"}, "list": {}}},
        {"properties": {"verdict": True, "list": {}}},
    ],
)
def test_any_other_schema_is_not(change):
    assert not is_strict(_STRICT | change)


def test_open_object_and_endless_nesting_are_not():
    assert not is_strict({"type": "object"})
    schema = {"type": "string"}
    for _ in range(20):
        schema = {"type": "object", "properties": {"a": schema}, "required": ["a"], "additionalProperties": False}
    assert not is_strict(schema)
