"""What a handler may know of its request and do for it: `Context` for plain handlers, `AsyncContext` for async ones."""

from collections.abc import Callable
from typing import Any

import msgspec

from animus_plugin_protocol._cancellation import CancelToken
from animus_plugin_protocol._host_calls import ANSWER_GRACE_SECONDS, WaitingCall, as_raw, call_timed_out
from animus_plugin_protocol._outbox import READER_BACKLOG_BYTES, WORKER_BACKLOG_BYTES, Scope
from animus_plugin_protocol._session import Session
from animus_plugin_protocol.codec import encode_notification
from animus_plugin_protocol.errors import ErrorCode, RefusedError
from animus_plugin_protocol.methods import PROGRESS
from animus_plugin_protocol.wire.dispatch import Actor
from animus_plugin_protocol.wire.host import HostCallParams, HostNote
from animus_plugin_protocol.wire.lifecycle import ProgressNote, ProjectBinding

__all__ = ["AsyncContext", "Context", "RequestContext"]


class RequestContext(Scope):
    """What both kinds of context have.

    Attributes:
        request_id: as the host sent it; None for a notification.
        method: the method as it was called (``task/get`` where ``subject/get`` is registered).
        subject_kind: the kind in the method's name, for a subject method called by kind.
        raw_params: the params as they came, for keys that the struct does not know.
    """

    __slots__ = ("_backlog_limit", "_session", "_token", "method", "raw_params", "request_id", "subject_kind")

    def __init__(  # one argument a fact of the request
        self,
        session: Session,
        token: CancelToken,
        *,
        request_id: Any,
        method: str,
        subject_kind: str | None,
        raw_params: msgspec.Raw,
        is_on_reader: bool,
    ) -> None:
        super().__init__()
        self._session = session
        self._token = token
        self._backlog_limit = READER_BACKLOG_BYTES if is_on_reader else WORKER_BACKLOG_BYTES
        self.request_id = request_id
        self.method = method
        self.subject_kind = subject_kind
        self.raw_params = raw_params

    @property
    def binding(self) -> ProjectBinding | None:
        """The project this process serves, if the host said so."""
        return self._session.extensions.project_binding

    @property
    def actor(self) -> Actor | None:
        """On whose behalf the host runs this process; None means the system itself."""
        return self._session.extensions.actor

    def is_cancelled(self) -> bool:
        """Whether nobody wants the answer any more: the host cancelled the request, or the plugin ends."""
        return self._token.is_cancelled

    def is_stopping(self) -> bool:
        """Whether the request was cancelled because the plugin ends (shutdown, exit, end of stdin).

        The host did not give the work up then: what can be continued later should stay so that it can.
        """
        return self._token.is_stopping

    def raise_if_cancelled(self) -> None:
        """Raise `Cancelled` when `is_cancelled`."""
        self._token.raise_if_cancelled()

    def on_cancel(self, callback: Callable[[], object]) -> None:
        """Have `callback` run when the request is cancelled, or at once if it is.

        It runs on a thread of its own, or in the asyncio loop where there is one.
        """
        self._token.on_cancel(callback)

    def progress(self, value: Any) -> None:
        """Tell the host how far the request is: any JSON value. Not sent to a host that did not ask for progress."""
        if self.request_id is not None and self._session.host.progress:
            self.notify(PROGRESS, ProgressNote(id=self.request_id, value=value))

    def notify(self, method: str, params: Any = None) -> None:
        """Send a notification; it is written before the reply. After the reply it is dropped.

        Waits while the host is far behind.

        Raises:
            RefusedError: the notification does not fit into a frame.
            FatalError: the host is gone.
        """
        data = encode_notification(method, msgspec.UNSET if params is None else params)
        self._session.outbox.put_note(data, self, limit=self._backlog_limit)


class Context(RequestContext):
    """The request of a plain handler."""

    __slots__ = ("_may_wait",)

    def __init__(self, session: Session, token: CancelToken, *, is_on_reader: bool, **facts: Any) -> None:
        super().__init__(session, token, is_on_reader=is_on_reader, **facts)
        self._may_wait = not is_on_reader

    def call_host(  # the wire's own optional parts
        self,
        kind: str,
        method: str,
        params: Any = None,
        *,
        name: str | None = None,
        run_id: str | None = None,
        timeout_seconds: float | None = None,
        on_note: Callable[[HostNote], object] | None = None,
    ) -> msgspec.Raw:
        """Ask another plugin through the host and wait for the answer (docs/decisions/0009-host-calls.md).

        Args:
            kind: which kind of plugin; declare ``$host/call:<kind>`` as a capability.
            method: the method of that plugin.
            params: a struct, JSON values, or raw JSON.
            name: picks one plugin of the kind, by plugin name or advertised tool.
            run_id: in which run's log the host keeps the whole stream when notes must be dropped.
            timeout_seconds: how long the callee may take; None leaves it to the host.
            on_note: is given each notification of the callee, in order, on this thread, before this returns.

        Raises:
            RefusedError: this host cannot, the plugin may not, or the callee refused.
            RetriableError: it took too long.
            FatalError: the host is gone.
            Cancelled: this request was cancelled; the host is told to cancel the call.
        """
        if not self._may_wait:
            raise RefusedError(
                f"the inline handler of {self.method!r} cannot call the host: it runs on the reader, "
                "which would wait for itself; register it without inline=True",
                code=ErrorCode.INTERNAL_ERROR,
            )
        call = _call_params(kind, method, params, name, run_id, timeout_seconds)
        pending = WaitingCall(self._session.clock, wants_notes=on_note is not None)
        self._token.raise_if_cancelled()
        call_id = self._session.host_calls.send(pending, call)
        self._token.add_waker(pending.wake)
        try:
            grace = None if timeout_seconds is None else timeout_seconds + ANSWER_GRACE_SECONDS
            answer = pending.wait(self._token, grace, on_note)
        finally:
            self._token.remove_waker(pending.wake)
            self._session.host_calls.abandon(call_id)  # does nothing once the answer is there
        if answer is None:
            raise call_timed_out(call)
        return answer


class AsyncContext(RequestContext):
    """The request of an async handler. Cancellation arrives as ``asyncio.CancelledError``."""

    __slots__ = ()

    async def call_host(  # the wire's own optional parts
        self,
        kind: str,
        method: str,
        params: Any = None,
        *,
        name: str | None = None,
        run_id: str | None = None,
        timeout_seconds: float | None = None,
        on_note: Callable[[HostNote], object] | None = None,
    ) -> msgspec.Raw:
        """As `Context.call_host`; `on_note` is called in the loop."""
        call_async = self._session.call_async
        if call_async is None:
            raise RefusedError("an async handler runs in the asyncio loop only", code=ErrorCode.INTERNAL_ERROR)
        call = _call_params(kind, method, params, name, run_id, timeout_seconds)
        return await call_async(call, timeout_seconds, on_note)


def _call_params(
    kind: str, method: str, params: Any, name: str | None, run_id: str | None, timeout_seconds: float | None
) -> HostCallParams:
    return HostCallParams(
        kind=kind,
        method=method,
        params=as_raw(params),
        name=name,
        run_id=run_id,
        timeout_ms=None if timeout_seconds is None else max(1, round(timeout_seconds * 1000)),
    )
