"""What others write a little differently, read all the same; and noise, which stays noise."""

import json

import msgspec
import pytest

from animus_plugin_protocol.codec import decode_line
from animus_plugin_protocol.frames import BadFrame, Frame
from animus_plugin_protocol.wire.lifecycle import InitializeResult
from animus_plugin_protocol.wire.subject import SubjectSchema
from animus_plugin_runtime.tolerance import BrokenLines, read_shape

FRAME = {"jsonrpc": "2.0", "id": 7, "result": {"lines": ["{}", "}"], "of": {"a": []}}}


@pytest.fixture
def ids():
    """The ids of the frames that are found in lines, broken or not."""

    def read(*lines):
        broken, found = BrokenLines(), []
        for line in lines:
            frame = decode_line(line)
            if isinstance(frame, BadFrame):
                found += [whole.id for whole in broken.take(line, frame) or ()]
            elif isinstance(frame, Frame):
                broken.drop()
                found.append(frame.id)
        return found

    return read


@pytest.mark.parametrize("indent", [1, 2, "\t"])
@pytest.mark.parametrize("ending", [b"", b"\r"])
def test_a_frame_over_several_lines_is_one_frame(ids, indent, ending):
    lines = [line + ending for line in json.dumps(FRAME, indent=indent).encode().split(b"\n")]
    assert ids(*lines) == [7]
    assert ids(*lines, *lines) == [7, 7]


def test_frames_on_one_line_are_all_read(ids):
    line = json.dumps(FRAME).encode()
    assert ids(line + line + b"  " + line) == [7, 7, 7]


@pytest.mark.parametrize(
    "noise",
    [
        (b"log: started",),
        (b"{ not json",),
        (b"{", b"{", b'  "a": 1'),
        (b'{"a":', b"[]"),
        (b"{", b"}", b"}"),
        (b'{"jsonrpc":"2.0","id":3,"result":', b"!!", b"}"),
        (b'{"a":1}{"b":2}',),
    ],
)
def test_noise_loses_no_frame(ids, noise):
    assert ids(*noise, json.dumps(FRAME).encode()) == [7]


def test_a_frame_of_another_version_is_no_part_of_one(ids):
    assert ids(b"{", b'{"jsonrpc":"1.0","id":1,"method":"m"}', b"}") == []


def test_lines_without_an_end_are_not_kept_for_ever(monkeypatch):
    monkeypatch.setattr("animus_plugin_runtime.tolerance.MAX_READ_BYTES", 100)
    broken, bad = BrokenLines(), decode_line(b"{ x")
    assert broken.take(b"{" + b"x" * 90, bad) == []
    assert broken.take(b"x" * 20, bad) is None
    assert broken.take(b"x", bad) is None


def test_null_for_a_field_with_a_default_counts_as_left_out():
    schema = {
        "kinds": ["task"],
        "status_values": ["ready"],
        "supports_watch": False,
        "supports_create": True,
        "supports_pagination": False,
        "supports_delete": None,
        "native_status_values": None,
    }
    found = read_shape(msgspec.json.Decoder(SubjectSchema), json.dumps(schema).encode())
    assert (found.supports_delete, found.native_status_values) == (False, [])
    shown = {
        "protocol_version": "1.0.0",
        "plugin_info": {"name": "n", "version": "1", "plugin_kind": "queue", "plugin_kinds": None, "description": None},
        "capabilities": {"methods": ["a"], "streaming": None, "projections": None, "mcp_tools": None},
        "kind_capabilities": None,
    }
    assert read_shape(msgspec.json.Decoder(InitializeResult), json.dumps(shown).encode()).plugin_info.plugin_kinds == []


def test_what_is_wrong_otherwise_stays_wrong_for_its_own_reason():
    with pytest.raises(msgspec.ValidationError, match=r"kinds"):
        read_shape(msgspec.json.Decoder(SubjectSchema), b'{"kinds": 1, "supports_delete": null}')
