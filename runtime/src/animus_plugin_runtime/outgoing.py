"""Calls of the host that have no answer yet, and which of them a notification belongs to."""

import asyncio
import inspect
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import msgspec

from animus_plugin_protocol import methods
from animus_plugin_protocol.codec import DECODE_ERRORS, decode_fault
from animus_plugin_protocol.described import described
from animus_plugin_protocol.errors import FatalError, RpcFault
from animus_plugin_protocol.frames import ABSENT, Frame
from animus_plugin_protocol.methods import METHODS
from animus_plugin_runtime.note import Note, NoteQueue

__all__ = [
    "ExpiredError",
    "OnNote",
    "OutgoingCall",
    "OutgoingCalls",
    "as_params",
    "decode_result",
    "forwarding",
    "result_decoder",
    "within",
]

OnNote = Callable[[Note], Awaitable[None] | None]
"""A plain function is called by the reader; an async one by a forwarder behind a bounded queue."""

_NULL = msgspec.Raw(b"null")


class _Address(msgspec.Struct):
    """The parts of a notification's params that say whose it is."""

    id: Any = None
    session_id: Any = None


_CLOCK_SECONDS = 0.001
"""Timers fire a little early, by what the clock resolves."""

_any_decoder: "msgspec.json.Decoder[Any]" = msgspec.json.Decoder()
_address_decoder = msgspec.json.Decoder(_Address)


class ExpiredError(Exception):
    """The time of a call is over."""


class OutgoingCall:
    """One request and where its answer and notes go."""

    __slots__ = ("_is_settled", "answer", "call_id", "deadline", "deliver", "is_sent", "method", "session_id")

    def __init__(self, call_id: int, method: str, session_id: str | None) -> None:
        self.call_id = call_id
        self.method = method
        self.session_id = session_id
        self.answer: asyncio.Future[msgspec.Raw] = asyncio.get_running_loop().create_future()
        self.deliver: Callable[[str, msgspec.Raw], None] | None = None
        self.is_sent = False
        self.deadline = math.inf
        self._is_settled = False

    @property
    def is_answered(self) -> bool:
        """Whether there is an answer, though nobody may have seen it yet."""
        return self._is_settled

    def settle(self, outcome: msgspec.Raw | BaseException) -> None:
        """Set the answer; a second one is dropped."""
        self._is_settled = True
        if self.answer.done():
            return
        if isinstance(outcome, BaseException):
            self.answer.set_exception(outcome)
            self.answer.exception()  # counts as looked at: nobody may be waiting any more
        else:
            self.answer.set_result(outcome)

    def expire(self) -> None:
        """The time is over."""
        self.deadline = math.inf
        if not self.answer.done():
            self.answer.set_exception(ExpiredError())

    def wait_again(self) -> "asyncio.Future[msgspec.Raw]":
        """The future of the answer, a new one where the old one was cancelled with the task that waited for it."""
        if self.answer.cancelled():
            self.answer = asyncio.get_running_loop().create_future()
        return self.answer


class OutgoingCalls:
    """The open calls of one connection, by id."""

    def __init__(self) -> None:
        self._open: dict[int, OutgoingCall] = {}
        self._last_id = 0
        self._gone: RpcFault | None = None
        self._alarm: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._open)

    def begin(self, method: str, session_id: str | None) -> OutgoingCall:
        """A new call with the next id (integers from 1)."""
        self._last_id += 1
        call = OutgoingCall(self._last_id, method, session_id)
        if self._gone is not None:
            call.settle(self._gone)
        else:
            self._open[call.call_id] = call
        return call

    def end(self, call: OutgoingCall) -> None:
        """Nobody waits for `call` any more; a late answer is dropped."""
        self._open.pop(call.call_id, None)
        if self._alarm is not None and not self._open:
            self._alarm.cancel()
            self._alarm = None

    def limit(self, call: OutgoingCall, timeout_seconds: float) -> None:
        """Have the call end with an `ExpiredError` when its time is over. One timer serves all calls."""
        loop = asyncio.get_running_loop()
        call.deadline = loop.time() + timeout_seconds
        if self._alarm is None or call.deadline < self._alarm.when():
            self._set_alarm(loop, call.deadline)

    def _set_alarm(self, loop: asyncio.AbstractEventLoop, moment: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = loop.call_at(moment, self._expire, loop)

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        self._alarm = None
        due = loop.time() + _CLOCK_SECONDS
        for call in self._open.values():
            if call.deadline <= due:
                call.expire()
        earliest = min((call.deadline for call in self._open.values()), default=math.inf)
        if earliest < math.inf:
            self._set_alarm(loop, earliest)

    def fail_all(self, fault: RpcFault) -> None:
        """The plugin is gone; no call gets an answer, and no new one will."""
        self._gone = fault
        calls, self._open = self._open, {}
        for call in calls.values():
            call.settle(fault)

    def fail(self, call_id: Any, fault: RpcFault) -> bool:
        """One call cannot be answered; whether it was open. Ids of replies are integers: ``"1"`` is none."""
        call = self._open.get(call_id) if type(call_id) is int else None
        if call is not None:
            call.settle(fault)
        return call is not None

    def settle(self, frame: Frame) -> bool:
        """Hand a response to its call; whether it had one."""
        call = self._open.get(frame.id) if type(frame.id) is int else None
        if call is None:
            return False
        if frame.error is not ABSENT and frame.error != _NULL:
            call.settle(decode_fault(frame.error))
        else:
            call.settle(_NULL if frame.result is ABSENT else frame.result)
        return True

    def route(self, method: str, params: msgspec.Raw) -> bool:
        """Hand a notification to the call it belongs to; False when it belongs to none.

        ``$/progress`` names the request. A provider's notes name a session; a session nobody knows belongs to the
        only call that has one (providers make up their own ids).
        """
        call = self._owner(method, params)
        if call is None or call.deliver is None:
            return False
        try:
            call.deliver(method, params)
        except Exception as error:  # noqa: BLE001 - the consumer's bug ends its call, never the reader
            call.settle(error)
        return True

    def _owner(self, method: str, params: msgspec.Raw) -> OutgoingCall | None:
        if not self._open:
            return None
        try:
            address = _address_decoder.decode(params)
        except DECODE_ERRORS:
            return None
        if method == methods.PROGRESS:
            return self._open.get(address.id) if type(address.id) is int else None
        if not isinstance(address.session_id, str):
            return None
        sessions = [call for call in self._open.values() if call.session_id is not None]
        exact = next((call for call in sessions if call.session_id == address.session_id), None)
        return sessions[0] if exact is None and len(sessions) == 1 else exact


@asynccontextmanager
async def within(timeout_seconds: float | None) -> AsyncGenerator[None]:
    """Bound everything in it. Raises: ExpiredError."""
    deadline = asyncio.timeout(timeout_seconds)
    try:
        async with deadline:
            yield
    except TimeoutError:
        if deadline.expired():
            raise ExpiredError from None
        raise


def as_params(params: Any) -> Any:
    """Params as the codec takes them: bytes are JSON already, None is no params."""
    if params is None:
        return msgspec.UNSET
    return msgspec.Raw(params) if isinstance(params, (bytes, bytearray)) else params


@cache
def _known_decoder(method: str) -> "msgspec.json.Decoder[Any]":
    return msgspec.json.Decoder(described(METHODS[method].result_type() or Any))


def result_decoder(method: str) -> "msgspec.json.Decoder[Any]":
    """What decodes the result of `method`: the method table's type, anything for a method it does not know."""
    return _known_decoder(method) if method in METHODS else _any_decoder


def decode_result(decoder: "msgspec.json.Decoder[Any]", raw: msgspec.Raw, method: str, plugin: str) -> Any:
    """Decode a result.

    Raises:
        FatalError: the plugin answered with something else.
    """
    try:
        return decoder.decode(raw)
    except DECODE_ERRORS as error:
        message = f"plugin {plugin!r} answered {method!r} with a result that is none: {error}"
        raise FatalError(message) from error


@asynccontextmanager
async def forwarding(
    call: OutgoingCall, on_note: OnNote | None, on_every_note: Callable[[Note], None] | None
) -> AsyncGenerator[None]:
    """Deliver the call's notes; on leaving without an error all of them have been."""
    is_async = on_note is not None and inspect.iscoroutinefunction(on_note)
    plain = [on_every_note, None if is_async else on_note]
    queue = NoteQueue()
    call.deliver = _delivery([consumer for consumer in plain if consumer is not None], queue if is_async else None)
    if on_note is None or not is_async:
        yield
        return
    forwarder = asyncio.create_task(_forward(queue, on_note, call))
    try:
        yield
        queue.close()
        failure = await forwarder
        if failure is not None:
            raise failure
    finally:
        forwarder.cancel()


def _delivery(plain: Sequence[OnNote], queue: NoteQueue | None) -> Callable[[str, msgspec.Raw], None] | None:
    """What the reader does with a note: tell the plain consumers, fill the queue. None when nobody wants notes."""
    if not plain:
        return None if queue is None else queue.put

    def deliver(method: str, params: msgspec.Raw) -> None:
        for consumer in plain:
            consumer(Note(method, params))
        if queue is not None:
            queue.put(method, params)

    return deliver


async def _forward(queue: NoteQueue, on_note: OnNote, call: OutgoingCall) -> Exception | None:
    while (note := await queue.get()) is not None:
        try:
            waiting = on_note(note)
            if waiting is not None:
                await waiting
        except Exception as error:  # noqa: BLE001 - as in OutgoingCalls.route
            call.settle(error)
            return error
    return None
