"""The engine: lines in, replies out. It knows no threads and no asyncio; a `Scheduler` lends it those.

What the reader itself answers (handshake, ``$/ping``, ``health/check``, cancellation) is answered while handlers
work. Inline requests that arrived in one read are handled together, flushed once and answered together.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

import msgspec

from animus_plugin_protocol import methods
from animus_plugin_protocol._call import Call, error_reply, report_exception, report_line
from animus_plugin_protocol._cancellation import CancelToken
from animus_plugin_protocol._declaration import Declaration, Route
from animus_plugin_protocol._ending import FINISH_SECONDS, Ending
from animus_plugin_protocol._handshake import Handshake
from animus_plugin_protocol._plain import Answered, PlainRequest, PlainRequests, Request, plain_request
from animus_plugin_protocol._running import Running
from animus_plugin_protocol._session import Session
from animus_plugin_protocol.codec import decode_line, decode_params, encode_error, encode_result
from animus_plugin_protocol.context import Context
from animus_plugin_protocol.errors import Cancelled, ErrorCode, HostGoneError, RefusedError
from animus_plugin_protocol.frames import Frame, OversizedLine
from animus_plugin_protocol.wire.lifecycle import CancelParams, HealthCheckResult

__all__ = ["Engine", "Scheduler", "ShortWay"]

ShortWay = Callable[[PlainRequest, list[bytes | None], list[Answered]], bool]
"""Answers a usual request into the replies; False leaves it to the long way."""

_EMPTY: Final[dict[str, Any]] = {}
_HEALTHY: Final = "healthy"
_UNHEALTHY: Final = "unhealthy"
_cancel_decoder: Final = msgspec.json.Decoder(CancelParams)


class Scheduler(Protocol):
    """What a loop does for the engine."""

    def start(self, call: Call) -> bool:
        """Have a handler work off the reader; False when too many wait."""
        ...

    def deliverer(self, route: Route) -> Callable[[Callable[[], object]], object]:
        """What runs the cancellation callbacks of a handler, off the reader."""
        ...

    def defer(self, job: Callable[[], object]) -> None:
        """Have a job of the engine run off the reader, at once."""
        ...

    def run_hook(self, hook: Callable[[], Any], timeout_seconds: float) -> None:
        """Run a callback, async or not, and wait for it; called off the reader."""
        ...


class Engine:
    """One connection's routing.

    Attributes:
        handshake: where it stands.
        running: the requests whose handlers work off the reader.
        is_stopped: the host has said ``exit``.
    """

    def __init__(self, declaration: Declaration, session: Session, scheduler: Scheduler) -> None:
        self._declaration = declaration
        self._session = session
        self._scheduler = scheduler
        self.running = Running()
        self.handshake = Handshake(declaration, session)
        self._plain = PlainRequests(is_flushed=bool(declaration.hooks.on_flush))
        self._ending = Ending(self.running, session.outbox, declaration.hooks.on_shutdown, scheduler.run_hook)
        self._own: dict[str, Callable[[Request], bytes | None]] = {
            methods.INITIALIZE: self.handshake.initialize,
            methods.INITIALIZED: self._initialized,
            methods.PING: self._ping,
            methods.HEALTH_CHECK: self._health,
            methods.CANCEL_REQUEST: self._cancel,
            methods.SHUTDOWN: self._shutdown,
            methods.EXIT: self._exit,
            methods.HOST_NOTE: self._host_note,
        }
        self.is_stopped = False
        self._is_shutting_down = False

    def receive(
        self,
        lines: Iterable[bytes | OversizedLine],
        answer: ShortWay | None = None,
        replies: list[bytes | None] | None = None,
    ) -> None:
        """Handle the lines of one read, in order, and write what the reader answers in one write.

        Args:
            lines: they are taken from an iterator one by one, so that another reader may go on with it.
            answer: what is asked first for each usual request; left out, what knows the inline handlers.
            replies: where the replies are gathered; for a caller that may have to write them itself.
        """
        answer = self._plain.answer if answer is None else answer
        replies = [] if replies is None else replies
        inline: list[Answered] = []
        for line in lines:
            request = plain_request(line) if isinstance(line, bytes) else None
            if request is None:
                self._receive_line(line, replies, inline)
            elif not answer(request, replies, inline):
                self._route(request, replies, inline)
            if self.is_stopped:
                break
        if inline:
            self._flush(replies, inline)
        self.write(replies)
        if self._is_shutting_down:
            # Only now: the callbacks close what the inline requests of the same read have just used.
            self._is_shutting_down = False
            self._scheduler.defer(self._ending.stop_work)

    def write(self, replies: list[bytes | None]) -> None:
        """Write what the reader has answered."""
        data = replies[0] if len(replies) == 1 else b"".join([reply for reply in replies if reply is not None])
        if data:
            self._session.outbox.put(data)

    def adopt(self, route: Route, request: Request, call: Call | None) -> Call:
        """A handler that the reader began goes on off it: its request can be cancelled from now on."""
        call = self.call(route, request) if call is None else call
        self.running.add(call)
        return call

    def host_is_gone(self) -> None:
        """The host closed stdin, or sent ``exit``: nothing is asked of it any more. Called on the reader."""
        self.handshake.close()
        self._plain.forget()
        self._session.host_calls.fail_all(HostGoneError("the host is gone: it ended the connection"))

    def wind_down(self) -> bool:
        """End in bounded time, off the reader; False when handlers are still at work."""
        is_idle = self._ending.stop_work(finish_seconds=0.0 if self.is_stopped else FINISH_SECONDS)
        self._ending.close()
        return is_idle

    def _receive_line(self, line: bytes | OversizedLine, replies: list[bytes | None], inline: list[Answered]) -> None:
        frame = line.as_bad_frame() if isinstance(line, OversizedLine) else decode_line(line)
        if isinstance(frame, Frame):
            if frame.method is msgspec.UNSET:
                self._settle(frame)
            else:
                self._route(frame, replies, inline)
        elif frame is not None:
            replies.append(encode_error(frame.id, frame.code, frame.message))

    def _route(self, frame: Request, replies: list[bytes | None], inline: list[Answered]) -> None:
        route = self._declaration.routes.get(frame.method)
        if route is None:
            own = self._own.get(frame.method)
            if own is not None:
                replies.append(own(frame))
            elif frame.wants_reply:
                replies.append(self._not_found(frame))
        elif not self.handshake.is_open:
            if frame.wants_reply:
                replies.append(self._not_initialized(frame))
        elif route.inline:
            self._run_inline(route, frame, replies, inline)
        else:
            replies.append(self._start(route, frame))

    def call(self, route: Route, frame: Request) -> Call:
        """What a handler needs to work off the reader."""
        request_id = frame.id if frame.wants_reply else None
        return Call(self._session, route, request_id, frame.params, self._scheduler.deliverer(route))

    def _run_inline(self, route: Route, frame: Request, replies: list[bytes | None], inline: list[Answered]) -> None:
        """No table, no token but for a handler that asks for its context."""
        self._plain.learn(route)
        request_id = None if frame.id is msgspec.UNSET else frame.id
        context: Context | None = None
        try:
            params = route.decode(frame.params)
            if route.wants_context:
                context = self._inline_context(route, request_id, frame.params)
                result = route.handler(params, context)
            else:
                result = route.handler(params)
            reply = None if request_id is None else encode_result(request_id, result, route.method)
        except (Exception, Cancelled, SystemExit) as error:  # noqa: BLE001 - only KeyboardInterrupt ends the process
            reply = error_reply(request_id, route.method, error)
        inline.append((len(replies), request_id, route.method, context))
        replies.append(reply)

    def _inline_context(self, route: Route, request_id: Any, params: msgspec.Raw) -> Context:
        return Context(
            self._session,
            CancelToken(self._scheduler.deliverer(route)),
            request_id=request_id,
            method=route.method,
            subject_kind=route.subject_kind,
            raw_params=params,
            is_on_reader=True,
        )

    def _start(self, route: Route, frame: Request) -> bytes | None:
        call = self.call(route, frame)
        if not self.running.add(call):
            return encode_error(
                frame.id, ErrorCode.INVALID_REQUEST, f"a request with id {frame.id!r} is running: use another id"
            )
        if self._scheduler.start(call):
            return None
        call.finish(
            None
            if call.request_id is None
            else encode_error(
                call.request_id,
                ErrorCode.TIMEOUT,
                f"plugin {self._declaration.info.name!r} is overloaded: try {frame.method!r} again later",
                {"category": "unavailable"},
            )
        )
        return None

    def _flush(self, replies: list[bytes | None], inline: list[Answered]) -> None:
        """Make the batch durable; when that fails, no reply of it may say that it is."""
        try:
            for hook in self._declaration.hooks.on_flush:
                hook()
        except Exception as error:  # noqa: BLE001 - whatever a store raises becomes the reply of the batch
            for position, request_id, method, _ in inline:
                replies[position] = error_reply(request_id, method, error)
        for _, _, _, context in inline:
            if context is not None:
                context.closed = True

    def _settle(self, frame: Frame) -> None:
        if not self._session.host_calls.settle(frame):
            report_line(f"a response with id {frame.id!r} answers nothing that was asked; dropped")

    def _not_found(self, frame: Request) -> bytes:
        name = self._declaration.info.name
        return encode_error(
            frame.id,
            ErrorCode.METHOD_NOT_FOUND,
            f"plugin {name!r} has no method {frame.method[:200]!r}; its manifest lists what it serves",
        )

    def _not_initialized(self, frame: Request) -> bytes:
        return encode_error(
            frame.id,
            ErrorCode.PLUGIN_NOT_INITIALIZED,
            f"plugin {self._declaration.info.name!r} serves {frame.method!r} between 'initialized' and 'shutdown' only",
        )

    def _initialized(self, frame: Request) -> bytes | None:
        self.handshake.initialized()
        # A notification; a host that makes it a request waits for something.
        return encode_result(frame.id, _EMPTY, methods.INITIALIZED) if frame.wants_reply else None

    def _ping(self, frame: Request) -> bytes | None:
        return encode_result(frame.id, _EMPTY, methods.PING) if frame.wants_reply else None

    def _health(self, frame: Request) -> bytes | None:
        if not frame.wants_reply:
            return None
        hook = self._declaration.hooks.on_health
        try:
            health = HealthCheckResult(status=_HEALTHY) if hook is None else hook()
        except Exception as error:  # noqa: BLE001 - a check that fails is an answer
            report_exception("the on_health callback failed", error)
            health = HealthCheckResult(
                status=_UNHEALTHY, last_error=f"the health check failed with {type(error).__name__}"
            )
        uptime = round((self._session.clock() - self._session.started_at) * 1000)
        try:
            known = health if health.uptime_ms is not None else msgspec.structs.replace(health, uptime_ms=uptime)
            return encode_result(frame.id, known, methods.HEALTH_CHECK)
        except Exception as error:  # noqa: BLE001 - as above: the hook returned something else
            return error_reply(frame.id, methods.HEALTH_CHECK, error)

    def _cancel(self, frame: Request) -> None:
        try:
            params: CancelParams = decode_params(_cancel_decoder, frame.params, methods.CANCEL_REQUEST)
        except RefusedError:
            return  # a notification is never answered
        self.running.cancel(params.id)

    def _host_note(self, frame: Request) -> None:
        self._session.host_calls.note(frame.params)

    def _shutdown(self, frame: Request) -> None:
        self.handshake.close()
        self._plain.forget()
        if frame.wants_reply:
            self._ending.reply_when_stopped(encode_result(frame.id, _EMPTY, methods.SHUTDOWN))
        self._is_shutting_down = True

    def _exit(self, frame: Request) -> bytes | None:
        self.is_stopped = True
        return encode_result(frame.id, _EMPTY, methods.EXIT) if frame.wants_reply else None
