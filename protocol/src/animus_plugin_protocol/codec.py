"""Frames to bytes and back, with one encoder and one decoder for the whole process (protocol section 1).

Decoding has two stages: `decode_line` reads the envelope and leaves params raw, `decode_params` turns them into a
struct when a typed handler wants them. Encoding never produces a frame above the limit: `OversizedFrameError`
says which method's frame it would have been and how large.

A float that is not a number is written as null, a subnormal or huge integer as it is.
"""

from typing import Any, Final

import msgspec

from animus_plugin_protocol.errors import ErrorCode, FatalError, RefusedError, RpcFault, fault_from_wire
from animus_plugin_protocol.frames import ABSENT, MAX_WRITE_BYTES, BadFrame, ErrorObject, Frame

__all__ = [
    "DECODE_ERRORS",
    "OversizedFrameError",
    "decode_fault",
    "decode_line",
    "decode_params",
    "encode_error",
    "encode_fault",
    "encode_json",
    "encode_notification",
    "encode_request",
    "encode_result",
    "request_key",
]

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_VERSION: Final = "2.0"
_NEWLINE: Final = ord("\n")
_EMPTY_OBJECT: Final = msgspec.Raw(b"{}")
_NULL: Final = msgspec.Raw(b"null")

_encode: Final = msgspec.json.Encoder().encode
_decode_frame: Final = msgspec.json.Decoder(Frame).decode
_error_decoder: Final = msgspec.json.Decoder(ErrorObject)
_members_decoder: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])

DECODE_ERRORS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError)
"""What msgspec raises for bad input: its own errors, and Python's for bad UTF-8 and for nesting."""


class _Result(msgspec.Struct, gc=False):
    jsonrpc: str
    id: Any
    result: Any


class _Error(msgspec.Struct, gc=False):
    jsonrpc: str
    id: Any
    error: ErrorObject


class _Request(msgspec.Struct, gc=False):
    jsonrpc: str
    id: Any
    method: str
    params: Any


class _Notification(msgspec.Struct, gc=False):
    jsonrpc: str
    method: str
    params: Any


class OversizedFrameError(RefusedError):
    """A frame would have been larger than any host accepts.

    Attributes:
        size: bytes the frame would have had.
        field: the largest member of what does not fit, or None where there are no members.
    """

    default_code = ErrorCode.INTERNAL_ERROR

    def __init__(self, what: str, method: str, size: int, content: Any = None) -> None:
        self.size = size
        self.field = _largest_member(content)
        where = "" if self.field is None else f", most of it {self.field!r}"
        super().__init__(
            f"{what} of {method!r} is {size} bytes{where}, and a frame holds {MAX_WRITE_BYTES}: "
            "send an excerpt and put the whole into a file",
            data={
                "category": "oversized",
                "method": method,
                "size": size,
                "limit": MAX_WRITE_BYTES,
                "field": self.field,
            },
        )


def decode_line(line: bytes) -> Frame | BadFrame | None:
    """Read one line. None for a blank one; a line that is no frame gives the error to answer."""
    try:
        if not line.isascii():
            line.decode()  # raw parts are skipped, not read, so their UTF-8 is checked here
        frame = _decode_frame(line)
    except DECODE_ERRORS as error:
        return _decode_odd_line(line, error)
    if frame.jsonrpc != _VERSION:
        return _refused(frame, "jsonrpc must be '2.0'")
    if frame.result is not ABSENT or frame.error is not ABSENT:
        frame.method = msgspec.UNSET
    elif frame.method.__class__ is not str or not frame.method:
        return _refused(frame, "a request or notification needs a method, a response a result or an error")
    return frame


def _decode_odd_line(line: bytes, error: Exception) -> Frame | BadFrame | None:
    """A line the decoder did not take: blank, behind a byte order mark, or really bad."""
    stripped = line.strip()
    if stripped.startswith(_BYTE_ORDER_MARK):
        return decode_line(stripped[len(_BYTE_ORDER_MARK) :])
    if not stripped:
        return None
    if isinstance(error, msgspec.ValidationError):
        return BadFrame(ErrorCode.INVALID_REQUEST, f"a frame is one JSON object: {error}")
    return BadFrame(ErrorCode.PARSE_ERROR, f"a line is not JSON: {error}")


def _refused(frame: Frame, reason: str) -> BadFrame:
    is_request = frame.result is ABSENT and frame.error is ABSENT
    known_id = frame.id if is_request and isinstance(frame.id, (str, int, float)) else None
    return BadFrame(ErrorCode.INVALID_REQUEST, f"not a JSON-RPC 2.0 frame: {reason}", known_id)


def decode_params(decoder: "msgspec.json.Decoder[Any]", params: msgspec.Raw, method: str) -> Any:
    """Read the params of `method`; missing or null params count as an empty object.

    Raises:
        RefusedError: -32602, with the path of the first thing that does not fit.
    """
    try:
        return decoder.decode(_EMPTY_OBJECT if params is ABSENT or params == _NULL else params)
    except DECODE_ERRORS as error:
        raise RefusedError(f"bad params for {method!r}: {error}", data={"category": "invalid_request"}) from None


def decode_fault(error: msgspec.Raw) -> RpcFault:
    """The exception for the error of a response; a malformed one is an internal error that quotes it."""
    try:
        wire = _error_decoder.decode(error)
    except DECODE_ERRORS:
        return FatalError(f"the peer answered with a malformed error: {bytes(error)[:200]!r}")
    return fault_from_wire(wire.code, wire.message, wire.data)


def encode_json(value: Any) -> bytes:
    """The JSON text of a value, compact."""
    return _encode(value)


def encode_result(request_id: Any, result: Any, method: str) -> bytes:
    """A response that carries a result, newline included.

    Raises:
        OversizedFrameError: the result does not fit into a frame.
    """
    encoded = _encode(_Result(_VERSION, request_id, result))
    if _NEWLINE in encoded or len(encoded) >= MAX_WRITE_BYTES:
        encoded = _fitting(encoded, result, "the result", method)
    return encoded + b"\n"


def encode_error(request_id: Any, code: int, message: str, data: Any = None) -> bytes:
    """A response that carries an error, newline included. Data that does not fit or cannot be written is left out."""
    try:
        return _line(_Error(_VERSION, request_id, ErrorObject(code, message, data)), data, "the error", "")
    except (OversizedFrameError, TypeError, ValueError, RecursionError):
        safe = message[:1000].encode(errors="backslashreplace").decode()
        return _line(_Error(_VERSION, request_id, ErrorObject(code, safe)), None, "the error", "")


def encode_fault(request_id: Any, fault: RpcFault) -> bytes:
    """As `encode_error`, from an exception."""
    return encode_error(request_id, fault.code, fault.message, fault.data)


def encode_request(request_id: Any, method: str, params: Any = msgspec.UNSET) -> bytes:
    """A request, newline included; without params the key is left out.

    Raises:
        OversizedFrameError: the params do not fit into a frame.
    """
    encoded = _encode(_Request(_VERSION, request_id, method, params))
    if _NEWLINE in encoded or len(encoded) >= MAX_WRITE_BYTES:
        encoded = _fitting(encoded, params, "the params", method)
    return encoded + b"\n"


def encode_notification(method: str, params: Any = msgspec.UNSET) -> bytes:
    """A notification, newline included; without params the key is left out.

    Raises:
        OversizedFrameError: the params do not fit into a frame.
    """
    return _line(_Notification(_VERSION, method, params), params, "the notification", method)


def _line(frame: msgspec.Struct, content: Any, what: str, method: str) -> bytes:
    return _fitting(_encode(frame), content, what, method) + b"\n"


def _fitting(encoded: bytes, content: Any, what: str, method: str) -> bytes:
    """The text of a frame on one line, if it is not too long."""
    if _NEWLINE in encoded:  # only bytes that somebody else formatted (msgspec.Raw) can hold a newline
        encoded = msgspec.json.format(encoded, indent=-1)
    if len(encoded) >= MAX_WRITE_BYTES:
        raise OversizedFrameError(what, method, len(encoded) + 1, content)
    return encoded


def _largest_member(content: Any) -> str | None:
    """The name of the member of an object that takes the most room."""
    try:
        members = _members_decoder.decode(_encode(content))
    except DECODE_ERRORS:  # no object
        return None
    return max(members, key=lambda name: len(bytes(members[name])), default=None)


def request_key(request_id: Any) -> bytes:
    """What tells the ids of requests apart: ``1``, ``"1"`` and ``1.0`` are three."""
    return _encode(request_id)
