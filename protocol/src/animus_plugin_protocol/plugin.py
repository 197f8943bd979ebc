"""`Plugin`: what an author declares, and `run`, which serves it."""

import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, Final, TypeVar, overload

import msgspec

from animus_plugin_protocol import methods
from animus_plugin_protocol._by_hand import answer_arguments, answer_terminal
from animus_plugin_protocol._declaration import SUBJECT_BACKEND, Declaration, Hooks, Registration
from animus_plugin_protocol._host_calls import HostCalls
from animus_plugin_protocol._outbox import WORKER_BACKLOG_BYTES, Outbox, Scope
from animus_plugin_protocol._session import Session
from animus_plugin_protocol._signature import is_async, read_signature
from animus_plugin_protocol._streams import Source, open_streams
from animus_plugin_protocol.codec import encode_notification
from animus_plugin_protocol.entry import taken_opening
from animus_plugin_protocol.errors import FatalError, RegistrationError
from animus_plugin_protocol.methods import CRATE_VERSIONS, EVERY_KIND, METHODS, REQUEST, TO_PLUGIN
from animus_plugin_protocol.wire.lifecycle import (
    EnvRequirement,
    HealthCheckResult,
    InitExtensions,
    InitializeParams,
    PluginInfo,
)

__all__ = ["Plugin"]

WORKERS: Final = 32
"""Plain handlers that work at once, unless the plugin says otherwise."""

_HandlerT = TypeVar("_HandlerT", bound=Callable[..., Any])
_ELSEWHERE: Final = {
    methods.HEALTH_CHECK: "on_health",
    methods.INITIALIZE: "on_initialize",
    methods.SHUTDOWN: "on_shutdown",
}


class Plugin:
    """A plugin: what it serves, and the process that serves it.

    Args:
        name: the plugin's name, as its distribution is called.
        version: its own version, semver.
        description: one line for manifests and listings.
        kind: only for a kind the method table does not know (``custom``), or to name the primary kind of several;
            otherwise kinds follow from the registered methods, the first one is the primary.
        workers: how many plain handlers may work at once.
        notification_buffer_size: how many notifications a host should buffer for this plugin.
        clock: seconds that only grow; tests bring their own.

    Attributes:
        subject_kinds: for a subject backend, the kinds it keeps; each is also served as ``<kind>/<verb>``.
    """

    def __init__(
        self,
        name: str,
        version: str,
        *,
        description: str = "",
        kind: str | None = None,
        workers: int = WORKERS,
        notification_buffer_size: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.version = version
        self.description = description
        self.subject_kinds: tuple[str, ...] = ()
        self._kind = kind
        self._workers = workers
        self._notification_buffer_size = notification_buffer_size
        self._clock = clock
        self._registrations: dict[str, Registration] = {}
        self._capabilities: list[str] = []
        self._advertised: dict[str, Any] = {}
        self._env_required: list[EnvRequirement] = []
        self._on_initialize: list[Callable[[InitializeParams], object]] = []
        self._on_shutdown: list[Callable[[], object]] = []
        self._on_flush: list[Callable[[], object]] = []
        self._on_health: Callable[[], HealthCheckResult] | None = None
        self._session: Session | None = None

    @overload
    def register_method(self, method: str, handler: _HandlerT, *, inline: bool = False) -> _HandlerT: ...

    @overload
    def register_method(self, method: str, *, inline: bool = False) -> Callable[[_HandlerT], _HandlerT]: ...

    def register_method(self, method: str, handler: Callable[..., Any] | None = None, *, inline: bool = False) -> Any:
        """Serve `method` with `handler`: ``f(params)`` or ``f(params, context)``, plain or async.

        The annotations say what is decoded and must be the types of the method table. Without `handler` this is a
        decorator. An ``inline=True`` handler runs on the reader, so it must be plain and bounded by about one
        fsync; inline requests that arrive together are answered together, after the flush callbacks.

        Raises:
            RegistrationError: the handler does not fit, or the method is taken, unknown or not for plugins.
        """
        if handler is None:

            def decorate(decorated: _HandlerT) -> _HandlerT:
                return self.register_method(method, decorated, inline=inline)

            return decorate
        what = f"handler {getattr(handler, '__qualname__', handler)!r} of plugin {self.name!r} for {method!r}"
        if method in self._registrations:
            raise RegistrationError(f"{what}: the method is registered already")
        kind = self._kind_of(what, method)
        row = METHODS.get(method)
        signature = read_signature(self.name, method, row, handler)
        if inline and signature.is_async:
            raise RegistrationError(f"{what}: an inline handler runs on the reader and cannot be async")
        self._registrations[method] = Registration(method, kind, row, handler, signature, inline)
        return handler

    def on_initialize(self, callback: Callable[[InitializeParams], object]) -> Callable[[InitializeParams], object]:
        """Have `callback` run at each ``initialize``; an `RpcFault` it raises refuses the host."""
        self._on_initialize.append(self._plain("on_initialize", callback))
        return callback

    def on_shutdown(self, callback: Callable[[], object]) -> Callable[[], object]:
        """Have `callback`, plain or async, run once when the plugin ends: shutdown, exit or the end of stdin."""
        self._on_shutdown.append(callback)
        return callback

    def on_health(self, callback: Callable[[], HealthCheckResult]) -> Callable[[], HealthCheckResult]:
        """Answer ``health/check`` with `callback`. It runs on the reader: it reports, it does not measure."""
        self._on_health = self._plain("on_health", callback)
        return callback

    def register_flush(self, callback: Callable[[], object]) -> Callable[[], object]:
        """Have `callback` run after each batch of inline requests, before their replies are written.

        When it raises, every reply of the batch becomes that error.
        """
        self._on_flush.append(self._plain("register_flush", callback))
        return callback

    def capability(self, text: str) -> None:
        """Add a capability string (``$host/call:provider``) to the manifest and the handshake."""
        if text not in self._capabilities:
            self._capabilities.append(text)

    def advertise(self, kind: str, extra: Any) -> None:
        """Say what the plugin can do as a `kind`: that kind's capability struct."""
        self._advertised[kind] = extra

    def require_env(self, requirement: EnvRequirement) -> None:
        """Ask hosts to forward an environment variable."""
        self._env_required.append(requirement)

    @property
    def extensions(self) -> InitExtensions:
        """What the host offered in ``initialize``; nothing before that."""
        return InitExtensions() if self._session is None else self._session.extensions

    def notify(self, method: str, params: Any = None) -> None:
        """Send a notification that belongs to no request, from any thread: an event, a change somebody watches for.

        Raises:
            FatalError: no host is there, or it is gone.
        """
        if self._session is None:
            raise FatalError(f"plugin {self.name!r} has no host yet that could take {method!r}")
        data = encode_notification(method, msgspec.UNSET if params is None else params)
        self._session.outbox.put_note(data, Scope(), limit=WORKER_BACKLOG_BYTES)

    def declaration(self) -> Declaration:
        """Everything said so far, complete.

        Raises:
            RegistrationError: no kind follows from it.
        """
        kinds = list(dict.fromkeys(entry.kind for entry in self._registrations.values()))
        if self._kind is not None:
            kinds = [self._kind, *(kind for kind in kinds if kind != self._kind)]
        if not kinds:
            raise RegistrationError(f"plugin {self.name!r} registers no method, so it is of no kind")
        return Declaration(
            info=PluginInfo(
                name=self.name,
                version=self.version,
                plugin_kind=kinds[0],
                plugin_kinds=kinds[1:],
                description=self.description or None,
            ),
            registrations=list(self._registrations.values()),
            hooks=Hooks(tuple(self._on_initialize), tuple(self._on_shutdown), self._on_health, tuple(self._on_flush)),
            subject_kinds=tuple(self.subject_kinds) if SUBJECT_BACKEND in kinds else (),
            capabilities=tuple(self._capabilities),
            advertised=self._advertised,
            env_required=self._env_required,
            notification_buffer_size=self._notification_buffer_size,
            workers=self._workers,
        )

    def run(
        self,
        argv: Sequence[str] | None = None,
        *,
        stdin: BinaryIO | None = None,
        stdout: BinaryIO | None = None,
    ) -> int:
        """Serve a host until it is done; the exit code.

        Without `stdin` and `stdout` the standard streams are claimed: a stray print goes to stderr from then on.
        With them (both, binary) nothing global is touched, so that a plugin can run in a thread.

        Raises:
            RegistrationError: the plugin is incomplete.
        """
        declaration = self.declaration()
        if argv is None:
            argv = sys.argv[1:] if stdin is None else ()
        if argv:
            return answer_arguments(declaration, argv)
        if stdin is None and os.isatty(0):
            return answer_terminal(declaration)
        opening = taken_opening() if stdin is None else None
        with open_streams(stdin, stdout, b"" if opening is None else opening.unread) as streams:
            outbox = Outbox(streams.sink)
            host_calls = HostCalls(outbox, self.name, declaration.callable_kinds)
            self._session = session = Session(outbox, host_calls, self._clock)
            session.opening_reply = None if opening is None else opening.reply
            try:
                is_idle = _loop(declaration)(declaration, session, streams.source)
            except KeyboardInterrupt:
                return 130
        if stdin is None and not is_idle:
            # a handler that ignores its cancellation may sit on a thread that the interpreter would wait for
            sys.stderr.flush()
            os._exit(0)
        return 0

    def _kind_of(self, what: str, method: str) -> str:
        row = METHODS.get(method)
        if row is None:
            if self._kind is None or self._kind in CRATE_VERSIONS:
                raise RegistrationError(
                    f"{what}: no such method in the method table{_nearest(method)}; "
                    "a plugin of a kind of its own says so with kind='custom'"
                )
            return self._kind
        if row.kind == EVERY_KIND:
            instead = _ELSEWHERE.get(method)
            advice = f"; use {instead}" if instead else ""
            raise RegistrationError(f"{what}: every plugin answers it by itself{advice}")
        if row.direction != TO_PLUGIN or row.shape != REQUEST:
            raise RegistrationError(f"{what}: it goes to the host; send it with context.notify")
        return row.kind

    def _plain(self, where: str, callback: Callable[..., Any]) -> Callable[..., Any]:
        if is_async(callback):
            name = getattr(callback, "__qualname__", callback)
            raise RegistrationError(f"{where} callback {name!r} of plugin {self.name!r} runs on the reader: not async")
        return callback


def _loop(declaration: Declaration) -> Callable[[Declaration, Session, Source], bool]:
    """The loop that suits: asyncio is imported only when something needs it."""
    if declaration.is_async:
        from animus_plugin_protocol._async_loop import serve  # noqa: PLC0415 - start-up is a budget
    else:
        from animus_plugin_protocol._thread_loop import serve  # noqa: PLC0415 - as above
    return serve


def _nearest(method: str) -> str:
    import difflib  # noqa: PLC0415 - only for the text of an error

    near = difflib.get_close_matches(method, METHODS, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
