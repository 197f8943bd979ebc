"""How many plugin processes of one host run at once, and which one makes room."""

import asyncio
from typing import Protocol

from animus_plugin_protocol.errors import ErrorCode, RetriableError

__all__ = ["ProcessCap", "Restable"]


class Restable(Protocol):
    """A plugin that may have to make room."""

    @property
    def name(self) -> str:
        """Of the plugin."""
        ...

    @property
    def unused_seconds(self) -> float | None:
        """Since it was last asked something; None when it has to stay or is at work."""
        ...

    async def rest(self) -> None:
        """Stop until somebody needs it; returns once its process is gone."""
        ...


class ProcessCap:
    """The places of one host. `limit` is how many there are."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken: set[Restable] = set()
        self._refused: set[Restable] = set()
        self._turn = asyncio.Lock()

    async def take(self, plugin: Restable) -> None:
        """Take a place; the plugin that was unused for longest, of those that may rest, makes room.

        Raises:
            RetriableError: all are at work or have to stay (-32503).
        """
        async with self._turn:
            while len(self._taken) >= self._limit:
                idle = max(self._taken, key=_unused_seconds)
                if idle.unused_seconds is None:
                    self._refused.add(plugin)
                    raise self._refusal(plugin)
                await idle.rest()
                self._taken.discard(idle)
            self._taken.add(plugin)
            self._refused.discard(plugin)

    def keeps_out(self, plugin: Restable) -> bool:
        """Whether `plugin` was refused a place when it was needed last, and would be refused one now."""
        is_full = len(self._taken) >= self._limit and all(one.unused_seconds is None for one in self._taken)
        return is_full and plugin in self._refused

    def leave(self, plugin: Restable) -> None:
        """Its process is gone."""
        self._taken.discard(plugin)

    def _refusal(self, plugin: Restable) -> RetriableError:
        names = ", ".join(sorted(one.name for one in self._taken))
        return RetriableError(
            f"plugin {plugin.name!r} cannot be started: {self._limit} plugin processes run and none of them is idle "
            f"({names}); raise plugin_processes in [daemon] of animus.toml, or wait",
            code=ErrorCode.HOST_OVERLOADED,
            data={"plugin": plugin.name, "limit": self._limit},
        )


def _unused_seconds(plugin: Restable) -> float:
    seconds = plugin.unused_seconds
    return -1.0 if seconds is None else seconds
