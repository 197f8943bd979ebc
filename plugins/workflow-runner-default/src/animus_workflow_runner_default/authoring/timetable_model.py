"""Compiled schedules, triggers and daemon settings, as the host reads them. Import these names from `model`."""

from typing import Any, Literal

import msgspec

__all__ = ["CatchUp", "Priority", "Schedule", "Trigger"]

CatchUp = Literal["fire_once", "skip", "all"]
Priority = Literal["low", "medium", "high", "critical"]


class Schedule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When a workflow is dispatched by the clock: exactly one of `cron` and `every_secs` is set."""

    id: str
    workflow_ref: str
    cron: str | None = None
    """Five fields or a shortcut like ``@daily``, in `timezone`."""
    every_secs: int | None = None
    timezone: str = "UTC"
    """A name of the IANA database."""
    active_hours: str | None = None
    """``HH:MM-HH:MM`` in `timezone`, the end excluded; a window may wrap around midnight."""
    catch_up: CatchUp = "fire_once"
    """What becomes of times that passed while the daemon was down."""
    enabled: bool = True
    """False also when `workflow_ref` names no workflow that can run; then `disabled_reason` says so."""
    disabled_reason: str | None = None
    subject: str | None = None
    """``<kind>:<id>``; None: a subject of the schedule's own."""
    title: str | None = None
    input: Any = None
    vars: dict[str, str] = {}
    priority: Priority | None = None
    description: str | None = None


class Trigger(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which outside event dispatches a workflow. `config` is checked and has its defaults filled in."""

    id: str
    type: str
    workflow_ref: str
    enabled: bool = True
    """As `Schedule.enabled`."""
    disabled_reason: str | None = None
    config: dict[str, Any] = {}
    active_hours: str | None = None
    timezone: str = "UTC"
    input: Any = None
    vars: dict[str, str] = {}
    priority: Priority | None = None
    description: str | None = None
