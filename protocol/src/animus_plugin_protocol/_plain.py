"""The short way: a request as nearly every host writes it, to an inline handler that wants no context.

A line that is no usual request is left alone, and so is a request that does not get to a handler this way: nothing has
had an effect by then, and what arrives at a handler is what the long way would have brought.
"""

from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec

from animus_plugin_protocol._call import error_reply
from animus_plugin_protocol._declaration import Route
from animus_plugin_protocol.codec import DECODE_ERRORS, encode_result
from animus_plugin_protocol.context import Context
from animus_plugin_protocol.errors import Cancelled
from animus_plugin_protocol.frames import ABSENT, Frame

__all__ = ["Answered", "PlainRequest", "PlainRequests", "Request", "plain_request"]

Answered = tuple[int, Any, str, Context | None]
"""A reply that waits for the flush: its place in the batch, its request's id and method, its handler's context."""


class PlainRequest(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A request with the usual members and no other, so that it is no response either. Stands where a `Frame` may."""

    jsonrpc: Literal["2.0"]
    id: int
    method: str
    params: msgspec.Raw = ABSENT

    @property
    def wants_reply(self) -> bool:
        """Always."""
        return True


Request = Frame | PlainRequest
"""What the engine routes."""

_decode: Final = msgspec.json.Decoder(PlainRequest).decode


def plain_request(line: bytes) -> PlainRequest | None:
    """The request in `line`, if it is a usual one; None leaves the line to whoever knows all the others."""
    try:
        request = _decode(line)
        if not line.isascii():
            line.decode()  # raw parts are skipped, not read, so their UTF-8 is checked here
    except DECODE_ERRORS:
        return None
    return request if request.method else None


class PlainRequests:
    """Answers what can go the short way.

    Args:
        is_flushed: whether replies wait for a flush; else nothing is noted for it.
    """

    def __init__(self, *, is_flushed: bool) -> None:
        self._is_flushed = is_flushed
        self._ways: dict[str, tuple[Callable[[msgspec.Raw], Any], Callable[..., Any]]] = {}

    def learn(self, route: Route) -> None:
        """Requests of this route, which is served, may go the short way from now on if the route allows it."""
        shape = route.params_type
        # A struct refuses null and nothing at all, which the long way reads as an empty object.
        if route.method not in self._ways and not route.wants_context and _is_struct(shape):
            self._ways[route.method] = route.decoder().decode, route.handler

    def forget(self) -> None:
        """Nothing is served any more."""
        self._ways.clear()

    def answer(self, request: PlainRequest, replies: list[bytes | None], answered: list[Answered]) -> bool:
        """Answer the request; False when that is left to the long way."""
        way = self._ways.get(request.method)
        if way is None:
            return False
        decode, handler = way
        try:
            params = decode(request.params)
        except Exception:  # noqa: BLE001 - a struct's own checks raise what they like; the long way answers it
            return False
        try:
            reply: bytes | None = encode_result(request.id, handler(params), request.method)
        except (Exception, Cancelled, SystemExit) as error:  # noqa: BLE001 - only KeyboardInterrupt ends the process
            reply = error_reply(request.id, request.method, error)
        if self._is_flushed:
            answered.append((len(replies), request.id, request.method, None))
        replies.append(reply)
        return True


def _is_struct(shape: Any) -> bool:
    return isinstance(shape, type) and issubclass(shape, msgspec.Struct)
