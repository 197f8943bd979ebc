"""The lag is measured while there is work, and an idle loop sleeps."""

import asyncio

from animus_plugin_runtime.loop_lag import LAG_SECONDS, LoopLag


class LateClock:
    """Every sleep takes `late` seconds longer than asked."""

    def __init__(self):
        self.now, self.late, self.sleeps = 0.0, 0.0, 0

    def monotonic(self):
        return self.now

    async def sleep(self, seconds):
        self.sleeps += 1
        self.now += seconds + self.late
        await asyncio.sleep(0)


def test_lag_is_how_late_the_loop_came_back_and_idle_loops_are_not_measured(run):
    async def main():
        clock, has_work = LateClock(), asyncio.Event()
        lag = LoopLag(clock)
        watching = asyncio.create_task(lag.watch(has_work))
        await asyncio.sleep(0)
        assert clock.sleeps == 0
        clock.late = 0.5
        has_work.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        clock.late = 0.0
        for _ in range(4):
            await asyncio.sleep(0)
        has_work.clear()
        watching.cancel()
        assert (lag.latest, lag.largest) == (0.0, 0.5)
        assert LAG_SECONDS < 1

    run(main())
