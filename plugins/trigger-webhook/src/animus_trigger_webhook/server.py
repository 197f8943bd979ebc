"""The server: a thread that accepts, a thread for each of a bounded number of connections, one request a connection.

Every wait on a peer has an end: a request must have come in whole within `REQUEST_SECONDS`, however it is spread.
"""

import contextlib
import socket
import sys
import threading
import time
from collections.abc import Callable
from http import HTTPStatus

from animus_trigger_webhook.address import Address
from animus_trigger_webhook.http_request import BadRequestError, ByteSource, read_body, read_head
from animus_trigger_webhook.intake import Answer, Intake

__all__ = ["CONNECTION_LIMIT", "REQUEST_SECONDS", "WebhookServer"]

CONNECTION_LIMIT = 64
"""Connections at once; a further one is answered with 503."""
REQUEST_SECONDS = 10.0
"""How long the head of a request may take, and then its body."""

_ANSWER_SECONDS = 5.0
_LINGER_SECONDS = 1.0
_LINGER_BYTES = 256 * 1024
_STOP_SECONDS = 3.0
_BACKLOG = 128
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class WebhookServer:
    """Listens from construction on, serves from `start` on.

    Attributes:
        address: where it listens, with the port that the system chose.
    """

    def __init__(self, address: Address, *, request_seconds: float = REQUEST_SECONDS) -> None:
        """Listen.

        Raises:
            OSError: the address is taken or not ours.
        """
        family = socket.AF_INET6 if address.is_ipv6 else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a restart need not wait for old ones
            self._socket.bind(address)
            self._socket.listen(_BACKLOG)
        except OSError:
            self._socket.close()
            raise
        self.address = Address(address.host, self._socket.getsockname()[1])
        self._request_seconds = request_seconds
        self._places = threading.Semaphore(CONNECTION_LIMIT)
        self._is_closed = False

    def start(self, intake: Intake) -> None:
        """Serve, on threads of its own."""
        self._thread = threading.Thread(target=self._accept, args=(intake,), name="webhook-accept", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no further connection, and let those that are open end, for a bounded time."""
        self._is_closed = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._socket.close()
        deadline = time.monotonic() + _STOP_SECONDS
        for _ in range(CONNECTION_LIMIT):
            if not self._places.acquire(timeout=max(deadline - time.monotonic(), 0)):
                return

    def _accept(self, intake: Intake) -> None:
        while not self._is_closed:
            try:
                connection, _ = self._socket.accept()
            except OSError as error:
                if self._is_closed:
                    return
                _say(f"accepting a connection failed: {error}")
                time.sleep(0.1)  # out of descriptors, most likely: the open connections must end first
                continue
            if not self._places.acquire(blocking=False):
                busy = Answer(503, {"error": "too many connections"}, (("Retry-After", "1"),))
                _send_and_close(connection, busy, linger=False)
                continue
            try:
                threading.Thread(target=self._serve, args=(connection, intake), daemon=True).start()
            except RuntimeError:  # no thread can be had
                self._places.release()
                connection.close()

    def _serve(self, connection: socket.socket, intake: Intake) -> None:
        try:
            _send_and_close(connection, self._answer(connection, intake), linger=True)
        except OSError:
            connection.close()  # the peer went away or was too slow; nobody reads an answer
        finally:
            self._places.release()

    def _answer(self, connection: socket.socket, intake: Intake) -> Answer:
        try:
            source = ByteSource(self._receiver(connection))
            head = read_head(source)
            hook = intake.look_at(head)
            if isinstance(hook, Answer):
                return hook._replace(body={}) if head.method == "HEAD" else hook
            if head.expects_continue:
                connection.sendall(_CONTINUE)
            source.renew(self._receiver(connection))
            return intake.take(hook, head, read_body(source, head))
        except BadRequestError as error:
            return Answer(error.status, {"error": error.message})
        except TimeoutError:
            return Answer(408, {"error": f"the request did not come within {self._request_seconds:g} s"})
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - one request must not end the server; it was not acknowledged
            _say(f"a request could not be handled: {error!r}")
            return Answer(500, {"error": "the request could not be handled"})

    def _receiver(self, connection: socket.socket) -> Callable[[int], bytes]:
        deadline = time.monotonic() + self._request_seconds

        def receive(count: int) -> bytes:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            connection.settimeout(left)
            return connection.recv(count)

        return receive


def _send_and_close(connection: socket.socket, answer: Answer, *, linger: bool) -> None:
    """Send an answer; with `linger`, read what the peer still sends, so that closing does not destroy the answer."""
    body = answer.encoded_body() if answer.body else b""
    head = [
        f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in answer.headers),
    ]
    with connection:
        connection.settimeout(_ANSWER_SECONDS)
        connection.sendall("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body)
        connection.shutdown(socket.SHUT_WR)
        deadline, left = time.monotonic() + _LINGER_SECONDS, _LINGER_BYTES
        while linger and left > 0 and (wait := deadline - time.monotonic()) > 0:
            connection.settimeout(wait)
            chunk = connection.recv(left)
            if not chunk:
                return
            left -= len(chunk)


def _say(text: str) -> None:
    print(f"animus-trigger-webhook: {text}", file=sys.stderr, flush=True)  # noqa: T201 - the host keeps our stderr
