"""Golden vectors: what is read, what is written back, what is refused, byte for byte.

A vector without ``written`` is written back as it was read; one with ``refused`` is refused with that text.
"""

import importlib
import json
import re
from pathlib import Path

import msgspec
import pytest

VECTORS = json.loads(Path(__file__).with_name("vectors.json").read_text())
WIRE_MODULES = [
    "config_source",
    "dispatch",
    "host",
    "lifecycle",
    "provider",
    "queue",
    "queue_care",
    "queue_v2",
    "subject",
    "workflow_journal",
    "workflow_runner",
]


def struct_named(reference: str) -> type[msgspec.Struct]:
    module, name = reference.split(":")
    return getattr(importlib.import_module(f"animus_plugin_protocol.wire.{module}"), name)


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


@pytest.mark.parametrize("vector", VECTORS, ids=[f"{vector['type']} {vector['name']}" for vector in VECTORS])
def test_a_vector_is_read_and_written_as_it_stands(vector):
    struct = struct_named(vector["type"])
    wire = compact(vector["wire"])
    if "refused" in vector:
        with pytest.raises(msgspec.ValidationError) as caught:
            msgspec.json.decode(wire, type=struct)
        assert re.search(vector["refused"], str(caught.value)), caught.value
        return
    written = msgspec.json.encode(msgspec.json.decode(wire, type=struct))
    expected = vector.get("written", vector["wire"])
    assert json.loads(written) == expected
    assert len(written) == len(compact(expected)), "nothing is written twice, padded or reformatted"


@pytest.mark.parametrize("module", WIRE_MODULES)
def test_every_struct_is_frozen_keyword_only_and_exported(module):
    loaded = importlib.import_module(f"animus_plugin_protocol.wire.{module}")
    for name in loaded.__all__:
        struct = getattr(loaded, name)
        if isinstance(struct, type) and issubclass(struct, msgspec.Struct):
            assert struct.__struct_config__.frozen, name
            assert struct.__struct_config__.omit_defaults, name
            with pytest.raises(TypeError):
                struct("positional")


@pytest.mark.parametrize("module", WIRE_MODULES)
def test_every_struct_can_be_decoded_and_described(module):
    loaded = importlib.import_module(f"animus_plugin_protocol.wire.{module}")
    for name in loaded.__all__:
        struct = getattr(loaded, name)
        if isinstance(struct, type) and issubclass(struct, msgspec.Struct):
            msgspec.json.Decoder(struct)
            field_names = {field.name for field in msgspec.structs.fields(struct)}
            assert field_names, name


def test_only_fences_and_queue_v2_refuse_unknown_keys():
    strict = set()
    for module in WIRE_MODULES:
        loaded = importlib.import_module(f"animus_plugin_protocol.wire.{module}")
        for name in loaded.__all__:
            struct = getattr(loaded, name)
            if (
                isinstance(struct, type)
                and issubclass(struct, msgspec.Struct)
                and struct.__struct_config__.forbid_unknown_fields
            ):
                strict.add((struct.__module__.rsplit(".", 1)[1], name))
    queue_v2 = importlib.import_module("animus_plugin_protocol.wire.queue_v2")
    fences = {"ExecutionFence", "FenceSubject", "QueueLease", "RepositoryReservation"}
    assert strict == {("queue_v2", name) for name in queue_v2.__all__} | {("dispatch", name) for name in fences}
