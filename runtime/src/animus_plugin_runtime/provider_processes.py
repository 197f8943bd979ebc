"""The processes of one provider.

Notes of an agent name nothing but a session. A provider that repeats the session id it was given serves all runs with
one process. One that makes up its own ids gets a process for each session: in one, nobody could tell two of them apart.
Which kind it is shows in its notes. Until then it counts as one that repeats ids if it advertises its tools as our
protocol has it (docs/decisions/0009-host-calls.md), and else as one that does not.
"""

import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from typing import Any

import msgspec

from animus_plugin_protocol.codec import DECODE_ERRORS
from animus_plugin_protocol.errors import ErrorCode, FatalError, RefusedError
from animus_plugin_protocol.wire.provider import ProviderCapabilities
from animus_plugin_runtime.connection import Connection
from animus_plugin_runtime.note import Note
from animus_plugin_runtime.supervisor import SupervisedPlugin

__all__ = ["PROVIDER", "ProviderProcesses", "provider_called", "provider_named"]

PROVIDER = "provider"


class _Named(msgspec.Struct):
    session_id: Any = None


class ProviderProcesses:
    """The first process, which all else of the kernel knows, and more as sessions need them.

    Args:
        first: serves what is no session.
        make: another one, supervised in the same way; it rests when nobody needs it.
    """

    def __init__(self, first: SupervisedPlugin, make: Callable[[], SupervisedPlugin]) -> None:
        self.plugins = [first]
        self._make = make
        self._sessions: Counter[SupervisedPlugin] = Counter()
        self._repeats_ids: bool | None = None

    @property
    def first(self) -> SupervisedPlugin:
        """The process that serves what is no session."""
        return self.plugins[0]

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncGenerator[Connection]:
        """A process for one session, for the length of the block.

        Raises:
            RpcFault: it cannot be started.
        """
        plugin = self._pick()
        self._sessions[plugin] += 1  # before anything is awaited
        try:
            yield await plugin.connection()
        finally:
            self._sessions[plugin] -= 1

    def see(self, session_id: str, note: Note) -> None:
        """Learn from a note of the session; once a provider made up an id, it is one that does."""
        if self._repeats_ids is False:
            return
        try:
            named = msgspec.json.decode(note.params, type=_Named).session_id
        except DECODE_ERRORS:
            return
        if isinstance(named, str):
            self._repeats_ids = named == session_id

    def _pick(self) -> SupervisedPlugin:
        for plugin in self.plugins:
            if not self._sessions[plugin] or self._shares(plugin):
                return plugin
        self.plugins.append(self._make())
        return self.plugins[-1]

    def _shares(self, plugin: SupervisedPlugin) -> bool:
        if self._repeats_ids is not None:
            return self._repeats_ids
        return plugin.current is not None and bool(_tools_of(plugin.current))


def provider_called(providers: list[ProviderProcesses], name: str | None) -> ProviderProcesses | None:
    """The first provider that is called `name`; none of them is asked anything."""
    return next((one for one in providers if name is None or one.first.candidate.answers_to(name)), None)


async def provider_named(providers: list[ProviderProcesses], name: str | None) -> ProviderProcesses:
    """The first provider that is called `name`, or that advertises it as a tool.

    Raises:
        RpcFault: -32500 when there is none; as its start.
    """
    called = provider_called(providers, name)
    if called is not None:
        return called
    for provider in providers:
        if name in _tools_of(await provider.first.connection()):
            return provider
    known = ", ".join(provider.first.name for provider in providers) or "none"
    message = f"no provider answers to {name!r}; providers here: {known}"
    raise RefusedError(message, code=ErrorCode.HOST_NO_SUCH_PLUGIN)


def _tools_of(connection: Connection) -> list[str]:
    answered = connection.initialize_result
    capability = None if answered is None else answered.kind_capabilities.get(PROVIDER)
    if capability is None or capability.extra is None:
        return []
    try:
        return msgspec.convert(capability.extra, ProviderCapabilities).tools
    except msgspec.ValidationError as error:
        raise FatalError(f"{connection.plugin!r} advertises no readable provider capabilities: {error}") from error
