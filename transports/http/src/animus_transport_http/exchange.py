"""A request's head as the application reads it, and the answers it gives."""

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, unquote

import msgspec

from animus_plugin_protocol.codec import encode_json
from animus_transport_http.refusal import RefusalError

__all__ = ["Answer", "Head", "Response", "Streamed", "data_response", "error_response"]

_JSON = "application/json"
_QUERY_FIELDS = 100


class Head(NamedTuple):
    """The first line and the headers of a request.

    Attributes:
        path: the decoded segments; a slash inside of one was written ``%2F``.
        query: names and values in their order.
        headers: by lower-case name; the last one where a name is repeated.
    """

    method: str
    path: tuple[str, ...]
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]

    @classmethod
    def read(cls, method: str, target: str, headers: Mapping[str, str]) -> Self:
        """The head with its target taken apart.

        Raises:
            RefusalError: the target is no path, or not UTF-8.
        """
        path, _, query = target.partition("?")
        if not path.startswith("/"):
            raise RefusalError(400, "invalid_input", "the target of the request is no path")
        try:
            segments = tuple(unquote(segment, errors="strict") for segment in path[1:].split("/"))
            fields = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=_QUERY_FIELDS)
        except ValueError as error:  # UnicodeDecodeError is one
            raise RefusalError(400, "invalid_input", f"the target of the request cannot be read: {error}") from None
        return cls(method, segments, tuple(fields), headers)

    def accepts(self, content_type: str) -> bool:
        """Whether the client named this type among those that it takes."""
        return any(part.partition(";")[0].strip() == content_type for part in self.headers.get("accept", "").split(","))


class Response(NamedTuple):
    """An answer that is there as a whole."""

    status: int
    body: bytes
    content_type: str = _JSON
    headers: tuple[tuple[str, str], ...] = ()


class Streamed(NamedTuple):
    """An answer that goes on: server-sent events.

    Attributes:
        chunks: what is sent.
        close: lets go of what the stream is from; to be called whether or not a chunk was asked for.
    """

    chunks: AsyncGenerator[bytes]
    close: Callable[[], None]


Answer = Response | Streamed


def data_response(data: msgspec.Raw | bytes | Any) -> Response:
    """``{"ok": true, "data": ...}``; a `Raw` is put in as it is."""
    encoded = bytes(data) if isinstance(data, msgspec.Raw) else encode_json(data)
    return Response(200, b'{"ok":true,"data":' + encoded + b"}\n")


def error_response(refusal: RefusalError) -> Response:
    """``{"ok": false, "error": {"code", "message", "details"?}}``."""
    body = msgspec.json.encode({"ok": False, "error": refusal.record()}, enc_hook=str)
    return Response(refusal.status, body + b"\n", headers=refusal.headers)
