"""One HTTP request on a thread of its own, so that its reader never waits longer than it wants to.

A blocking read cannot be interrupted; a thread can be left behind. `HttpCall` hands over what arrives, and when it is
abandoned it shuts the socket, which ends the thread.
"""

import contextlib
import queue
import socket
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from animus_provider_oai.ending import RunFailedError
from animus_provider_oai.limits import ANSWER_LIMIT_BYTES, CONNECT_SECONDS

if TYPE_CHECKING:
    import httpx

__all__ = ["Broken", "Connections", "Head", "HttpCall", "Item", "Whole"]

_WRITE_SECONDS: Final = 60.0
_TLS: Final = "https://"


class Head(NamedTuple):
    """The answer begins."""

    status: int
    headers: Mapping[str, str]


class Whole(NamedTuple):
    """The answer is over, as HTTP has it."""


class Broken(NamedTuple):
    """The answer will not come or not go on. `why` is ``refused``, ``stalled``, ``broken`` or ``too_long``."""

    why: str
    detail: str


Item = Head | bytes | Whole | Broken


class Connections:
    """The connections of one run to one server; use it in a ``with`` statement."""

    def __init__(self, base_url: str, stall_seconds: float) -> None:
        """Prepare; nothing is connected yet."""
        import httpx  # noqa: PLC0415 - start-up is a budget

        self._httpx = httpx
        # Loading certificates takes longer than a local model server needs to answer.
        self._client = httpx.Client(verify=base_url.startswith(_TLS))
        self._timeout = httpx.Timeout(stall_seconds, connect=CONNECT_SECONDS, write=_WRITE_SECONDS)

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> "HttpCall":
        """Begin a request.

        Raises:
            RunFailedError: the address or the key cannot be used.
        """
        try:
            request = self._client.build_request(
                "POST", url, headers=dict(headers), content=body, timeout=self._timeout
            )
        except (self._httpx.InvalidURL, ValueError) as error:
            raise RunFailedError(
                f"no request can be made to {url!r} with the key that is set: {error}",
                failure="target_unavailable",
                category="unavailable",
            ) from error
        return HttpCall(self._client, request)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()


class HttpCall:
    """A request on its way."""

    def __init__(self, client: "httpx.Client", request: "httpx.Request") -> None:
        """Send it."""
        self._client = client
        self._request = request
        self._request.extensions["trace"] = self._trace
        self._items: queue.SimpleQueue[Item | None] = queue.SimpleQueue()
        self._socket: socket.socket | None = None
        self._is_abandoned = False
        self._thread = threading.Thread(target=self._run, name="oai-request", daemon=True)
        self._thread.start()

    def next(self, seconds: float) -> Item | None:
        """What arrives next; None when nothing did in time, or `wake` was called."""
        with contextlib.suppress(queue.Empty):
            return self._items.get(timeout=seconds)
        return None

    def wake(self) -> None:
        """Let `next` return."""
        self._items.put(None)

    def abandon(self) -> None:
        """Nobody wants the rest."""
        self._is_abandoned = True
        if self._socket is not None and self._thread.is_alive():
            with contextlib.suppress(OSError):
                # Past the TLS layer's own method, which is not made for another thread.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _run(self) -> None:
        import httpx  # noqa: PLC0415 - start-up is a budget

        try:
            self._exchange()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            self._items.put(Broken("refused", _text(error)))
        except httpx.TimeoutException as error:
            self._items.put(Broken("stalled", _text(error)))
        except (httpx.HTTPError, httpx.StreamError, OSError, RuntimeError, ValueError) as error:
            # Also what a socket that was shut under it, or a client that was closed, gives.
            self._items.put(Broken("broken", _text(error)))

    def _exchange(self) -> None:
        response = self._client.send(self._request, stream=True)
        try:
            self._remember(response.extensions.get("network_stream"))
            self._items.put(Head(response.status_code, response.headers))
            left = ANSWER_LIMIT_BYTES
            for piece in response.iter_bytes():
                left -= len(piece)
                if self._is_abandoned or left < 0:
                    self._items.put(Broken("too_long", f"more than {ANSWER_LIMIT_BYTES} bytes"))
                    return
                self._items.put(piece)
            self._items.put(Whole())
        finally:
            response.close()

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._remember(info.get("return_value"))

    def _remember(self, stream: Any) -> None:
        found = None if stream is None else stream.get_extra_info("socket")
        self._socket = found if isinstance(found, socket.socket) else self._socket
        if self._is_abandoned:
            self.abandon()


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
