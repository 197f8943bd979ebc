"""The standard streams of the server: lines in, answers out.

Source: MCP specification 2025-11-25, transports, stdio. A call that takes long keeps no other one waiting.
"""

import os
import threading
from collections.abc import Callable
from typing import Any

import msgspec

from animus_plugin_protocol.codec import decode_line, encode_error, encode_fault, encode_result
from animus_plugin_protocol.errors import ErrorCode, RetriableError, RpcFault
from animus_plugin_protocol.frames import ABSENT, MAX_READ_BYTES, BadFrame, Frame, LineSplitter
from animus_transport_mcp.session import Session

__all__ = ["serve"]

_READ_BYTES = 65536
_SLOW = frozenset({"tools/call", "resources/read"})
"""What asks a daemon or a plugin, and gets a thread; all else is answered at once, in its order."""
_OPEN_CALLS = 32
"""How many of those may be under way; one more is refused."""
_LAST_SECONDS = 5.0
"""How long calls under way may take to end once the client has gone."""


def serve(session: Session, *, read_from: int, write_to: int) -> None:
    """Answer the client at two file descriptors until it closes its end."""
    lines = LineSplitter(MAX_READ_BYTES)
    desk = _Desk(session, _Writer(write_to).write)
    while chunk := os.read(read_from, _READ_BYTES):
        for line in lines.feed(chunk):
            desk.take(decode_line(line) if isinstance(line, bytes) else line.as_bad_frame())
    desk.close()


class _Writer:
    """Writes whole lines, one thread at a time; what a client that went away would have got is lost."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def write(self, line: bytes) -> None:
        with self._lock:
            rest = memoryview(line)
            try:
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
            except BrokenPipeError:
                return


class _Cancelled(msgspec.Struct, rename={"request_id": "requestId"}):
    request_id: Any = None


class _Desk:
    """Takes frames in, and answers each request once."""

    def __init__(self, session: Session, write: Callable[[bytes], None]) -> None:
        self._session = session
        self._write = write
        self._lock = threading.Lock()
        self._threads: dict[str, threading.Thread] = {}
        self._cancelled: set[str] = set()

    def take(self, frame: Frame | BadFrame | None) -> None:
        if frame is None:
            return
        if isinstance(frame, BadFrame):
            self._write(encode_error(frame.id, frame.code, frame.message))
        elif frame.method in _SLOW and frame.is_request:
            self._start(frame)
        elif frame.is_request:
            self._write(self._line(frame))
        elif frame.method == "notifications/cancelled":
            self._cancel(frame)

    def close(self) -> None:
        for thread in list(self._threads.values()):
            thread.join(_LAST_SECONDS)

    def _start(self, frame: Frame) -> None:
        if len(self._threads) >= _OPEN_CALLS:
            busy = RetriableError(f"{_OPEN_CALLS} requests are under way; ask again when one is answered")
            self._write(encode_fault(frame.id, busy))
            return
        thread = threading.Thread(target=self._answer, args=(frame,), daemon=True)
        with self._lock:
            self._threads[_key(frame.id)] = thread
        thread.start()

    def _answer(self, frame: Frame) -> None:
        line = self._line(frame)
        with self._lock:
            self._threads.pop(_key(frame.id), None)
            is_cancelled = _key(frame.id) in self._cancelled
            self._cancelled.discard(_key(frame.id))
        if not is_cancelled:  # the client has forgotten the request and wants no answer to it
            self._write(line)

    def _line(self, frame: Frame) -> bytes:
        try:
            params = None if frame.params is ABSENT else msgspec.json.decode(frame.params)
            return encode_result(frame.id, self._session.answer(frame.method, params), frame.method)
        except RpcFault as fault:
            return encode_fault(frame.id, fault)
        except Exception as error:  # noqa: BLE001 - whatever a call did not foresee is its answer, and the session goes on
            return encode_error(frame.id, ErrorCode.INTERNAL_ERROR, f"{type(error).__name__}: {error}")

    def _cancel(self, frame: Frame) -> None:
        try:
            note = msgspec.json.decode(b"{}" if frame.params is ABSENT else frame.params, type=_Cancelled)
        except msgspec.DecodeError:
            return
        key = _key(note.request_id)
        with self._lock:
            if key in self._threads:
                self._cancelled.add(key)


def _key(request_id: Any) -> str:
    """Tells ``1`` from ``"1"``, which are two requests."""
    return repr(request_id)
