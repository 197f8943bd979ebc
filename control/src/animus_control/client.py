"""Asking a living daemon, from a program that has no event loop and does not want to pay for one."""

import socket
from collections.abc import Iterator
from typing import Any, Self

import msgspec

from animus_control.endpoint import socket_path
from animus_control.errors import ControlError, daemon_needed, error_from_wire
from animus_control.incoming import IncomingFrames
from animus_control.operations import OPERATIONS, Operation
from animus_control.project import Project
from animus_plugin_protocol.codec import encode_notification, encode_request
from animus_plugin_protocol.frames import ABSENT, Frame

__all__ = ["ANSWER_SECONDS", "ControlClient"]

ANSWER_SECONDS = 90.0
"""How long a daemon may take to answer, unless the caller says otherwise."""

_READ_BYTES = 65536
_CLOSED = "subscription/closed"


class ControlClient:
    """One connection to the daemon of a project; not for use by two threads at once."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._frames = IncomingFrames()
        self._last_id = 0

    @classmethod
    def connect(cls, project: Project) -> Self | None:
        """Connect to the project's daemon; None when none listens, whether or not a stale socket lies there.

        Raises:
            ControlError: ``permission_denied`` when the socket is somebody else's.
        """
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(str(socket_path(project)))
        except PermissionError as error:
            connection.close()
            raise ControlError("permission_denied", f"{socket_path(project)}: {error.strerror}") from error
        except OSError:
            connection.close()
            return None
        return cls(connection)

    def call(self, name: str, params: Any = None, *, timeout_seconds: float | None = ANSWER_SECONDS) -> Any:
        """Run an operation in the daemon and return its result struct.

        Raises:
            ControlError: what the daemon answered; ``unavailable`` when it went away or did not answer in time.
        """
        operation = _operation(name)
        self._connection.settimeout(timeout_seconds)
        return msgspec.json.decode(self._answer(self._ask(operation, params)), type=operation.result)

    def stream(self, name: str, params: Any = None) -> Iterator[Any]:
        """Subscribe, then return structs as they come until the daemon ends the stream.

        Nothing that happens after the return of this call is missed.

        Raises:
            ControlError: as `call`; ``unavailable`` when the stream was cut because this side was too slow.
        """
        operation = _operation(name)
        self._connection.settimeout(ANSWER_SECONDS)
        request_id = self._ask(operation, params)
        self._answer(request_id)
        self._connection.settimeout(None)
        return self._notes(request_id, operation)

    def cancel(self) -> None:
        """Ask the daemon to end the latest call or stream."""
        self._connection.sendall(encode_notification("$/cancelRequest", {"id": self._last_id}))

    def close(self) -> None:
        """Hang up; the daemon ends what it was doing for this connection."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _notes(self, request_id: int, operation: Operation) -> Iterator[Any]:
        while True:
            frame = self._next_frame()
            note: dict[str, Any] = msgspec.json.decode(frame.params) if frame.params is not ABSENT else {}
            if note.get("id") != request_id:
                continue
            if frame.method == _CLOSED:
                if note.get("reason") not in {"ended", "cancelled"}:
                    raise ControlError("unavailable", f"the daemon cut the stream of {operation.name!r}: {note}")
                return
            yield msgspec.convert(note["data"], operation.result)

    def _ask(self, operation: Operation, params: Any) -> int:
        self._last_id += 1
        line = encode_request(self._last_id, operation.name, operation.params() if params is None else params)
        try:
            self._connection.sendall(line)
        except OSError as error:
            raise daemon_needed(f"the daemon went away during {operation.name!r}") from error
        return self._last_id

    def _answer(self, request_id: int) -> msgspec.Raw:
        while True:
            frame = self._next_frame()
            if frame.id == request_id and frame.is_response:
                if frame.error is not ABSENT:
                    raise error_from_wire(msgspec.json.decode(frame.error))
                return frame.result

    def _next_frame(self) -> Frame:
        while (frame := self._frames.take()) is None:
            try:
                chunk = self._connection.recv(_READ_BYTES)
            except TimeoutError as error:
                raise ControlError("unavailable", "the daemon did not answer in time") from error
            except OSError as error:
                raise daemon_needed("the daemon went away during the call") from error
            self._frames.feed(chunk)
        return frame


def _operation(name: str) -> Operation:
    if name not in OPERATIONS:
        raise ControlError("not_supported", f"there is no operation {name!r}")
    return OPERATIONS[name]
