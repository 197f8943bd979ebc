"""One request or notification while its handler works: params in, reply bytes out, whatever the handler does."""

import contextlib
import select
import sys
from collections.abc import Callable
from typing import Any, Final, Protocol, TextIO

import msgspec

from animus_plugin_protocol._cancellation import CancelToken
from animus_plugin_protocol._declaration import Route
from animus_plugin_protocol._session import Session
from animus_plugin_protocol.codec import encode_error, encode_fault, encode_result
from animus_plugin_protocol.context import AsyncContext, Context
from animus_plugin_protocol.errors import Cancelled, ErrorCode, RpcFault

__all__ = ["Call", "error_reply", "report_exception", "report_line"]

TRACEBACK_FRAMES: Final = 30
"""How much of a traceback goes to stderr, which nobody may be reading."""

LINE_CHARACTERS: Final = 1000
"""How long one line of ours on stderr may get."""


class Watcher(Protocol):
    """Keeps the calls that are at work."""

    def forget(self, call: "Call") -> None:
        """Its reply is written next."""
        ...

    def remove(self, call: "Call") -> None:
        """Its reply was written."""
        ...


class Call:
    """A handler at work.

    Attributes:
        context: what the handler may know and do; None for one that does not ask for it.
        watched_by: is told when the reply is about to be written, and when it was.
        request_id: the id to answer under; None for a notification, which is not answered.
        interrupt: set by the asyncio loop: what `cancel` does besides tripping the token.
    """

    __slots__ = ("_session", "context", "interrupt", "params", "request_id", "route", "token", "watched_by")

    def __init__(
        self,
        session: Session,
        route: Route,
        request_id: Any,
        params: msgspec.Raw,
        deliver: Callable[[Callable[[], object]], object],
    ) -> None:
        self._session = session
        self.route = route
        self.request_id = request_id
        self.params = params
        self.token = CancelToken(deliver)
        self.interrupt: Callable[[], object] = _nothing
        self.watched_by: Watcher | None = None
        self.context: Context | AsyncContext | None = None
        if route.wants_context:
            kind = AsyncContext if route.is_async else Context
            self.context = kind(
                session,
                self.token,
                request_id=request_id,
                method=route.method,
                subject_kind=route.subject_kind,
                raw_params=params,
                is_on_reader=route.inline or route.is_async,
            )

    def run(self) -> None:
        """Run a plain handler to its end and reply. Never raises."""
        self.finish(self.outcome())

    def outcome(self) -> bytes | None:
        """Run a plain handler; the reply it earns."""
        try:
            result = self.invoke()
            return self.result_reply(result)
        except BaseException as error:  # noqa: BLE001 - whatever a handler raises becomes its reply
            return self.error_reply(error)

    def invoke(self) -> Any:
        """Call the handler; for an async one, that gives its coroutine."""
        self.token.raise_if_cancelled()
        params = self.route.decode(self.params)
        return self.route.handler(params, self.context) if self.route.wants_context else self.route.handler(params)

    def result_reply(self, result: Any) -> bytes | None:
        """The reply for a result; for a cancelled request that is -32002, though its handler came to an end."""
        if self.request_id is None:
            return None
        if self.token.is_cancelled:
            return encode_error(
                self.request_id,
                ErrorCode.REQUEST_CANCELLED,
                f"{self.route.method!r} was cancelled; its handler had come to its end",
                {"category": "cancelled", "completed": True},
            )
        return encode_result(self.request_id, result, self.route.method)

    def error_reply(self, error: BaseException) -> bytes | None:
        """The reply for what a handler raised."""
        return error_reply(self.request_id, self.route.method, error)

    def finish(self, reply: bytes | None) -> None:
        """Write the reply; nothing of this request is written after it."""
        watcher = self.watched_by
        if watcher is not None:
            watcher.forget(self)
        self._session.outbox.put_reply(reply, self.context)
        if watcher is not None:
            watcher.remove(self)

    def cancel(self, *, is_stopping: bool = False) -> None:
        """The host no longer wants the answer, or the plugin ends."""
        if self.token.cancel(is_stopping=is_stopping):
            self.interrupt()


def error_reply(request_id: Any, method: str, error: BaseException) -> bytes | None:
    """The reply for an exception; one that nobody planned for goes to stderr with its traceback."""
    if isinstance(error, Cancelled):
        if request_id is None:
            return None
        return encode_error(
            request_id, ErrorCode.REQUEST_CANCELLED, f"{method!r} was cancelled", {"category": "cancelled"}
        )
    if isinstance(error, RpcFault):
        return None if request_id is None else encode_fault(request_id, error)
    report_exception(f"the handler of {method!r} failed", error)
    if request_id is None:
        return None
    kind = type(error).__name__
    return encode_error(
        request_id,
        ErrorCode.INTERNAL_ERROR,
        f"{method!r} failed with {kind}; the traceback is on the plugin's stderr",
        {"category": "other", "method": method, "exception": kind},
    )


def report_exception(what: str, error: BaseException) -> None:
    """Write what went wrong to stderr, where hosts keep the last lines for their own reports."""
    import traceback  # noqa: PLC0415 - start-up is a budget and most processes never need it

    frames = traceback.format_exception(error, limit=-TRACEBACK_FRAMES)
    _write_log(f"animus: {what}\n{''.join(frames)}")


def report_line(text: str) -> None:
    """Write one line to stderr."""
    _write_log(f"animus: {text}"[:LINE_CHARACTERS] + "\n")


def _write_log(text: str) -> None:
    log: TextIO | None = sys.stderr  # None where the process was started without one
    if log is not None:
        with contextlib.suppress(OSError, ValueError):  # stderr is gone; the reply still says what happened
            if _has_room(log):
                log.write(text)
                log.flush()


def _has_room(log: TextIO) -> bool:
    """Whether a line can be written without waiting: a host that never reads stderr must not stop the loop."""
    try:
        return bool(select.select([], [log.fileno()], [], 0)[1])
    except (OSError, ValueError):  # no descriptor to ask about
        return True


def _nothing() -> None:
    """Stands where nobody waits."""
