"""The handshake and the gate behind it (protocol sections 1 and 3).

Nothing of a kind is served before ``initialized``; ``initialized`` counts only after an ``initialize`` that was
answered with a result. A second ``initialize`` is allowed and leaves the gate as it is.
"""

from typing import Final

import msgspec

from animus_plugin_protocol._call import error_reply, report_line
from animus_plugin_protocol._declaration import Declaration
from animus_plugin_protocol._plain import Request
from animus_plugin_protocol._session import Session
from animus_plugin_protocol.codec import decode_params, encode_result
from animus_plugin_protocol.entry import HANDSHAKE_FILE
from animus_plugin_protocol.errors import RefusedError
from animus_plugin_protocol.methods import INITIALIZE
from animus_plugin_protocol.version import PROTOCOL_VERSION, is_compatible
from animus_plugin_protocol.wire.lifecycle import InitializeParams

__all__ = ["Handshake"]

_decoder: Final = msgspec.json.Decoder(InitializeParams)


class Handshake:
    """Where the connection stands."""

    def __init__(self, declaration: Declaration, session: Session) -> None:
        self._declaration = declaration
        self._session = session
        self._is_accepted = False
        self.is_open = False

    def initialize(self, frame: Request) -> bytes | None:
        """Answer ``initialize``: a result, or why the plugin does not work with this host."""
        if not frame.wants_reply:
            return None
        try:
            self._accept(decode_params(_decoder, frame.params, INITIALIZE))
            reply = encode_result(frame.id, self._declaration.initialize_result(), INITIALIZE)
        except Exception as error:  # noqa: BLE001 - a hook may raise anything; the host gets an answer
            reply = error_reply(frame.id, INITIALIZE, error) or b""
        said, self._session.opening_reply = self._session.opening_reply, None
        if said is None:
            return reply
        if reply != said:
            # What the host believes is not so, and there is no taking it back.
            name = self._declaration.info.name
            report_line(
                f"plugin {name!r} does not answer what its {HANDSHAKE_FILE} says; write that again: {reply[:300]!r}"
            )
            raise SystemExit(1)
        return None

    def initialized(self) -> None:
        """Open the gate, if the handshake got that far."""
        self.is_open = self._is_accepted

    def close(self) -> None:
        """Close the gate for good: the plugin is ending."""
        self._is_accepted = self.is_open = False

    def _accept(self, params: InitializeParams) -> None:
        if not is_compatible(params.protocol_version):
            raise RefusedError(
                f"plugin {self._declaration.info.name!r} speaks protocol {PROTOCOL_VERSION} and "
                f"host {params.host_info.name!r} speaks {params.protocol_version!r}: the major versions must be equal",
                data={"category": "version", "supported": PROTOCOL_VERSION},
            )
        session = self._session
        before = session.host, session.extensions, session.host_calls.offer
        session.host, session.extensions = params.capabilities, params.init_extensions
        session.host_calls.offer = params.init_extensions.host_calls
        try:
            for hook in self._declaration.hooks.on_initialize:
                hook(params)
        except BaseException:
            session.host, session.extensions, session.host_calls.offer = before
            raise
        self._is_accepted = True
