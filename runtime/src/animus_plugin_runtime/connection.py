"""One plugin that can be called.

Promises: ids, deadlines, cancellation, notes in order before their answer, and a reader that never waits for anybody:
whatever is slow waits in a queue of its own call, and only those who write wait for room (a plugin that writes before
it reads cannot block another one). Results and params pass as bytes. Starting and ending the process is the owner's.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import msgspec

from animus_plugin_protocol import methods
from animus_plugin_protocol.codec import encode_notification, encode_request
from animus_plugin_protocol.errors import ErrorCode, RetriableError, RpcFault
from animus_plugin_protocol.frames import ABSENT, Frame, OversizedLine
from animus_plugin_protocol.wire.lifecycle import CancelParams, InitializeResult
from animus_plugin_runtime.channel import Channel
from animus_plugin_runtime.forwarding import OnNote, forwarding
from animus_plugin_runtime.inbound import DirectWork, InboundRequests, PluginRequest
from animus_plugin_runtime.incoming import IncomingLines
from animus_plugin_runtime.note import Note
from animus_plugin_runtime.observer import FrameObserver, Observers
from animus_plugin_runtime.outgoing import (
    ExpiredError,
    OutgoingCall,
    OutgoingCalls,
    as_params,
    decode_result,
    result_decoder,
    takes_nothing,
    timed_out,
    within,
)
from animus_plugin_runtime.outgoing_lines import OutgoingLines
from animus_plugin_runtime.subscription import Subscribers
from animus_plugin_runtime.traffic import Quota, Traffic

__all__ = ["CANCEL_SECONDS", "WRITE_SECONDS", "Connection", "OnRequest"]

CANCEL_SECONDS = 10.0
"""How long a cancelled call waits for the plugin to say that it has stopped."""

WRITE_SECONDS = 30.0
"""A plugin that takes nothing from its standard input for this long counts as dead."""

OnRequest = Callable[["Connection", PluginRequest], "Coroutine[Any, Any, Any] | DirectWork"]
"""Serves what the plugin asks its host; see `Serve`."""

_EMPTY = msgspec.Raw(b"{}")
_FROM_TABLE: Any = object()
_QUOTA = Quota()


class Connection:
    """Calls to one plugin process, for as long as it lives.

    Attributes:
        plugin: its name.
        pid: its process; None for a plugin in this process.
        initialize_result: what it answered to the handshake.
        end_reason: why the host itself ended it, if it did.
        bad_lines: lines it wrote that are no frames.
        traffic: what went over it, and the last frames of it.
    """

    def __init__(
        self,
        plugin: str,
        *,
        pid: int | None = None,
        on_request: "OnRequest | None" = None,
        observers: tuple[FrameObserver, ...] = (),
        quota: Quota = _QUOTA,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.plugin, self.pid = plugin, pid
        self.initialize_result: InitializeResult | None = None
        self._ended = asyncio.Event()
        self.channel = Channel(self._on_lines, self._ended.set)
        self.traffic = Traffic(quota, monotonic)
        seen_by = Observers(plugin, observers)
        self._calls = OutgoingCalls()
        self.forget_call = self._calls.end
        self._lines = OutgoingLines(self.channel, self.traffic, seen_by, self._calls)
        self._write = self._lines.write
        self._incoming = IncomingLines(plugin, seen_by, self.traffic.tail, self._on_frame, self._calls.fail)
        self.bad_lines = self._incoming.bad
        serve = None if on_request is None else partial(on_request, self)
        self._requests = InboundRequests(plugin, serve, self._send, self._offer)
        self._subscribers = Subscribers(plugin)
        self._fault: RpcFault | None = None
        self.end_reason: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether the plugin can be called."""
        return self._fault is None and not self.channel.has_ended

    @property
    def outbound_bytes(self) -> int:
        """What was written and the plugin has not taken yet."""
        return self.channel.outbound_bytes

    async def call(
        self,
        method: str,
        params: Any = None,
        *,
        result_type: Any = _FROM_TABLE,
        timeout_seconds: float | None,
        on_note: OnNote | None = None,
        session_id: str | None = None,
    ) -> Any:
        """As `call_raw`, with a decoded result.

        `result_type` is what to decode: the method table's type when left out, anything for methods it does not know.

        Raises:
            FatalError: the result is of another type.
        """
        raw = await self.call_raw(
            method, params, timeout_seconds=timeout_seconds, on_note=on_note, session_id=session_id
        )
        decoder = result_decoder(method) if result_type is _FROM_TABLE else msgspec.json.Decoder(result_type)
        return decode_result(decoder, raw, method, self.plugin)

    async def call_raw(
        self,
        method: str,
        params: Any = None,
        *,
        timeout_seconds: float | None = None,
        on_note: OnNote | None = None,
        on_every_note: Callable[[Note], None] | None = None,
        session_id: str | None = None,
    ) -> msgspec.Raw:
        """Send a request and return the bytes of its result.

        Cancelling the task sends ``$/cancelRequest`` and, where the plugin says it cancels, waits for that, bounded.

        Args:
            method: any method.
            params: a struct, raw JSON bytes, or None for no params.
            timeout_seconds: None waits for as long as the plugin lives.
            on_note: gets the notes of this call, all before the result; an async one behind a queue (see `NoteQueue`).
            on_every_note: called by the reader with each note, before any queue; it must not take long.
            session_id: notes with this session id belong to this call.

        Raises:
            RetriableError: the time is over (-32003) or the plugin has died (-32502).
            RpcFault: what the plugin answered.
        """
        call = self.start_call(method, as_params(params), timeout_seconds, session_id)
        try:
            if call.unsent is None and on_note is None and on_every_note is None:
                return await call
            async with forwarding(call, on_note, on_every_note):
                if call.unsent is not None:
                    async with within(timeout_seconds):
                        await self._send(call.unsent)
                    call.unsent = None
                return await call
        except ExpiredError:
            self.cancel_call(call)
            raise timed_out(self.plugin, method, timeout_seconds, self.bad_lines.report()) from None
        except asyncio.CancelledError:
            self.cancel_call(call)
            await self.wait_cancelled(call)
            raise
        finally:
            self._calls.end(call)

    def start_call(
        self, method: str, params: Any, timeout_seconds: float | None, session_id: str | None = None
    ) -> OutgoingCall:
        """The first half of `call_raw`, for whoever does without a task and calls `finish_call` or `forget_call`.

        The call has its outcome already where the plugin is gone, and is `unsent` where it has no room.

        Raises:
            RpcFault: the params do not fit into a frame.
        """
        call = self._calls.begin(session_id)
        try:
            data = encode_request(call.call_id, method, params)
        except BaseException:
            self.forget_call(call)
            raise
        if not self._offer(data):
            call.unsent = data
        if timeout_seconds is not None:
            self._calls.limit(call, timeout_seconds)
        return call

    def finish_call(self, call: OutgoingCall, method: str, timeout_seconds: float | None) -> msgspec.Raw:
        """The result of a call that has an outcome. Raises: RpcFault: as `call_raw`."""
        self._calls.end(call)
        try:
            return call.result()
        except ExpiredError:
            self.cancel_call(call)
            raise timed_out(self.plugin, method, timeout_seconds, self.bad_lines.report()) from None

    def cancel_call(self, call: OutgoingCall) -> None:
        """Tell the plugin that nobody wants the answer any more."""
        if call.unsent is None and not call.is_settled and self.is_open:
            self.notify(methods.CANCEL_REQUEST, CancelParams(id=call.call_id))

    async def wait_cancelled(self, call: OutgoingCall) -> None:
        """Return when a cancelled call has stopped, if the plugin says that it cancels; bounded."""
        known = self.initialize_result
        if known is not None and known.capabilities.cancellation and call.unsent is None and not call.is_settled:
            await call.wait_settled(CANCEL_SECONDS)

    def notify(self, method: str, params: Any = None) -> None:
        """Send a notification without waiting; look at `outbound_bytes` before sending many."""
        self._write(encode_notification(method, as_params(params)))

    async def send_note(self, method: str, params: Any = None) -> None:
        """Send a notification once there is room.

        Raises:
            RetriableError: the plugin takes nothing any more.
        """
        await self._send(encode_notification(method, as_params(params)))

    def subscribe(self, callback: Callable[[str, msgspec.Raw], None]) -> Callable[[], None]:
        """Have `callback` see the notifications that belong to no call; the returned function ends that."""
        return self._subscribers.add(callback)

    def fail(self, fault: RpcFault) -> None:
        """The owner says that the plugin is gone: every call ends with `fault`, now and later."""
        if self._fault is None:
            self._fault = fault
            self._calls.fail_all(fault)
            self.channel.abort()

    async def close(self) -> None:
        """After `fail`: end the work that was done for the plugin's own requests."""
        await self._requests.close()

    async def wait_ended(self) -> None:
        """Return when the plugin can no longer be spoken to."""
        await self._ended.wait()

    @property
    def work(self) -> int:
        """Calls that have no answer yet, in both directions."""
        return len(self._calls) + len(self._requests)

    @property
    def is_watched(self) -> bool:
        """Whether somebody listens to what belongs to no call."""
        return bool(self._subscribers)

    def _offer(self, data: bytes) -> bool:
        may_write = self.channel.has_room and self._fault is None
        if may_write:
            self._write(data)
        return may_write

    async def _send(self, data: bytes) -> None:
        if not (self.channel.has_room or await self._lines.wait_room(WRITE_SECONDS)):
            self.fail(takes_nothing(self.plugin, WRITE_SECONDS))
        if self._fault is not None:
            raise self._fault
        self._write(data)

    def _on_lines(self, lines: list[bytes | OversizedLine], head: bytes, size: int) -> None:
        excess = self.traffic.hear(size, len(lines))
        if excess is not None:
            self._end_excess(excess)
        self._incoming.read(lines, head)

    def _on_frame(self, frame: Frame) -> None:
        if frame.method is msgspec.UNSET:
            self._calls.settle(frame)
        elif frame.wants_reply:
            excess = self.traffic.be_asked()
            if excess is not None:
                self._end_excess(excess)
            self._requests.start(frame)
        else:
            self._on_notification(frame)

    def _end_excess(self, excess: str) -> None:
        if self._fault is None:
            self.end_reason = excess
            self.fail(RetriableError(f"plugin {self.plugin!r} was ended: {excess}", code=ErrorCode.HOST_OVERLOADED))

    def _on_notification(self, frame: Frame) -> None:
        params = _EMPTY if frame.params is ABSENT else frame.params
        if frame.method == methods.CANCEL_REQUEST:
            self._requests.cancel(params)
        elif not self._calls.route(frame.method, params):
            self._subscribers.tell(frame.method, params)
