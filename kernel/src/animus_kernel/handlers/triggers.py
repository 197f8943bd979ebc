"""Triggers: how they are, and an event by hand."""

import uuid

from animus_kernel.kernel import Kernel
from animus_plugin_protocol.wire import control

__all__ = ["fire", "list_triggers"]


async def list_triggers(kernel: Kernel, params: control.TriggerListParams) -> control.TriggerListResult:
    """A page of them."""
    rows = kernel.triggers.rows()
    page = rows[params.offset : params.offset + params.limit]
    return control.TriggerListResult(triggers=page, total=len(rows))


async def fire(kernel: Kernel, params: control.TriggerFireParams) -> control.QueueEnqueueResult:
    """Report an event as its plugin would."""
    return await kernel.triggers.fire(params.id, params.event_id or uuid.uuid4().hex, params.payload)
