"""Who has which run, and who waits for a change of one."""

import asyncio

from animus_kernel.dispatch.register import Register
from animus_kernel.dispatch.run import Step


def test_waiter_is_told_and_one_that_gave_up_is_forgotten(make_run):
    async def scene():
        register, run = Register(), make_run()
        register.add(run)
        for _ in range(10):
            waiting = asyncio.create_task(register.wait_for(run.entry.entry_id, lambda one: one.is_settled))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        assert len(register._changed) == 0
        waiting = asyncio.create_task(register.wait_for(run.entry.entry_id, lambda one: one.is_settled))
        await asyncio.sleep(0)
        run.move(Step.LOSE)
        register.forget_if_gone(run)
        assert await asyncio.wait_for(waiting, 60) is run

    asyncio.run(scene())
