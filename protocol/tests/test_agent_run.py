"""``agent/run`` keeps the keys it does not know."""

import json

import msgspec
import pytest

from animus_plugin_protocol.agent_run import decode_agent_run, encode_agent_run
from animus_plugin_protocol.errors import RefusedError
from animus_plugin_protocol.wire.provider import AgentRunParams


def test_unknown_keys_are_kept_apart():
    params, extras = decode_agent_run(
        msgspec.Raw(b'{"prompt":"go","approvals":"ask","claude_profile":{"x":[1]},"next":null}')
    )
    assert (params.prompt, params.approvals) == ("go", "ask")
    assert extras == {"claude_profile": {"x": [1]}, "next": None}


def test_fields_and_extras_are_one_flat_object_again():
    raw = encode_agent_run(AgentRunParams(prompt="go", cwd="/p"), {"claude_profile": {"x": 1}, "next": None})
    assert json.loads(bytes(raw)) == {"prompt": "go", "cwd": "/p", "claude_profile": {"x": 1}, "next": None}
    assert decode_agent_run(raw) == (AgentRunParams(prompt="go", cwd="/p"), {"claude_profile": {"x": 1}, "next": None})


def test_without_extras_it_is_the_plain_struct():
    assert bytes(encode_agent_run(AgentRunParams(prompt="go"), {})) == b'{"prompt":"go"}'


def test_an_extra_cannot_replace_a_field():
    with pytest.raises(RefusedError, match="approvals, model"):
        encode_agent_run(AgentRunParams(prompt="go"), {"model": "m", "approvals": None, "x": 1})


def test_bad_params_are_refused():
    with pytest.raises(RefusedError, match=r"agent/run.*prompt"):
        decode_agent_run(msgspec.Raw(b"{}"))
