"""How much later than asked the loop comes back: what a blocking call in it costs everybody."""

import asyncio

from animus_plugin_runtime.clock import RuntimeClock, SystemRuntimeClock

__all__ = ["LAG_SECONDS", "LoopLag"]

LAG_SECONDS = 0.25
"""How often the lag is measured."""


class LoopLag:
    """The latest lag and the largest, in seconds."""

    def __init__(self, clock: RuntimeClock | None = None) -> None:
        self._clock = clock or SystemRuntimeClock()
        self.latest = self.largest = 0.0

    async def watch(self, has_work: asyncio.Event) -> None:
        """Measure while there is work, for ever: an idle loop is left asleep."""
        while True:
            await has_work.wait()
            before = self._clock.monotonic()
            await self._clock.sleep(LAG_SECONDS)
            self.latest = max(self._clock.monotonic() - before - LAG_SECONDS, 0.0)
            self.largest = max(self.largest, self.latest)
