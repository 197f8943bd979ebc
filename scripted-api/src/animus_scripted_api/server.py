"""The server: a loopback port that answers by script."""

import contextlib
import socket
import socketserver
import threading
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self, cast

from animus_scripted_api.exchange import ApiParts, Exchange
from animus_scripted_api.request import Request
from animus_scripted_api.request_log import Exchanged, RequestLog
from animus_scripted_api.script import Conversation, Script, Turn

__all__ = ["STOP_SECONDS", "WAIT_SECONDS", "ScriptedApi"]

WAIT_SECONDS: Final = 20.0
"""How long `ScriptedApi.wait_for_requests` and its like wait when nothing else is said."""
STOP_SECONDS: Final = 5.0
"""How long the threads of open connections may take to end."""
_POLL_SECONDS: Final = 0.02


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # the connections are shut and joined by us, within a bound
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], exchange: type[Exchange]) -> None:
        self.turn = threading.Lock()
        self.open: dict[socket.socket, threading.Thread] = {}
        super().__init__(address, exchange)

    def server_bind(self) -> None:
        # Without HTTPServer's look-up of the host's name, which can take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = cast("tuple[str, int]", self.server_address[:2])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start the connection's thread; known from here on, so that `end_connections` misses none."""
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), name="scripted-api", daemon=True
        )
        with self.turn:
            self.open[request] = thread
        thread.start()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self.turn:
                self.open.pop(request, None)

    def shutdown_request(self, request: Any) -> None:
        with self.turn:  # never while `end_connections` uses the socket
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; `Exchanged.is_broken` says so where it matters."""

    def end_connections(self) -> list[threading.Thread]:
        with self.turn:
            for connection in self.open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            return list(self.open.values())


class ScriptedApi:
    """A scripted model server on the loopback interface; use it in a ``with`` statement, or `start` and `stop` it.

    Attributes:
        log: every request, for assertions.
    """

    def __init__(self, *script: Script | Conversation | Turn, port: int = 0, host: str = "127.0.0.1") -> None:
        """Serve a `Script`, or the conversations or turns of one. `port` 0 takes a free one."""
        whole = next((part for part in script if isinstance(part, Script)), None)
        if whole is not None and len(script) > 1:
            raise ValueError("give one Script, or conversations and turns, not both")
        parts = [part for part in script if not isinstance(part, Script)]
        self.log = RequestLog()
        self._parts = ApiParts(whole or Script(*parts), self.log)
        exchange = type("BoundExchange", (Exchange,), {"parts": self._parts})
        self._server = _Server((host, port), exchange)
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """``http://127.0.0.1:<port>``: the base for Anthropic clients; OpenAI clients add ``/v1``."""
        return f"http://{self._server.server_name}:{self._server.server_port}"

    @property
    def openai_url(self) -> str:
        """The base for OpenAI clients."""
        return self.url + "/v1"

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._server.server_port

    @property
    def requests(self) -> list[Request]:
        """The model calls so far, in order; requests for anything else are only in `log`."""
        return [exchanged.request for exchanged in self.log.exchanges() if exchanged.request.dialect != "other"]

    @property
    def problems(self) -> list[str]:
        """Requests for which the script had no answer. A test that passes has none."""
        return self.log.problems()

    def start(self) -> Self:
        """Begin to answer."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._server.serve_forever, args=(_POLL_SECONDS,), name="scripted-api", daemon=True
            )
            self._thread.start()
        return self

    def stop(self) -> None:
        """End at once, stalling answers too. Calling it again is fine."""
        self._parts.stopping.set()
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join(STOP_SECONDS)
            self._thread = None
        self._server.server_close()
        for thread in self._server.end_connections():
            thread.join(STOP_SECONDS)

    def wait_for_requests(self, count: int, timeout_seconds: float = WAIT_SECONDS) -> list[Request]:
        """Wait for `count` model calls in all.

        Raises:
            TimeoutError: there were fewer in time.
        """
        self.wait_until(lambda kept: _model_calls(kept) >= count, f"{count} requests", timeout_seconds)
        return self.requests

    def wait_until(
        self, is_met: Callable[[list[Exchanged]], bool], what: str, timeout_seconds: float = WAIT_SECONDS
    ) -> None:
        """Wait until the log satisfies `is_met`.

        Raises:
            TimeoutError: it did not in time; the message names `what`.
        """
        if not self.log.wait(is_met, timeout_seconds):
            raise TimeoutError(f"no {what} within {timeout_seconds:g} s; there were {len(self.requests)} requests")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _model_calls(kept: list[Exchanged]) -> int:
    return sum(exchanged.request.dialect != "other" for exchanged in kept)
