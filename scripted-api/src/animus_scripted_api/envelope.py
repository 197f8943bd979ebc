"""What every dialect does: an answer as a stream of events, or as one document."""

import json
from collections.abc import Iterator
from typing import Any, Final, Protocol

from animus_scripted_api.anthropic import AnthropicEnvelope
from animus_scripted_api.chat import ChatEnvelope
from animus_scripted_api.request import ANTHROPIC, CHAT, Request
from animus_scripted_api.responses import ResponsesEnvelope
from animus_scripted_api.step import Fail, Reply, Step

__all__ = ["Envelope", "envelope_for", "error_document"]


class Envelope(Protocol):
    """One answer in one dialect."""

    def begin(self) -> Iterator[bytes]:
        """The events before any content."""
        ...

    def content(self, step: Step) -> Iterator[bytes]:
        """The events of one step."""
        ...

    def end(self) -> Iterator[bytes]:
        """The events after all content."""
        ...

    def document(self) -> dict[str, Any]:
        """The answer as a whole, for a client that does not stream."""
        ...


def envelope_for(request: Request, reply: Reply) -> Envelope:
    """The envelope in the dialect of `request`."""
    if request.dialect == ANTHROPIC:
        return AnthropicEnvelope(request, reply)
    if request.dialect == CHAT:
        return ChatEnvelope(request, reply)
    return ResponsesEnvelope(request, reply)


_ANTHROPIC_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}
_OPENAI_CODES: Final = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}
_CLIENT_FAULTS: Final = range(400, 500)


def error_document(request: Request, fail: Fail) -> bytes:
    """The body of an HTTP error as the dialect's real servers write it."""
    if isinstance(fail.body, str):
        return fail.body.encode()
    if fail.body is not None:
        return json.dumps(fail.body).encode()
    message = fail.message or f"scripted failure with status {fail.status}"
    if request.dialect == ANTHROPIC:
        kind = _ANTHROPIC_TYPES.get(fail.status, "api_error")
        return json.dumps({"type": "error", "error": {"type": kind, "message": message}}).encode()
    kind = "invalid_request_error" if fail.status in _CLIENT_FAULTS else "server_error"
    error = {"message": message, "type": kind, "param": None, "code": _OPENAI_CODES.get(fail.status)}
    return json.dumps({"error": error}).encode()
