"""How much later than asked the loop comes back: what a blocking call in it costs everybody."""

import asyncio

from animus_kernel.clock import Clock

__all__ = ["LAG_SECONDS", "LoopLag"]

LAG_SECONDS = 0.25
"""How often the lag is measured."""


class LoopLag:
    """The latest lag and the largest, in seconds."""

    def __init__(self) -> None:
        self.latest = self.largest = 0.0

    async def watch(self, clock: Clock, has_work: asyncio.Event) -> None:
        """Measure while there is work, for ever: an idle loop is left asleep."""
        loop = asyncio.get_running_loop()
        while True:
            await has_work.wait()
            before = loop.time()
            await clock.sleep(LAG_SECONDS)
            self.latest = max(loop.time() - before - LAG_SECONDS, 0.0)
            self.largest = max(self.largest, self.latest)
