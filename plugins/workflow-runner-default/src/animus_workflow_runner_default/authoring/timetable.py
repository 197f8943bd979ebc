"""Schedules and triggers: what dispatches a workflow without a person."""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import msgspec

from animus_plugin_protocol.described import described
from animus_workflow_runner_default.authoring.catalog import Catalog, Definition
from animus_workflow_runner_default.authoring.checking import Finding, convert
from animus_workflow_runner_default.authoring.cron import cron_fault
from animus_workflow_runner_default.authoring.diagnostics import did_you_mean
from animus_workflow_runner_default.authoring.model import Schedule, Trigger, Workflow
from animus_workflow_runner_default.authoring.project_shapes import (
    DaemonShape,
    FileWatcherShape,
    ScheduleShape,
    TriggerShape,
    WebhookShape,
)

__all__ = ["compile_schedules", "compile_triggers", "daemon_faults"]

_Fault = tuple[tuple[str | int, ...], str]
_HOURS = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]-(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)")
_LENGTH = re.compile(r"(?P<number>[0-9]{1,9})(?P<unit>[smhd]?)")
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_CONFIGS: dict[str, Any] = {
    "file_watcher": FileWatcherShape,
    "webhook": WebhookShape,
    "github_webhook": WebhookShape,
}


def compile_schedules(catalog: Catalog, workflows: Mapping[str, Workflow]) -> list[Schedule]:
    """All schedules without a fault; one that names no workflow is switched off, with a warning."""
    daemon = msgspec.convert(catalog.settings["daemon"], described(DaemonShape))
    schedules: list[Schedule] = []
    for definition, problem in _with_targets(catalog, "schedules", workflows):
        shape: ScheduleShape = definition.shape
        faults = list(_schedule_faults(shape))
        for key, message in faults:
            catalog.blame(definition, message, *key)
        if faults:
            continue
        hours, zone = _window(shape, daemon)
        schedules.append(
            Schedule(
                id=shape.id,
                cron=shape.cron,
                every_secs=None if shape.every is None else _seconds(shape.every),
                timezone=zone,
                active_hours=hours,
                catch_up=shape.catch_up,
                workflow_ref=shape.workflow_ref,
                enabled=shape.enabled and problem is None,
                disabled_reason=problem,
                subject=shape.subject,
                title=shape.name if shape.title is None else shape.title,
                input=shape.input,
                vars=shape.vars,
                priority=shape.priority,
                description=shape.description,
            )
        )
    return schedules


def compile_triggers(catalog: Catalog, workflows: Mapping[str, Workflow]) -> list[Trigger]:
    """All triggers without a fault; one that names no workflow is switched off, with a warning."""
    daemon = msgspec.convert(catalog.settings["daemon"], described(DaemonShape))
    triggers: list[Trigger] = []
    for definition, problem in _with_targets(catalog, "triggers", workflows):
        shape: TriggerShape = definition.shape
        config = _trigger_config(catalog, definition, shape)
        faults = list(_window_faults(shape))
        for key, message in faults:
            catalog.blame(definition, message, *key)
        if faults or config is None:
            continue
        hours, zone = _window(shape, daemon)
        triggers.append(
            Trigger(
                id=shape.id,
                type=shape.type,
                workflow_ref=shape.workflow_ref,
                enabled=shape.enabled and problem is None,
                disabled_reason=problem,
                config=config,
                active_hours=hours,
                timezone=zone,
                input=shape.input,
                vars=shape.vars,
                priority=shape.priority,
                description=shape.description,
            )
        )
    return triggers


def daemon_faults(daemon: DaemonShape) -> Iterator[_Fault]:
    """What is wrong with the hours of ``daemon``."""
    yield from _window_faults(daemon)


def _trigger_config(catalog: Catalog, definition: Definition, shape: TriggerShape) -> dict[str, Any] | None:
    """The settings of its type, defaults filled in; None if they have a fault."""
    kind = _CONFIGS.get(shape.type)
    if kind is None:
        return shape.config
    converted, findings = convert(shape.config, kind, (*definition.path, "config"))
    for finding in findings:
        catalog.blame(definition, finding.message, *finding.path[len(definition.path) :], of_key=finding.of_key)
    if converted is None or findings:
        return None
    for index, pattern in enumerate(converted.paths if isinstance(converted, FileWatcherShape) else ()):
        if PurePosixPath(pattern).is_absolute() or ".." in PurePosixPath(pattern).parts:
            catalog.blame(
                definition, f"{pattern!r} leaves the project; paths are relative to it", "config", "paths", index
            )
            return None
    values: dict[str, Any] = msgspec.to_builtins(converted)
    return {key: value for key, value in values.items() if value is not None}


def _schedule_faults(shape: ScheduleShape) -> Iterator[_Fault]:
    if (shape.cron is None) is (shape.every is None):
        yield (), "a schedule has either 'cron' or 'every'"
    if shape.cron is not None and (fault := cron_fault(shape.cron)):
        yield ("cron",), f"'cron' is {shape.cron!r}: {fault}"
    if shape.every is not None and _seconds(shape.every) is None:
        yield ("every",), f"'every' is {shape.every!r}; write a length like 90s, 30m, 2h or 1d"
    if shape.subject is not None and not all(shape.subject.partition(":")):
        yield ("subject",), f"'subject' is {shape.subject!r}; write it as kind:id"
    yield from _window_faults(shape)


def _window_faults(shape: ScheduleShape | TriggerShape | DaemonShape) -> Iterator[_Fault]:
    if shape.active_hours is not None and not _HOURS.fullmatch(shape.active_hours):
        yield (
            ("active_hours",),
            f"'active_hours' is {shape.active_hours!r}; write it as HH:MM-HH:MM, like \"22:00-06:00\"",
        )
    if shape.timezone is not None and not _is_zone(shape.timezone):
        yield ("timezone",), f"unknown time zone {shape.timezone!r}; use a name like 'Europe/Berlin'"


def _window(shape: ScheduleShape | TriggerShape, daemon: DaemonShape) -> tuple[str | None, str]:
    """The hours and the zone that count: its own, else those of ``daemon``."""
    return shape.active_hours or daemon.active_hours, shape.timezone or daemon.timezone or "UTC"


def _is_zone(name: str) -> bool:
    if name == "UTC":
        return True
    import zoneinfo  # noqa: PLC0415 - only who names a zone pays for the import

    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        # A machine without any zones cannot tell a wrong name from a right one.
        return not zoneinfo.available_timezones()
    return True


def _seconds(length: str | int) -> int | None:
    """A length of time; None if it cannot be read or is no time at all."""
    match = _LENGTH.fullmatch(str(length))
    seconds = int(match["number"]) * _UNITS[match["unit"] or "s"] if match else 0
    return seconds or None


def _with_targets(
    catalog: Catalog, section: str, workflows: Mapping[str, Workflow]
) -> Iterator[tuple[Definition, str | None]]:
    for definition in catalog.sections[section].values():
        if definition.shape is None:
            continue
        ref: str = definition.shape.workflow_ref
        problem: str | None = None
        if ref.strip().lower() not in workflows:
            problem = f"there is no usable workflow {ref!r}"
            hint = did_you_mean(ref, [workflow.id for workflow in workflows.values()])
            message = f"{definition.id!r} is switched off: {problem}{hint}"
            finding = Finding(path=(*definition.path, "workflow_ref"), message=message, severity="warning")
            catalog.report.take(finding, definition.document)
        yield definition, problem
