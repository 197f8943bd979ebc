"""Requests of the plugin to its host, each served by a task of its own."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec

from animus_plugin_protocol.codec import DECODE_ERRORS, encode_error, encode_fault, encode_result, request_key
from animus_plugin_protocol.errors import ErrorCode, RpcFault
from animus_plugin_protocol.frames import ABSENT, Frame

__all__ = ["REQUESTS_LIMIT", "InboundRequests", "PluginRequest"]

REQUESTS_LIMIT = 1024
"""Requests of one plugin that may be served at once."""

_EMPTY = msgspec.Raw(b"{}")


class PluginRequest(msgspec.Struct, frozen=True):
    """A request of the plugin; params are as they came."""

    id: Any
    method: str
    params: msgspec.Raw


class _Target(msgspec.Struct):
    id: Any


_target_decoder = msgspec.json.Decoder(_Target)


class InboundRequests:
    """The requests of one connection that have no answer yet.

    Args:
        plugin: its name, for errors.
        serve: gives the result; an `RpcFault` it raises is the answer.
        send: writes a frame once there is room.
    """

    def __init__(
        self,
        plugin: str,
        serve: Callable[[PluginRequest], Awaitable[Any]] | None,
        send: Callable[[bytes], Coroutine[Any, Any, None]],
    ) -> None:
        self._plugin = plugin
        self._serve = serve
        self._send = send
        self._tasks: dict[bytes, asyncio.Task[None]] = {}
        self._refusals: set[asyncio.Task[None]] = set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, frame: Frame) -> None:
        """Serve a request; never waits."""
        key = request_key(frame.id)
        refusal = self._refusal(key, frame.method)
        if refusal is not None:
            self._refuse(frame.id, *refusal)
            return
        params = _EMPTY if frame.params is ABSENT else frame.params
        request = PluginRequest(frame.id, frame.method, params)
        task = asyncio.create_task(self._answer(request), name=f"{self._plugin} {frame.method}")
        self._tasks[key] = task
        task.add_done_callback(lambda done: self._settle(key, request, done))

    def cancel(self, params: msgspec.Raw) -> None:
        """Params of ``$/cancelRequest``: the plugin does not want that answer; it gets -32002 when the work stopped."""
        try:
            target = _target_decoder.decode(params)
        except DECODE_ERRORS:
            return
        task = self._tasks.get(request_key(target.id))
        if task is not None:
            task.cancel()

    async def close(self) -> None:
        """Cancel everything and wait for it: the plugin is gone."""
        self._closed = True
        tasks = [*self._tasks.values(), *self._refusals]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

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
        if key in self._tasks:
            return ErrorCode.INVALID_REQUEST, f"a request with the id {key.decode()} is still being served"
        if len(self._tasks) >= REQUESTS_LIMIT:
            return ErrorCode.HOST_OVERLOADED, f"{self._plugin!r} has {REQUESTS_LIMIT} requests open; wait for answers"
        return None

    async def _answer(self, request: PluginRequest) -> None:
        if self._serve is None:
            return
        try:
            result = await self._serve(request)
            raw = msgspec.Raw(result) if isinstance(result, (bytes, bytearray)) else result
            reply = encode_result(request.id, raw, request.method)
        except RpcFault as fault:
            reply = encode_fault(request.id, fault)
        except Exception as error:  # noqa: BLE001 - a bug in the host answers this request and is reported
            asyncio.get_running_loop().call_exception_handler(
                {"message": f"serving {request.method!r} for plugin {self._plugin!r} failed", "exception": error}
            )
            reply = encode_error(request.id, ErrorCode.INTERNAL_ERROR, f"the host failed: {type(error).__name__}")
        await self._send(reply)
