"""What the definitions say about schedules and triggers, read again when a file of theirs has changed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from animus_kernel.dispatch.door import Door
from animus_schedule import Definition

__all__ = ["Automation", "AutomationSource", "TriggerDefinition"]


class TriggerDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """Which outside event asks for which work; `config` is its plugin's business."""

    id: str
    type: str
    workflow_ref: str
    enabled: bool = True
    disabled_reason: str | None = None
    config: dict[str, Any] = {}
    active_hours: str | None = None
    timezone: str = "UTC"
    input: Any = None
    vars: dict[str, str] = {}
    priority: str | None = None


class Automation(msgspec.Struct, frozen=True):
    """The parts of the compiled definitions that the kernel acts on by itself."""

    schedules: list[Definition] = []
    triggers: list[TriggerDefinition] = []


class AutomationSource:
    """Asks whoever compiles the definitions, and only when there may be something new."""

    def __init__(self, door: Door, authored_dir: Path) -> None:
        self._door, self._authored_dir = door, authored_dir
        self._seen: list[tuple[str, int]] | None = None
        self._automation = Automation()

    async def load(self) -> tuple[Automation, bool]:
        """What is defined, and whether it was read anew.

        Raises:
            RpcFault: nobody answered.
        """
        seen = list(self._versions())
        if seen == self._seen:
            return self._automation, False
        self._automation = msgspec.convert(await self._door.config(), Automation)
        self._seen = seen
        return self._automation, True

    def _versions(self) -> Iterator[tuple[str, int]]:
        """The authored files and when they were changed."""
        for directory in (self._authored_dir, self._authored_dir / "workflows"):
            for path in sorted(directory.glob("*")):
                if path.is_file():
                    yield str(path), path.stat().st_mtime_ns
