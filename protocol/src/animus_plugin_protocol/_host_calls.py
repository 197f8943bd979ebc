"""Requests of the plugin to its host: ``host/call``, its notes, its answer, its cancellation.

The wire: docs/decisions/0009-host-calls.md.

Ids are strings ``h-<n>``: reference hosts read a frame with a number for an id as an answer to one of theirs.
"""

import itertools
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec

from animus_plugin_protocol._cancellation import CancelToken
from animus_plugin_protocol._outbox import READER_BACKLOG_BYTES, Outbox, Scope
from animus_plugin_protocol.codec import decode_fault, encode_json, encode_notification, encode_request
from animus_plugin_protocol.errors import ErrorCode, FatalError, RefusedError, RetriableError, RpcFault
from animus_plugin_protocol.frames import ABSENT, Frame
from animus_plugin_protocol.methods import CANCEL_REQUEST, HOST_CALL
from animus_plugin_protocol.wire.host import HostCallParams, HostNote
from animus_plugin_protocol.wire.lifecycle import CancelParams, HostCallsOffer

__all__ = ["ANSWER_GRACE_SECONDS", "HostCalls", "PendingCall", "WaitingCall", "as_raw", "call_timed_out"]

HOST_CALLS_VERSION: Final = 1

ANSWER_GRACE_SECONDS: Final = 15.0
"""How much longer than the asked-for time a call waits for the host's own answer that the time is over."""

NOTES_LIMIT: Final = 4096
"""Notes of one call that wait for a slow caller; the oldest make room and are counted in `HostNote.dropped`."""

_NULL: Final = msgspec.Raw(b"null")
_note_decoder: Final = msgspec.json.Decoder(HostNote)


class PendingCall(Protocol):
    """A call that has no answer yet. Both methods are called on the reader and must not wait."""

    def note(self, note: HostNote) -> None:
        """A notification of the callee."""
        ...

    def settle(self, outcome: msgspec.Raw | RpcFault) -> None:
        """The answer; nothing follows."""
        ...


class HostCalls:
    """The calls of one connection."""

    def __init__(self, outbox: Outbox, plugin: str, declared_kinds: frozenset[str]) -> None:
        self._outbox = outbox
        self._plugin = plugin
        self._declared_kinds = declared_kinds
        self._numbers = itertools.count(1)
        self._pending: dict[str, PendingCall] = {}
        self._lock = threading.Lock()
        self._gone: RpcFault | None = None
        self.offer: HostCallsOffer | None = None

    def send(self, pending: PendingCall, params: HostCallParams) -> str:
        """Ask the host; the id of the call.

        Raises:
            RefusedError: the host does not offer calls, or the plugin did not declare this kind.
            FatalError: the host is gone.
        """
        self._check(params)
        call_id = f"h-{next(self._numbers)}"
        data = encode_request(call_id, HOST_CALL, params)
        with self._lock:
            if self._gone is not None:
                raise self._gone
            self._pending[call_id] = pending
        try:
            # a scope of its own: a call is no notification of the request, its answer is wanted either way
            self._outbox.put_note(data, Scope(), limit=READER_BACKLOG_BYTES)
        except FatalError:
            self._forget(call_id)
            raise
        return call_id

    def abandon(self, call_id: str) -> None:
        """Tell the host that nobody waits any more. A late answer is dropped."""
        if self._forget(call_id) is not None:
            self._outbox.put(encode_notification(CANCEL_REQUEST, CancelParams(id=call_id)))

    def settle(self, frame: Frame) -> bool:
        """Hand a response to the call it answers; whether it had the id of a call."""
        if not isinstance(frame.id, str) or not frame.id.startswith("h-"):
            return False
        pending = self._forget(frame.id)
        if pending is not None:
            failed = frame.error is not ABSENT and frame.error != _NULL
            pending.settle(decode_fault(frame.error) if failed else _NULL if frame.result is ABSENT else frame.result)
        return True

    def note(self, params: msgspec.Raw) -> None:
        """Hand a ``host/note`` to its call; one for a call that is over is dropped."""
        try:
            note = _note_decoder.decode(params)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return  # a notification has no reply to carry an error, and the call itself still gets its answer
        pending = self._pending.get(note.id)
        if pending is not None:
            pending.note(note)

    def fail_all(self, fault: RpcFault) -> None:
        """The host is gone: no call gets an answer, and no new one is sent."""
        with self._lock:
            self._gone = fault
            pending, self._pending = self._pending, {}
        for call in pending.values():
            call.settle(fault)

    def _forget(self, call_id: str) -> PendingCall | None:
        with self._lock:
            return self._pending.pop(call_id, None)

    def _check(self, params: HostCallParams) -> None:
        what = f"{self._plugin!r} cannot call {params.method!r} of a {params.kind!r} plugin"
        if self.offer is None or self.offer.version != HOST_CALLS_VERSION:
            has = "does not offer it" if self.offer is None else f"offers version {self.offer.version} of it"
            raise RefusedError(
                f"{what}: that needs the extension 'host_calls' version {HOST_CALLS_VERSION}, and this host {has}",
                code=ErrorCode.METHOD_NOT_SUPPORTED,
                data={"category": "unsupported", "feature": "host_calls"},
            )
        if params.kind not in self._declared_kinds:
            raise RefusedError(
                f"{what}: it did not declare the capability '$host/call:{params.kind}'",
                code=ErrorCode.HOST_CALL_NOT_DECLARED,
            )


def call_timed_out(params: HostCallParams) -> RetriableError:
    """The error of a call that the host never answered."""
    return RetriableError(
        f"the host did not answer the call of {params.method!r} of a {params.kind!r} plugin in time",
        data={"timeout_ms": params.timeout_ms},
    )


class WaitingCall:
    """A call whose caller is a thread that waits."""

    def __init__(self, clock: Callable[[], float], *, wants_notes: bool) -> None:
        self._clock = clock
        self._wants_notes = wants_notes
        self._changed = threading.Condition(threading.Lock())
        self._notes: deque[HostNote] = deque()
        self._dropped = 0
        self._outcome: msgspec.Raw | RpcFault | None = None

    def note(self, note: HostNote) -> None:
        """Keep a note for the caller."""
        if not self._wants_notes:
            return
        with self._changed:
            self._notes.append(note)
            if len(self._notes) > NOTES_LIMIT:
                self._dropped += 1 + (self._notes.popleft().dropped or 0)
            self._changed.notify_all()

    def settle(self, outcome: msgspec.Raw | RpcFault) -> None:
        """Keep the answer for the caller."""
        with self._changed:
            self._outcome = outcome
            self._changed.notify_all()

    def wake(self) -> None:
        """Have the caller look at its token."""
        with self._changed:
            self._changed.notify_all()

    def wait(
        self, token: CancelToken, timeout_seconds: float | None, on_note: Callable[[HostNote], object] | None
    ) -> msgspec.Raw | None:
        """Hand the notes on, in order, then return the answer; None when the time is over.

        Raises:
            RpcFault: the answer was an error.
            Cancelled: the token was tripped.
        """
        deadline = None if timeout_seconds is None else self._clock() + timeout_seconds
        while True:
            notes, outcome = self._next(token, deadline)
            for note in notes:
                if on_note is not None:
                    on_note(note)
            if isinstance(outcome, RpcFault):
                raise outcome
            if outcome is not None:
                return outcome
            token.raise_if_cancelled()
            if deadline is not None and self._clock() >= deadline:
                return None

    def _next(
        self, token: CancelToken, deadline: float | None
    ) -> tuple[deque[HostNote], msgspec.Raw | RpcFault | None]:
        with self._changed:
            self._changed.wait_for(
                lambda: self._notes or self._outcome is not None or token.is_cancelled,
                None if deadline is None else max(0.0, deadline - self._clock()),
            )
            notes, self._notes = self._notes, deque()
            if self._dropped and notes:
                first = notes.popleft()
                notes.appendleft(msgspec.structs.replace(first, dropped=self._dropped + (first.dropped or 0)))
                self._dropped = 0
            return notes, self._outcome


def as_raw(params: Any) -> msgspec.Raw:
    """Params as the bytes they travel as: a struct, JSON values, raw JSON, or None for nothing."""
    if isinstance(params, msgspec.Raw):
        return params
    return msgspec.Raw(encode_json({} if params is None else params))
