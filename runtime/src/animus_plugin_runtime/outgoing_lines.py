"""Frames on their way to a plugin: written, counted, shown to observers, and remembered for a report about a death."""

import asyncio

from animus_plugin_protocol.methods import TO_PLUGIN
from animus_plugin_runtime.channel import Channel
from animus_plugin_runtime.observer import Observers
from animus_plugin_runtime.outgoing import OutgoingCalls
from animus_plugin_runtime.traffic import TAIL_BYTES, Traffic

__all__ = ["OutgoingLines"]


class OutgoingLines:
    """Of one connection; `calls` are its open ones."""

    def __init__(self, channel: Channel, traffic: Traffic, observers: Observers, calls: OutgoingCalls) -> None:
        self._channel, self._traffic, self._observers, self._calls = channel, traffic, observers, calls
        self._keep = traffic.tail.append

    def write(self, data: bytes) -> None:
        """Hand a frame to the pipe; never waits."""
        self._channel.write(data, join=self._calls.are_several)  # others may write in this turn of the loop
        self._traffic.say(len(data))
        self._keep((TO_PLUGIN, data if len(data) <= TAIL_BYTES else data[:TAIL_BYTES]))
        if self._observers.seats:
            self._observers.see(TO_PLUGIN, data[:-1])

    async def wait_room(self, seconds: float) -> bool:
        """Wait until there is room; False when there was none for so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._channel.wait_room()
        except TimeoutError:
            return False
        return True
