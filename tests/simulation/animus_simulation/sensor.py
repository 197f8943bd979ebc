"""What happens outside, and the trigger plugin that reports it: each happening until somebody has taken it.

The happenings are on disk, so that a new process of the plugin reports what the one before it was not answered about.
"""

import asyncio
import contextlib
import hashlib
from typing import Any

from animus_plugin_protocol import Plugin, RpcFault, methods
from animus_plugin_protocol.wire.trigger import TriggerAckParams, TriggerAckResult, TriggerSchema, TriggerWatchParams
from animus_simulation.loop import SimulatedProcess
from animus_simulation.workflows import SENSOR, TRIGGER

__all__ = ["Happenings", "build_sensor"]

LOOK_SECONDS = 1.0
AGAIN_SECONDS = 30.0
"""A report that nobody took is made again after this time."""


class Happenings:
    """All that ever happened, by number, and whether its report was taken.

    Attributes:
        taken: by event id.
    """

    def __init__(self) -> None:
        self.taken: dict[str, bool] = {}

    def happen(self) -> None:
        """Something happens."""
        self.taken[f"happening-{len(self.taken)}"] = False

    @property
    def keys(self) -> list[str]:
        """The idempotency keys under which each has to be on the queue."""
        digests = (hashlib.sha256(event_id.encode()).hexdigest() for event_id in self.taken)
        return [f"trigger:{TRIGGER}:{digest}" for digest in digests]


class _Sensor:
    def __init__(self, happenings: Happenings, process: SimulatedProcess, plugin: Plugin) -> None:
        self._happenings, self._process, self._plugin = happenings, process, plugin
        self._reported: dict[str, float] = {}
        self._is_watching = False

    async def watch(self, params: TriggerWatchParams) -> Any:
        config = params.config or {}
        wanted = any(one["id"] == TRIGGER for one in config.get("triggers", []))
        if wanted and not self._is_watching:
            self._process.spawn(self._look())
        self._is_watching = wanted
        return {"watching": wanted}

    def ack(self, params: TriggerAckParams) -> TriggerAckResult:
        self._happenings.taken[params.event_id] = True
        return TriggerAckResult(event_id=params.event_id, acked=True)

    def schema(self, params: None) -> TriggerSchema:
        return TriggerSchema(kinds=[SENSOR], supports_resume=True, supports_dedup=True, supports_ack=True)

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(RpcFault):  # the host is gone
            while True:
                for event_id, is_taken in list(self._happenings.taken.items()):
                    if not is_taken and loop.time() - self._reported.get(event_id, float("-inf")) >= AGAIN_SECONDS:
                        self._reported[event_id] = loop.time()
                        event = {"event_id": event_id, "trigger_id": TRIGGER, "payload": None}
                        self._plugin.notify(methods.TRIGGER_EVENT, event)
                await asyncio.sleep(LOOK_SECONDS)


def build_sensor(happenings: Happenings, process: SimulatedProcess) -> Plugin:
    """The plugin of one process."""
    plugin = Plugin(SENSOR, "1.0.0", description="Tells what happens in the simulation.")
    sensor = _Sensor(happenings, process, plugin)
    plugin.register_method(methods.TRIGGER_WATCH, sensor.watch)
    plugin.register_method(methods.TRIGGER_ACK, sensor.ack, inline=True)
    plugin.register_method(methods.TRIGGER_SCHEMA, sensor.schema, inline=True)
    return plugin
