import msgspec
import pytest
import yaml

from animus_workflow_runner_default.authoring.catalog import LISTS, MAPPINGS, SETTINGS
from animus_workflow_runner_default.authoring.editor_schema import editor_schema
from animus_workflow_runner_default.authoring.refusals import REFUSED
from animus_workflow_runner_default.authoring.shapes import TopLevel

GOOD = """
x-mine: {anything: 1}
default_workflow_ref: w
schedules: [{id: s, every: 1h, workflow_ref: w}]
daemon: {active_hours: "22:00-06:00"}
phases:
  p: {mode: command, x-note: y, command: {program: make, args: [test]}}
workflows:
  - id: w
    worktree: true
    budget: {max_tokens: 5}
    phases: [p, {workflow_ref: v}, {p: {on_verdict: {fail: {target: p}}}}, {p: null}]
"""


@pytest.fixture(scope="module")
def valid():
    jsonschema = pytest.importorskip("jsonschema", reason="the schema is applied by a validator of its own")
    schema = editor_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    return lambda text: validator.is_valid(yaml.safe_load(text))


def test_every_section_and_every_key_of_every_shape_is_in_the_schema():
    schema = editor_schema()
    assert set(schema["properties"]) == set(TopLevel.__struct_fields__)
    for shape in (*MAPPINGS.values(), *LISTS.values(), *SETTINGS.values()):
        keys = {field.encode_name for field in msgspec.structs.fields(shape)}
        assert set(schema["$defs"][shape.__name__]["properties"]) == keys


def test_every_definition_is_closed_but_for_keys_of_ones_own():
    for definition in editor_schema()["$defs"].values():
        assert definition["additionalProperties"] is False
        assert "^x-" in definition["patternProperties"]


def test_refused_keys_say_why():
    schema = editor_schema()
    for shape, key in REFUSED:
        owner = schema["properties"] if shape is TopLevel else schema["$defs"][shape.__name__]["properties"]
        assert owner[key]["description"].startswith("Refused: ")


def test_good_file_is_valid(valid):
    assert valid(GOOD)


@pytest.mark.parametrize(
    "damage",
    [
        ("active_hours", "active_hour"),
        ("max_tokens: 5", "max_tokens: 0"),
        ("mode: command", "mode: comand"),
        ("{workflow_ref: v}", "{id: v}"),
        ("{workflow_ref: v}", "{p: {}, q: {}}"),
        ("phases: [p,", "phases: [1,"),
        ("x-mine", "mine"),
    ],
)
def test_damaged_file_is_not(valid, damage):
    assert not valid(GOOD.replace(*damage))
