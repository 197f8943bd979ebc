"""What happens, for somebody who follows it: a bounded buffer that a slow follower overruns, and nobody waits for."""

import asyncio
import weakref
from collections.abc import Callable, Iterable
from typing import Generic, Self, TypeVar

__all__ = ["LISTENER_LIMIT", "Listener", "ListenerLaggedError", "Listeners", "PastAndPresent"]

LISTENER_LIMIT = 4096
"""Items that may wait for one listener."""

ItemType = TypeVar("ItemType")


class ListenerLaggedError(Exception):
    """The listener was too slow; items are missing for it from here on."""


class _End:
    """Stands in the buffer where nothing follows."""


class Listener(Generic[ItemType]):
    """An iterator over what happens that raises `ListenerLaggedError` once more than `LISTENER_LIMIT` items waited."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[ItemType | _End] = asyncio.Queue()
        self._has_lagged = False

    def put(self, item: ItemType) -> None:
        """Hand over one item; never waits."""
        self._has_lagged = self._has_lagged or self._waiting.qsize() >= LISTENER_LIMIT
        if not self._has_lagged:
            self._waiting.put_nowait(item)

    def end(self) -> None:
        """Nothing comes any more: the iteration ends after what waits."""
        self._waiting.put_nowait(_End())

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ItemType:
        if self._has_lagged:
            raise ListenerLaggedError
        item = await self._waiting.get()
        if isinstance(item, _End):
            self.end()  # for whoever asks again
            raise StopAsyncIteration
        return item


class Listeners(Generic[ItemType]):
    """Everybody who follows one thing, each for as long as it keeps its listener."""

    def __init__(self) -> None:
        self._following: weakref.WeakSet[Listener[ItemType]] = weakref.WeakSet()

    def __len__(self) -> int:
        return len(self._following)

    def add(self) -> Listener[ItemType]:
        """One more, from now on."""
        listener: Listener[ItemType] = Listener()
        self._following.add(listener)
        return listener

    def tell(self, item: ItemType) -> None:
        """Hand an item to all of them; never waits."""
        for listener in tuple(self._following):
            listener.put(item)


class PastAndPresent(Generic[ItemType]):
    """What happened, and then what happens, if anybody listens, as far as it `is_new`: the two may overlap."""

    def __init__(
        self, past: Iterable[ItemType], present: Listener[ItemType] | None, is_new: Callable[[ItemType], bool]
    ) -> None:
        self._past, self._present, self._is_new = iter(past), present, is_new
        self.is_past = True
        """Nothing piles up for whoever takes its time as long as this holds."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ItemType:
        for item in self._past:
            return item
        self.is_past = False
        if self._present is not None:
            async for item in self._present:
                if self._is_new(item):
                    return item
        raise StopAsyncIteration
