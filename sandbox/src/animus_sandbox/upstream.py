"""Where a sandboxed program may send requests, with whose key, and which requests those are."""

import re
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from animus_sandbox.errors import SandboxSpecError

__all__ = ["FIRST_PORT", "Address", "Route", "Secret", "Upstream", "address_of", "request_problem", "upstream_url"]

FIRST_PORT: Final = 9101
"""The port of the first upstream inside; the sandbox has a network of its own, where every port is free."""

_HTTP_PORT: Final = 80
_HTTPS_PORT: Final = 443
_PATH: Final = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@-]+)*/?")
_QUERY: Final = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*")
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HOST: Final = re.compile(r"[A-Za-z0-9._:-]+")


class Secret:
    """A text that does not show in logs, reprs or tracebacks."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Hold `text`: printable ASCII without blanks, as a header can carry it."""
        if not text or not text.isascii() or not text.isprintable() or " " in text:
            raise SandboxSpecError("the key is empty or holds characters that no header can carry")
        self._text = text

    def __repr__(self) -> str:
        return "Secret(...)"

    def reveal(self) -> str:
        """The text."""
        return self._text


class Route(NamedTuple):
    """One kind of request that is let through.

    Attributes:
        method: in capitals.
        path: below the upstream's prefix, matched as a whole; a segment ``*`` stands for any one segment.
    """

    method: str
    path: str


class Upstream(NamedTuple):
    """One server outside.

    Attributes:
        base_url: ``http(s)://host[:port][/prefix]``.
        routes: everything else is refused.
        key: added to each request; None when the server needs none.
        header: the header that carries the key. The program's own headers for keys are dropped.
        prefix: written before the key, such as ``Bearer ``.
        idle_seconds: how long the server may stay silent.
    """

    base_url: str
    routes: tuple[Route, ...]
    key: Secret | None = None
    header: str = "authorization"
    prefix: str = "Bearer "
    idle_seconds: float = 600.0


class Address(NamedTuple):
    """What `Upstream.base_url` says. `prefix` is empty or starts with a slash and ends with none."""

    is_encrypted: bool
    host: str
    port: int
    prefix: str

    @property
    def host_header(self) -> str:
        """The server's name as a request carries it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (_HTTPS_PORT if self.is_encrypted else _HTTP_PORT) else f"{host}:{self.port}"


def address_of(upstream: Upstream) -> Address:
    """Read the base URL, and check the rest of the upstream.

    Raises:
        SandboxSpecError: it is no plain http or https URL, or the header or a route cannot be meant.
    """
    shown = upstream.base_url.rpartition("@")[2]
    try:
        parts = urlsplit(upstream.base_url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise SandboxSpecError(f"upstream {shown!r} is no URL: {error}") from error
    if parts.username or parts.password or parts.query or parts.fragment:
        raise SandboxSpecError(f"upstream {shown!r} may hold scheme, host, port and path only")
    if parts.scheme not in {"http", "https"} or not _HOST.fullmatch(host) or _is_odd_path(parts.path):
        raise SandboxSpecError(f"upstream {shown!r} is not http(s)://host[:port][/prefix]")
    if not _HEADER_NAME.fullmatch(upstream.header) or not (upstream.prefix.isascii() and upstream.prefix.isprintable()):
        raise SandboxSpecError(f"upstream {shown!r}: {upstream.header!r} is no header")
    for route in upstream.routes:
        if not route.method.isupper() or not route.path.startswith("/") or _is_odd_path(route.path):
            raise SandboxSpecError(f"upstream {shown!r}: {route} is no route, such as Route('POST', '/v1/messages')")
    is_encrypted = parts.scheme == "https"
    return Address(is_encrypted, host, port or (_HTTPS_PORT if is_encrypted else _HTTP_PORT), parts.path.rstrip("/"))


def upstream_url(upstream: Upstream, position: int = 0) -> str:
    """What the program inside takes for the server: same prefix, but on the loopback interface.

    Args:
        upstream: the server.
        position: its place among the upstreams of the sandbox.
    """
    return f"http://127.0.0.1:{FIRST_PORT + position}{address_of(upstream).prefix}"


def request_problem(upstream: Upstream, prefix: str, method: str, target: str) -> str | None:
    """Why a request is refused; None when a route lets it through.

    Paths are compared as written: what a server might read as another path (escapes, dots, doubled or reversed
    slashes, a whole URL) is refused before that.
    """
    path, _, query = target.partition("?")
    if not path.startswith("/") or _is_odd_path(path) or not _QUERY.fullmatch(query):
        return "the target is not a plain path"
    segments = path.split("/")
    for route in upstream.routes:
        allowed = (prefix + route.path).split("/")
        if (
            route.method == method
            and len(allowed) == len(segments)
            and all(want in {segment, "*"} for want, segment in zip(allowed, segments, strict=True))
        ):
            return None
    return f"no route lets {method} {path} through"


def _is_odd_path(path: str) -> bool:
    return not _PATH.fullmatch(path) or not {".", ".."}.isdisjoint(path.split("/"))
