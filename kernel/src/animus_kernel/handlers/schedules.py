"""Schedules: what they are, when they fire, and saying whether they may."""

from animus_kernel.kernel import Kernel
from animus_plugin_protocol.wire import control

__all__ = ["disable", "enable", "get", "history", "list_schedules", "run"]


async def list_schedules(kernel: Kernel, params: control.ScheduleListParams) -> control.ScheduleListResult:
    """A page of them."""
    rows = await kernel.timekeeper.rows()
    page = rows[params.offset : params.offset + params.limit]
    return control.ScheduleListResult(schedules=page, total=len(rows))


async def get(kernel: Kernel, params: control.ScheduleIdParams) -> control.ScheduleRow:
    """One of them."""
    return await kernel.timekeeper.row(params.id)


async def enable(kernel: Kernel, params: control.ScheduleIdParams) -> control.ScheduleRow:
    """Let it fire, from now on."""
    return await kernel.timekeeper.switch(params.id, on=True)


async def disable(kernel: Kernel, params: control.ScheduleIdParams) -> control.ScheduleRow:
    """Keep it from firing."""
    return await kernel.timekeeper.switch(params.id, on=False)


async def run(kernel: Kernel, params: control.ScheduleIdParams) -> control.QueueEnqueueResult:
    """Ask for its work now."""
    return await kernel.timekeeper.run(params.id)


async def history(kernel: Kernel, params: control.ScheduleHistoryParams) -> control.ScheduleHistoryResult:
    """Its latest moments."""
    return control.ScheduleHistoryResult(fires=await kernel.timekeeper.history(params.id, params.limit))
