"""One HTTP/1.1 request, read strictly from a stream of bytes that nobody vouches for.

Every size has a bound and every read the caller's deadline. What two readers could understand differently (two
lengths, folded lines, blanks before a colon, a transfer coding) is refused, not interpreted.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

__all__ = [
    "BODY_LIMIT_BYTES",
    "HEAD_LIMIT_BYTES",
    "BadRequestError",
    "ByteSource",
    "Head",
    "body_length",
    "read_body",
    "read_head",
]

HEAD_LIMIT_BYTES = 16 * 1024
HEADER_LIMIT = 100
BODY_LIMIT_BYTES = 1024 * 1024

_END = b"\r\n\r\n"
_READ_BYTES = 64 * 1024
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_REQUEST_LINE = re.compile(r"([A-Z]{1,20}) (/[\x21-\x7e]*) HTTP/1\.([01])")
_LENGTH_DIGITS = 15


class BadRequestError(Exception):
    """A request that is answered with `status` and not looked at further."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class Head(NamedTuple):
    """The first line and the headers; names in lower case."""

    method: str
    target: str
    headers: dict[str, str]

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def expects_continue(self) -> bool:
        """Whether the sender waits for leave to send the body."""
        return self.headers.get("expect", "").lower() == "100-continue"


class ByteSource:
    """Buffered reading from `receive`, which returns nothing at the end of input and raises at the deadline."""

    def __init__(self, receive: Callable[[int], bytes]) -> None:
        self._receive = receive
        self._buffer = bytearray()

    def renew(self, receive: Callable[[int], bytes]) -> None:
        """Go on reading with another deadline."""
        self._receive = receive

    def until(self, mark: bytes, limit: int) -> bytes | None:
        """Everything up to `mark`, which is consumed too; None when `limit` bytes hold none.

        Raises:
            BadRequestError: the input ended before.
        """
        searched = 0
        while (at := self._buffer.find(mark, searched)) < 0:
            if len(self._buffer) > limit:
                return None
            searched = max(len(self._buffer) - len(mark) + 1, 0)
            self._fill()
        found = bytes(self._buffer[:at])
        del self._buffer[: at + len(mark)]
        return found if at <= limit else None

    def exactly(self, count: int) -> bytes:
        """The next `count` bytes.

        Raises:
            BadRequestError: the input ended before.
        """
        while len(self._buffer) < count:
            self._fill()
        found = bytes(self._buffer[:count])
        del self._buffer[:count]
        return found

    def _fill(self) -> None:
        chunk = self._receive(_READ_BYTES)
        if not chunk:
            raise BadRequestError(400, "the request is incomplete")
        self._buffer += chunk


def read_head(source: ByteSource) -> Head:
    """The first line and the headers.

    Raises:
        BadRequestError: they are no head of HTTP/1.x, or larger than `HEAD_LIMIT_BYTES` or `HEADER_LIMIT` headers.
    """
    data = source.until(_END, HEAD_LIMIT_BYTES)
    if data is None:
        raise BadRequestError(431, f"the head of the request is larger than {HEAD_LIMIT_BYTES} bytes")
    first, *lines = data.decode("latin-1").split("\r\n")
    if len(lines) > HEADER_LIMIT:
        raise BadRequestError(431, f"the request has more than {HEADER_LIMIT} headers")
    matched = _REQUEST_LINE.fullmatch(first)
    if matched is None:
        raise BadRequestError(400, "the first line is no request of HTTP/1.1")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        value = value.strip(" \t")
        if not colon or not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise BadRequestError(400, "a header line is malformed")
        if name.lower() in headers:
            raise BadRequestError(400, f"the header {name.lower()} is there twice")
        headers[name.lower()] = value
    return Head(matched[1], matched[2], headers)


def read_body(source: ByteSource, head: Head) -> bytes:
    """The body of a request whose length is known.

    Raises:
        BadRequestError: its length is not said in digits, or is more than `BODY_LIMIT_BYTES`.
    """
    return source.exactly(body_length(head))


def body_length(head: Head) -> int:
    """What the headers say.

    Raises:
        BadRequestError: as `read_body`.
    """
    if "transfer-encoding" in head.headers:
        raise BadRequestError(411, "send the body with Content-Length, not with a transfer coding")
    text = head.headers.get("content-length")
    if text is None:
        raise BadRequestError(411, "the request has no Content-Length")
    if not text.isascii() or not text.isdigit() or len(text) > _LENGTH_DIGITS:
        raise BadRequestError(400, "Content-Length is no number")
    if int(text) > BODY_LIMIT_BYTES:
        raise BadRequestError(413, f"the body is larger than {BODY_LIMIT_BYTES} bytes")
    return int(text)
