"""``agent/run`` keeps what it does not know (protocol section 8).

The wire type is one flat, open object. A struct cannot hold its unknown keys, so they travel beside it.
"""

from typing import Any, Final

import msgspec

from animus_plugin_protocol.codec import decode_params, encode_json
from animus_plugin_protocol.errors import RefusedError
from animus_plugin_protocol.methods import AGENT_RUN
from animus_plugin_protocol.wire.provider import AgentRunParams

__all__ = ["decode_agent_run", "encode_agent_run"]

_agent_run_decoder: Final = msgspec.json.Decoder(AgentRunParams)
_object_decoder: Final = msgspec.json.Decoder(dict[str, Any])
_AGENT_RUN_FIELDS: Final = frozenset(AgentRunParams.__struct_encode_fields__)


def decode_agent_run(params: msgspec.Raw) -> tuple[AgentRunParams, dict[str, Any]]:
    """The params of ``agent/run`` and, apart, every key the struct does not know.

    The wire type is open: a provider passes the extras on, because dropping one (an approval policy) fails open.

    Raises:
        RefusedError: -32602.
    """
    known = decode_params(_agent_run_decoder, params, AGENT_RUN)
    everything = decode_params(_object_decoder, params, AGENT_RUN)
    return known, {name: value for name, value in everything.items() if name not in _AGENT_RUN_FIELDS}


def encode_agent_run(params: AgentRunParams, extras: dict[str, Any]) -> msgspec.Raw:
    """The reverse: one flat object of the struct's fields and the extras.

    Raises:
        RefusedError: an extra has the name of a field.
    """
    clash = sorted(_AGENT_RUN_FIELDS & extras.keys())
    if clash:
        raise RefusedError(f"extras of {AGENT_RUN!r} have names of its fields: {', '.join(clash)}")
    if not extras:
        return msgspec.Raw(encode_json(params))
    flat: dict[str, Any] = msgspec.to_builtins(params)
    return msgspec.Raw(encode_json({**flat, **extras}))
