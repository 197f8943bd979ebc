"""Calls of the host that have no answer yet, and which of them a notification belongs to."""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import msgspec

from animus_plugin_protocol import methods
from animus_plugin_protocol.codec import DECODE_ERRORS, decode_fault
from animus_plugin_protocol.described import described
from animus_plugin_protocol.errors import ErrorCode, FatalError, RetriableError, RpcFault
from animus_plugin_protocol.frames import ABSENT, Frame
from animus_plugin_protocol.methods import METHODS
from animus_plugin_runtime.answer import Answer
from animus_plugin_runtime.tolerance import read_shape

__all__ = [
    "ExpiredError",
    "OutgoingCall",
    "OutgoingCalls",
    "as_params",
    "decode_result",
    "result_decoder",
    "takes_nothing",
    "timed_out",
    "within",
]

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


class OutgoingCall(Answer):
    """One request and where its answer and notes go."""

    unsent: bytes | None = None
    """The frame, while there is no room for it."""
    deadline = math.inf
    deliver: Callable[[str, msgspec.Raw], None] | None = None

    def __init__(self, loop: asyncio.AbstractEventLoop, call_id: int, session_id: str | None) -> None:
        self.loop = loop
        self.call_id = call_id
        self.session_id = session_id

    def seconds_left(self) -> float | None:
        """Until its time is over; None where it has no bound."""
        return None if self.deadline == math.inf else max(self.deadline - self.loop.time(), 0.0)


class OutgoingCalls:
    """The open calls of one connection, by id."""

    def __init__(self) -> None:
        self._open: dict[int, OutgoingCall] = {}
        self._last_id = 0
        self._gone: RpcFault | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = math.inf

    def __len__(self) -> int:
        return len(self._open)

    @property
    def are_several(self) -> bool:
        """Whether more than one is open."""
        return len(self._open) > 1

    def begin(self, session_id: str | None) -> OutgoingCall:
        """A new call with the next id (integers from 1)."""
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        self._last_id = call_id = self._last_id + 1
        call = OutgoingCall(loop, call_id, session_id)
        if self._gone is not None:
            call.settle(self._gone)
        else:
            self._open[call_id] = call
        return call

    def end(self, call: OutgoingCall) -> None:
        """Nobody waits for `call` any more; a late answer is dropped."""
        self._open.pop(call.call_id, None)

    def limit(self, call: OutgoingCall, timeout_seconds: float) -> None:
        """Have the call end with an `ExpiredError` when its time is over. One timer serves all calls."""
        call.deadline = deadline = call.loop.time() + timeout_seconds
        if deadline < self._alarm_at:
            self._set_alarm(call.loop, deadline)

    def _set_alarm(self, loop: asyncio.AbstractEventLoop, moment: float) -> None:
        """It stays set when its call ends: a timer for each call costs as much as the call's way through the loop."""
        self._stop_alarm()
        self._alarm, self._alarm_at = loop.call_at(moment, self._expire, loop), moment

    def _stop_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm, self._alarm_at = None, math.inf

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        self._stop_alarm()
        due = loop.time() + _CLOCK_SECONDS
        earliest = math.inf
        for call in self._open.values():
            if call.deadline <= due:
                call.expire(ExpiredError())
            else:
                earliest = min(earliest, call.deadline)
        if earliest < math.inf:
            self._set_alarm(loop, earliest)

    def fail_all(self, fault: RpcFault) -> None:
        """The plugin is gone; no call gets an answer, and no new one will.

        A call that was sent may have had effects: its `data` says ``in_flight``, so that the caller can tell.
        """
        self._gone = fault
        self._stop_alarm()
        in_flight = type(fault)(fault.message, code=fault.code, data={**(fault.data or {}), "in_flight": True})
        calls, self._open = self._open, {}
        for call in calls.values():
            call.settle(in_flight if call.unsent is None else fault)

    def fail(self, call_id: Any, fault: RpcFault) -> bool:
        """One call cannot be answered; whether it was open. Ids of replies are integers: ``"1"`` is none."""
        call = self._open.get(call_id) if type(call_id) is int else None
        if call is not None:
            call.settle(fault)
        return call is not None

    def settle(self, frame: Frame) -> bool:
        """Hand a response to its call, whose waiter runs before this returns; whether it had one. Outside of tasks."""
        call = self._open.get(frame.id) if type(frame.id) is int else None
        if call is None:
            return False
        outcome: msgspec.Raw | RpcFault = _NULL if frame.result is ABSENT else frame.result
        if frame.error is not ABSENT and frame.error != _NULL:
            outcome = decode_fault(frame.error)
        call.settle_in_place(outcome)
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
    if isinstance(params, msgspec.Struct):
        return params
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
        return read_shape(decoder, raw)
    except DECODE_ERRORS as error:
        message = f"plugin {plugin!r} answered {method!r} with a result that is none: {error}"
        raise FatalError(message) from error


def timed_out(plugin: str, method: str, timeout_seconds: float | None, bad_lines: str) -> RetriableError:
    """What a call ends with when its time is over."""
    return RetriableError(
        f"plugin {plugin!r} did not answer {method!r} within {timeout_seconds:g} s{bad_lines}",
        code=ErrorCode.TIMEOUT,
        data={"plugin": plugin, "method": method},
    )


def takes_nothing(plugin: str, seconds: float) -> RetriableError:
    """What all calls of a plugin end with that does not read."""
    return RetriableError(
        f"plugin {plugin!r} has taken nothing from its standard input for {seconds:g} s",
        code=ErrorCode.HOST_PLUGIN_DIED,
        data={"plugin": plugin},
    )
