"""Requests of the plugin to its host, each served by a task of its own, or by the reader if nothing has to wait."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from animus_plugin_protocol.codec import DECODE_ERRORS, encode_error, encode_fault, encode_result, request_key
from animus_plugin_protocol.errors import ErrorCode, RpcFault
from animus_plugin_protocol.frames import ABSENT, Frame

__all__ = ["REQUESTS_LIMIT", "DirectWork", "InboundRequests", "PluginRequest", "Serve", "failure_line"]

REQUESTS_LIMIT = 1024
"""Requests of one plugin that may be served at once."""

_EMPTY = msgspec.Raw(b"{}")


class PluginRequest(msgspec.Struct, frozen=True):
    """A request of the plugin; params are as they came."""

    id: Any
    method: str
    params: msgspec.Raw


class DirectWork:
    """A request that is served without a task; what is returned in place of a coroutine."""

    def begin(self, answer: Callable[[bytes, bytes], None], key: bytes) -> None:
        """Do it; `answer` is called once with `key` and the frame that answers the request, unless it is given up."""
        raise NotImplementedError

    def give_up(self) -> None:
        """Nobody wants the answer; `answer` is not called any more."""
        raise NotImplementedError

    async def wait_stopped(self) -> None:
        """Return when the work that was given up has stopped; bounded."""
        raise NotImplementedError

    def forget(self) -> None:
        """Nobody waits for that any more either."""
        raise NotImplementedError


Serve = Callable[[PluginRequest], "Coroutine[Any, Any, Any] | DirectWork"]
"""Gives the result, or the work that answers by itself; an `RpcFault` that is raised is the answer."""


class _Target(msgspec.Struct):
    id: Any


_target_decoder = msgspec.json.Decoder(_Target)


class InboundRequests:
    """The requests of one connection that have no answer yet.

    Args:
        plugin: its name, for errors.
        serve: see `Serve`.
        send: writes a frame once there is room.
        offer: writes a frame if there is room now; whether there was.
    """

    def __init__(
        self,
        plugin: str,
        serve: Serve | None,
        send: Callable[[bytes], Coroutine[Any, Any, None]],
        offer: Callable[[bytes], bool],
    ) -> None:
        self._plugin = plugin
        self._serve = serve
        self._send, self._offer = send, offer
        self._tasks: dict[bytes, asyncio.Task[None]] = {}
        self._direct: dict[bytes, tuple[PluginRequest, DirectWork]] = {}
        self._refusals: set[asyncio.Task[None]] = set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._tasks) + len(self._direct)

    def start(self, frame: Frame) -> None:
        """Serve a request; never waits."""
        key = request_key(frame.id)
        refusal = self._refusal(key, frame.method)
        if refusal is not None:
            self._refuse(frame.id, *refusal)
            return
        params = _EMPTY if frame.params is ABSENT else frame.params
        request = PluginRequest(frame.id, frame.method, params)
        if self._serve is None:
            return
        try:
            work = self._serve(request)
        except Exception as error:  # noqa: BLE001 - as in _answer
            self._run(key, request, self._send(failure_line(self._plugin, request, error)))
            return
        if isinstance(work, DirectWork):
            self._direct[key] = request, work
            work.begin(self._answer_directly, key)
        else:
            self._run(key, request, self._answer(request, work), work.close)

    def cancel(self, params: msgspec.Raw) -> None:
        """Params of ``$/cancelRequest``: the plugin does not want that answer; it gets -32002 when the work stopped."""
        try:
            target = _target_decoder.decode(params)
        except DECODE_ERRORS:
            return
        key = request_key(target.id)
        if key in self._direct:
            self._give_up(key)
        elif key in self._tasks:
            self._tasks[key].cancel()

    async def close(self) -> None:
        """Cancel everything and wait for it: the plugin is gone."""
        self._closed = True
        for task in (*self._tasks.values(), *self._refusals):
            task.cancel()
        for key in list(self._direct):
            self._give_up(key)
        await asyncio.gather(*self._tasks.values(), *self._refusals, return_exceptions=True)

    def _run(
        self,
        key: bytes,
        request: PluginRequest,
        work: Coroutine[Any, Any, None],
        close: Callable[[], None] = lambda: None,
    ) -> None:
        task = self._tasks[key] = asyncio.create_task(work, name=f"{self._plugin} {request.method}")

        def settle(done: "asyncio.Task[None]") -> None:
            close()  # also when it was cancelled before it had begun
            self._settle(key, request, done)

        task.add_done_callback(settle)

    def _answer_directly(self, key: bytes, line: bytes) -> None:
        request, _ = self._direct.pop(key)
        if not self._offer(line):
            self._run(key, request, self._send(line))  # it stays one of those that are counted until it is sent

    def _give_up(self, key: bytes) -> None:
        request, work = self._direct.pop(key)
        work.give_up()
        self._run(key, request, self._stop(request, work), work.forget)

    async def _stop(self, request: PluginRequest, work: DirectWork) -> None:
        await work.wait_stopped()
        if not self._closed:
            message = f"{request.method!r} was cancelled"
            await self._send(encode_error(request.id, ErrorCode.REQUEST_CANCELLED, message))

    def _settle(self, key: bytes, request: PluginRequest, done: "asyncio.Task[None]") -> None:
        self._tasks.pop(key, None)
        # Also when it was cancelled before it had begun, which is why this is not an except clause of the task.
        if done.cancelled() and not self._closed:
            self._refuse(request.id, ErrorCode.REQUEST_CANCELLED, f"{request.method!r} was cancelled")

    def _refuse(self, request_id: Any, code: int, message: str) -> None:
        if len(self._refusals) < REQUESTS_LIMIT:
            task = asyncio.create_task(self._send(encode_error(request_id, code, message)))
            self._refusals.add(task)
            task.add_done_callback(self._refusals.discard)

    def _refusal(self, key: bytes, method: str) -> tuple[int, str] | None:
        if self._serve is None:
            return ErrorCode.METHOD_NOT_FOUND, f"this host answers no requests, {method!r} neither"
        if key in self._tasks or key in self._direct:
            return ErrorCode.INVALID_REQUEST, f"a request with the id {key.decode()} is still being served"
        if len(self) >= REQUESTS_LIMIT:
            return ErrorCode.HOST_OVERLOADED, f"{self._plugin!r} has {REQUESTS_LIMIT} requests open; wait for answers"
        return None

    async def _answer(self, request: PluginRequest, work: Coroutine[Any, Any, Any]) -> None:
        try:
            result = await work
            raw = msgspec.Raw(result) if isinstance(result, (bytes, bytearray)) else result
            reply = encode_result(request.id, raw, request.method)
        except Exception as error:  # noqa: BLE001 - a bug in the host answers this request and is reported
            reply = failure_line(self._plugin, request, error)
        await self._send(reply)


def failure_line(plugin: str, request: PluginRequest, error: Exception) -> bytes:
    """The frame that answers a request of `plugin` which failed; a bug of the host is reported besides."""
    if isinstance(error, RpcFault):
        return encode_fault(request.id, error)
    asyncio.get_running_loop().call_exception_handler(
        {"message": f"serving {request.method!r} for plugin {plugin!r} failed", "exception": error}
    )
    return encode_error(request.id, ErrorCode.INTERNAL_ERROR, f"the host failed: {type(error).__name__}")
