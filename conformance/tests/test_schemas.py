"""Our types against the published JSON schemas; every difference is on record, with its reason, and none is stale."""

import json
import tomllib
from pathlib import Path

import msgspec
import pytest

from animus_conformance.export import wire_structs

FOLDER = Path(__file__).with_name("schemas")
NAMES = tomllib.loads((FOLDER / "names.toml").read_text(encoding="utf-8"))
DIFFERENCES = tomllib.loads((FOLDER / "differences.toml").read_text(encoding="utf-8"))
STRUCTS = wire_structs()
BY_NAME = {reference.partition(":")[2]: reference for reference in STRUCTS}
SUFFIXES = {"Request": "Params", "Response": "Result"}


def published():
    """(area:name, schema) of every object."""
    for file in sorted(FOLDER.glob("animus-*.json")):
        area = file.stem.removeprefix("animus-").removesuffix("-protocol")
        for name, schema in json.loads(file.read_text(encoding="utf-8"))["$defs"].items():
            if schema.get("type") == "object":
                yield f"{area}:{name}", schema


def ours(label):
    name = label.partition(":")[2]
    for key in (label, name):
        if key in NAMES["ours"]:
            return NAMES["ours"][key]
    for theirs, suffix in SUFFIXES.items():
        if name.endswith(theirs) and name.removesuffix(theirs) + suffix in BY_NAME:
            return BY_NAME[name.removesuffix(theirs) + suffix]
    return BY_NAME.get(name)


def differences(schema, struct):
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    required = {name for name, field in fields.items() if field.required}
    properties, demanded = set(schema.get("properties", {})), set(schema.get("required", []))
    return {
        "missing_here": sorted(properties - set(fields)),
        "only_here": sorted(set(fields) - properties),
        "required_there_only": sorted((demanded & set(fields)) - required),
        "required_here_only": sorted((required & properties) - demanded),
    }


PUBLISHED = {
    label: schema for label, schema in published() if not {label, label.partition(":")[2]} & set(NAMES["none"])
}


@pytest.mark.parametrize("label", sorted(PUBLISHED))
def test_type_differs_from_the_published_schema_only_where_it_is_on_record(label):
    reference = ours(label)
    assert reference is not None, f"{label} has no type here; say so in names.toml"
    found = {what: names for what, names in differences(PUBLISHED[label], STRUCTS[reference]).items() if names}
    recorded = {what: names for what, names in DIFFERENCES.get(label, {}).items() if what != "reason"}
    assert found == recorded
    assert label not in DIFFERENCES or DIFFERENCES[label]["reason"].strip()


def test_records_name_schemas_that_exist():
    labels = {label for label, _ in published()}
    names = {label.partition(":")[2] for label in labels}
    assert set(DIFFERENCES) <= set(PUBLISHED)
    assert set(NAMES["ours"]) | set(NAMES["none"]) <= labels | names
    assert set(NAMES["ours"].values()) <= set(STRUCTS)
