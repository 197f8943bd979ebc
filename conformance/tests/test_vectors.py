"""The golden vectors say what the types do, and every type has some."""

import importlib
import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from animus_conformance.export import wire_structs
from animus_conformance.vectors import derived_vectors, vector_lines

FOLDER = Path(__file__).resolve().parents[1] / "vectors"
STRUCTS = wire_structs()
FULL = {vector.type: vector.wire for found in derived_vectors().values() for vector in found if vector.name == "full"}
FILES = sorted(FOLDER.glob("*.jsonl"))


def vectors_in(file):
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def struct_named(reference):
    module, name = reference.split(":")
    return getattr(importlib.import_module(f"animus_plugin_protocol.wire.{module}"), name)


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_vector_is_read_and_written_as_it_stands(file):
    for vector in vectors_in(file):
        struct, wire = struct_named(vector["type"]), json.dumps(vector["wire"]).encode()
        label = f"{vector['type']} {vector['name']}"
        if "refused" in vector:
            with pytest.raises(msgspec.ValidationError):
                msgspec.json.decode(wire, type=struct)
        else:
            written = json.loads(msgspec.json.encode(msgspec.json.decode(wire, type=struct)))
            assert written == vector.get("written", vector["wire"]), label


def test_derived_vectors_are_those_of_the_types():
    derived = derived_vectors()
    assert {file.stem for file in FILES} == {*derived, "written"}
    for module, vectors in derived.items():
        assert (FOLDER / f"{module}.jsonl").read_text(encoding="utf-8") == vector_lines(vectors), (
            f"the types of {module!r} changed: was that meant? then python -m animus_conformance.generate"
        )


def test_every_type_has_a_valid_vector_and_one_with_an_unknown_field():
    named = {(vector["type"], vector["name"]) for file in FILES for vector in vectors_in(file)}
    assert not {reference for reference in STRUCTS if (reference, "full") not in named}
    assert not {reference for reference in STRUCTS if (reference, "unknown field") not in named}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(st.data())
def test_what_is_read_is_written_and_read_again_alike(data):
    reference = data.draw(st.sampled_from(sorted(STRUCTS)))
    struct = STRUCTS[reference]
    names = [field.encode_name for field in msgspec.structs.fields(struct)]
    changes = data.draw(st.dictionaries(st.sampled_from(names), JSON, max_size=3))
    dropped = data.draw(st.sets(st.sampled_from(names), max_size=2))
    wire = {name: value for name, value in {**FULL[reference], **changes}.items() if name not in dropped}
    try:
        value = msgspec.json.decode(json.dumps(wire).encode(), type=struct)
    except msgspec.ValidationError:
        return
    again = msgspec.json.decode(msgspec.json.encode(value), type=struct)
    assert msgspec.json.encode(again) == msgspec.json.encode(value)
