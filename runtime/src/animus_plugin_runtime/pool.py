"""The plugins of one project, by what they are asked for."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, cast

from animus_plugin_protocol.errors import ErrorCode, RefusedError
from animus_plugin_runtime.candidate import short_name
from animus_plugin_runtime.connection import Connection
from animus_plugin_runtime.supervisor import SupervisedPlugin

__all__ = ["PluginPool"]


class PluginPool:
    """Supervised plugins, found by kind and name.

    Args:
        plugins: all of them, in order of precedence; none runs yet.
        bindings: kind to plugin name, for kinds that only one plugin may serve.
    """

    def __init__(self, plugins: Iterable[SupervisedPlugin], bindings: Mapping[str, str] | None = None) -> None:
        self._plugins = list(plugins)
        self._bindings = dict(bindings or {})

    @property
    def plugins(self) -> list[SupervisedPlugin]:
        """All of them."""
        return list(self._plugins)

    @property
    def pids(self) -> set[int]:
        """Processes whose exit status the pool waits for."""
        return {plugin.pid for plugin in self._plugins if plugin.pid is not None}

    def plugin_for(self, kind: str) -> SupervisedPlugin:
        """The plugin that is bound to `kind`, or the only one that serves it.

        Raises:
            RefusedError: there is none, or there are several and none is bound (-32500).
        """
        bound = self._bindings.get(kind)
        serving = [plugin for plugin in self._plugins if plugin.candidate.serves(kind)]
        if bound is not None:
            serving = [plugin for plugin in serving if plugin.candidate.answers_to(bound)]
        if len(serving) == 1:
            return serving[0]
        if not serving:
            what = f"no plugin serves {kind!r}" if bound is None else f"{bound!r}, bound to {kind!r}, is not installed"
            raise _no_such(f"{what}; install one (animus plugin list shows what is there)")
        names = ", ".join(repr(plugin.name) for plugin in serving)
        raise _no_such(f"{names} all serve {kind!r}: bind one of them in the flavor or in animus.toml")

    async def connection_for(self, kind: str, name: str | None = None) -> Connection:
        """A connection to the plugin for `kind`.

        Args:
            kind: of plugin.
            name: picks one by plugin name, provider name, or a tool id that it advertises after its handshake.

        Raises:
            RefusedError: there is no such plugin (-32500).
            RetriableError: it could not be started.
        """
        if name is None:
            return await self.plugin_for(kind).connection()
        serving = [plugin for plugin in self._plugins if plugin.candidate.serves(kind)]
        for plugin in serving:
            if plugin.candidate.answers_to(name):
                return await plugin.connection()
        for plugin in serving:
            connection = await plugin.connection()
            if name in _advertised_tools(connection, kind):
                return connection
        known = ", ".join(repr(plugin.name) for plugin in serving) or "none"
        raise _no_such(
            f"no {kind!r} plugin is named {name!r} or offers the tool {name!r} (there: {known}); "
            f"install animus-{kind}-{short_name(name)} or name another"
        )

    async def stop(self) -> None:
        """Stop all of them, at the same time."""
        await asyncio.gather(*(plugin.stop() for plugin in self._plugins))


def _advertised_tools(connection: Connection, kind: str) -> list[Any]:
    result = connection.initialize_result
    capability = None if result is None else result.kind_capabilities.get(kind)
    extra: Any = None if capability is None else capability.extra
    fields = cast("dict[str, Any]", extra) if isinstance(extra, dict) else {}
    tools: list[Any] | None = fields.get("tools")
    return tools if isinstance(tools, list) else []


def _no_such(message: str) -> RefusedError:
    return RefusedError(message, code=ErrorCode.HOST_NO_SUCH_PLUGIN)
