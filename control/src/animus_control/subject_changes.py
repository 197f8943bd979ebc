"""What subject backends report of changes, for everybody who follows them.

Each process of a backend is told to watch once and listened to while somebody follows. A follower's stream ends with
the backend's process: what changes until there is a new one would be missing, and the follower has to know.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import msgspec

from animus_control.errors import ControlError
from animus_control.listener import Listener
from animus_plugin_protocol import methods
from animus_plugin_protocol.codec import DECODE_ERRORS
from animus_plugin_protocol.errors import ErrorCode, RefusedError
from animus_plugin_protocol.wire.subject import SubjectChangedEvent, SubjectListParams

__all__ = ["Backend", "Backends", "SubjectChanges"]

WATCH_SECONDS = 30.0
"""How long a backend may take to say that it watches."""

_CANNOT = frozenset({ErrorCode.METHOD_NOT_FOUND, ErrorCode.METHOD_NOT_SUPPORTED})


class Backend(Protocol):
    """A process that keeps subjects; its notifications that belong to no call can be heard."""

    async def call_raw(self, method: str, params: Any = None, *, timeout_seconds: float | None = None) -> msgspec.Raw:
        """Call it. Raises: RpcFault."""
        ...

    def subscribe(self, callback: Callable[[str, msgspec.Raw], None]) -> Callable[[], None]:
        """Have `callback` see method and params; the returned function ends that."""
        ...

    async def wait_ended(self) -> None:
        """Return when it is gone."""
        ...


class Backends(Protocol):
    """Finds who keeps a kind of subjects."""

    async def connection_for(self, kind: str, name: str | None) -> Backend:
        """The plugin for ``subject_backend`` and the kind of subjects `name`. Raises: RpcFault."""
        ...


class SubjectChanges:
    """Of one project."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self._watched: WeakKeyDictionary[Backend, set[str]] = WeakKeyDictionary()

    async def follow(self, kinds: Sequence[str]) -> AsyncGenerator[SubjectChangedEvent]:
        """The changes from now on.

        Raises:
            ControlError: ``not_supported`` when no backend of these kinds reports changes.
            RpcFault: a backend cannot be asked.
        """
        listener: Listener[SubjectChangedEvent] = Listener()
        connections = {connection for kind in kinds if (connection := await self._watch(kind)) is not None}
        if not connections:
            raise ControlError("not_supported", f"no backend of {', '.join(kinds) or 'subjects'} reports changes")

        def take(method: str, params: msgspec.Raw) -> None:
            if method == methods.SUBJECT_CHANGED:
                with suppress(*DECODE_ERRORS):
                    listener.put(_event_in(params))

        leaves = [connection.subscribe(take) for connection in connections]
        return _told(listener, connections, leaves)

    async def _watch(self, kind: str) -> Backend | None:
        connection = await self._backends.connection_for("subject_backend", kind)
        watched = self._watched.setdefault(connection, set())
        if kind not in watched:
            watched.add(kind)
            params, method = SubjectListParams(kind=[kind]), methods.subject_verb(kind, methods.SUBJECT_WATCH)
            try:
                await connection.call_raw(method, params, timeout_seconds=WATCH_SECONDS)
            except RefusedError as fault:
                watched.discard(kind)
                if fault.code in _CANNOT:
                    return None
                raise
        return connection


async def _told(
    listener: Listener[SubjectChangedEvent], connections: set[Backend], leaves: Sequence[Callable[[], None]]
) -> AsyncGenerator[SubjectChangedEvent]:
    async def end(connection: Backend) -> None:
        await connection.wait_ended()
        listener.end()

    ends = [asyncio.create_task(end(connection)) for connection in connections]
    try:
        async for event in listener:
            yield event
    finally:
        for leave in leaves:
            leave()
        for watcher in ends:
            watcher.cancel()


def _event_in(params: msgspec.Raw) -> SubjectChangedEvent:
    """The event of a note: below ``event``, below ``data``, or the note itself, as the published hosts have it."""
    fields = msgspec.json.decode(params, type=dict[str, msgspec.Raw])
    return msgspec.json.decode(fields.get("event") or fields.get("data") or params, type=SubjectChangedEvent)
