"""A host call that the reader passes on: two frames in, two frames out, and no task in between.

What a call costs beside its four system calls is what is done with it in Python, so the usual one, whose callee runs
and has room and which is about no agent's session, is a few plain calls: params and result pass as bytes, only the
envelopes are written anew. Its notes, its cancellation and a caller that takes nothing get a task when they come.
"""

import asyncio
import contextvars
import itertools
from collections.abc import Callable
from typing import Any, cast

import msgspec

from animus_plugin_protocol import methods
from animus_plugin_protocol.codec import encode_result
from animus_plugin_protocol.errors import RpcFault
from animus_plugin_protocol.wire.host import HostCallParams, HostNote
from animus_plugin_runtime.answer import Answer
from animus_plugin_runtime.connection import Connection
from animus_plugin_runtime.forwarding import Forwarder
from animus_plugin_runtime.inbound import DirectWork, PluginRequest, failure_line
from animus_plugin_runtime.note import Note
from animus_plugin_runtime.outgoing import ExpiredError, OutgoingCall, timed_out, within
from animus_plugin_runtime.run_stream import RunStream

__all__ = ["NoteSender", "Relay", "with_via"]

_CONTEXT = contextvars.Context()
"""Of every relay: there is nobody whose context would matter."""


class Relay(DirectWork):
    """One call from `caller` to `callee`.

    Args:
        caller: who asks.
        request: what it asks with.
        callee: who answers; it can be called now.
        params: the decoded params of the request.
        depth: how deep in a chain of calls it is.
        left: told caller, callee and depth once the call is over.
        open_stream: where the notes of a callee in a run are kept; asked with the first of them.
    """

    # Defaults of the class: what a call does not use costs it nothing.
    _call: OutgoingCall | None = None
    _forwarder: Forwarder | None = None
    _stream: RunStream | None = None
    _finishing: asyncio.Task[None] | None = None
    _is_over = False
    _has_left = False

    def __init__(
        self,
        caller: Connection,
        request: PluginRequest,
        callee: Connection,
        params: HostCallParams,
        depth: int,
        left: Callable[[str, str, int], None],
        open_stream: Callable[[str, str | None], RunStream],
    ) -> None:
        self._caller, self._request, self._callee, self._params = caller, request, callee, params
        self._depth, self._left, self._open_stream = depth, left, open_stream
        self._seconds = None if params.timeout_ms is None else params.timeout_ms / 1000

    def begin(self, answer: Callable[[bytes, bytes], None], key: bytes) -> None:
        """See `DirectWork`."""
        self._answer, self._key = answer, key
        try:
            call = self._call = self._callee.start_call(self._params.method, self._params.params, self._seconds)
        except RpcFault as fault:
            self._end(self._fault(fault))
            return
        call.deliver = self._hear
        if call.is_settled:  # the callee is gone
            self._conclude()
        else:
            call.add_done_callback(self._wake, context=_CONTEXT)

    def give_up(self) -> None:
        """See `DirectWork`."""
        self._close()
        if self._call is not None:
            self._callee.cancel_call(self._call)

    async def wait_stopped(self) -> None:
        """See `DirectWork`."""
        if self._call is not None:
            await self._callee.wait_cancelled(self._call)

    def forget(self) -> None:
        """See `DirectWork`."""
        if self._call is not None:
            self._callee.forget_call(self._call)
            self._call = None
        self._leave()

    def _hear(self, method: str, params: msgspec.Raw) -> None:
        """A note: kept as it comes, and sent from a queue, because the caller may be slow."""
        if self._is_over or self._call is None:
            return
        if self._forwarder is None or self._stream is None:
            self._stream = self._open_stream(self._callee.plugin, self._params.run_id)
            self._forwarder = Forwarder(self._call, NoteSender(self._caller, self._request.id).send)
        self._stream.write(Note(method, params))
        self._forwarder.put(method, params)

    def _wake(self, _: Answer) -> None:
        if self._is_over:
            return
        if self._forwarder is None:
            self._conclude()
        else:
            self._finishing = asyncio.create_task(self._conclude_after_notes(self._forwarder))

    async def _conclude_after_notes(self, forwarder: Forwarder) -> None:
        failure: RpcFault | None = None
        try:
            async with within(None if self._call is None else self._call.seconds_left()):
                await forwarder.finish()
        except ExpiredError:
            failure = timed_out(self._callee.plugin, self._params.method, self._seconds, "")
        except RpcFault as fault:
            failure = fault
        self._conclude(failure)

    def _conclude(self, failure: RpcFault | None = None) -> None:
        request, call = self._request, self._call
        if self._is_over or call is None:
            return
        try:
            result = self._callee.finish_call(call, self._params.method, self._seconds)
            line = encode_result(request.id, result, request.method) if failure is None else self._fault(failure)
        except Exception as error:  # noqa: BLE001 - the reader goes on, whatever a call ends with
            line = self._fault(error)
        self._end(line)

    def _fault(self, error: Exception) -> bytes:
        if isinstance(error, RpcFault):
            with_via(error, self._params.kind, self._callee.plugin)
        return failure_line(self._caller.plugin, self._request, error)

    def _end(self, line: bytes) -> None:
        self._close()
        self._leave()
        self._call = None  # it knows us; without the circle both are gone at once
        self._answer(self._key, line)

    def _close(self) -> None:
        self._is_over = True
        if self._forwarder is not None:
            self._forwarder.stop()
        if self._stream is not None:
            self._stream.close()

    def _leave(self) -> None:
        """Count no more; a call that was given up counts for as long as its callee may still work on it."""
        if not self._has_left:
            self._has_left = True
            self._left(self._caller.plugin, self._callee.plugin, self._depth)


class NoteSender:
    """Sends the notes of a call to its caller, numbered from 1."""

    def __init__(self, caller: Connection, request_id: object) -> None:
        self._caller, self._call_id, self._numbers = caller, str(request_id), itertools.count(1)

    async def send(self, note: Note) -> None:
        """One note, once there is room for it."""
        seq, dropped = next(self._numbers), note.dropped or None
        wire = HostNote(id=self._call_id, seq=seq, method=note.method, params=note.params, dropped=dropped)
        await self._caller.send_note(methods.HOST_NOTE, wire)


def with_via(fault: RpcFault, kind: str, plugin: str) -> RpcFault:
    """The fault of a callee as its caller sees it: it says who answered."""
    data: Any = fault.data
    said = cast("dict[str, Any]", data) if isinstance(data, dict) else {"data": data}
    fault.data = said | {"via": {"kind": kind, "name": plugin}}
    return fault
