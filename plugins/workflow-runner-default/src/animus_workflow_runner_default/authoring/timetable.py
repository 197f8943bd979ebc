"""Schedules and triggers: what dispatches a workflow without a person."""

import re
from collections.abc import Iterator, Mapping

from animus_workflow_runner_default.authoring.catalog import Catalog, Definition
from animus_workflow_runner_default.authoring.checking import Finding
from animus_workflow_runner_default.authoring.diagnostics import did_you_mean
from animus_workflow_runner_default.authoring.model import Schedule, Trigger, Workflow
from animus_workflow_runner_default.authoring.shapes import ScheduleShape, TriggerShape

__all__ = ["compile_schedules", "compile_triggers", "cron_fault"]

_SHORTCUTS = ("@hourly", "@daily", "@weekly", "@monthly")
_FIELDS: tuple[tuple[str, int, int], ...] = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of month", 1, 31),
    ("month", 1, 12),
    ("day of week", 0, 7),
)
_NAMES: dict[str, tuple[str, ...]] = {
    "month": ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    "day of week": ("sun", "mon", "tue", "wed", "thu", "fri", "sat"),
}
_ITEM = re.compile(r"(?P<first>\*|[0-9]{1,2}|[a-z]{3})(?:-(?P<last>[0-9]{1,2}|[a-z]{3}))?(?:/(?P<step>[0-9]{1,2}))?")


def compile_schedules(catalog: Catalog, workflows: Mapping[str, Workflow]) -> list[Schedule]:
    """All schedules without a fault; one that names no workflow is switched off, with a warning."""
    schedules: list[Schedule] = []
    for definition, is_known in _with_targets(catalog, "schedules", workflows):
        shape: ScheduleShape = definition.shape
        fault = cron_fault(shape.cron)
        if fault is not None:
            catalog.blame(definition, f"'cron' is {shape.cron!r}: {fault}", "cron")
            continue
        schedules.append(
            Schedule(
                id=shape.id,
                cron=shape.cron,
                workflow_ref=shape.workflow_ref,
                enabled=shape.enabled and is_known,
                input=shape.input,
                description=shape.description,
            )
        )
    return schedules


def compile_triggers(catalog: Catalog, workflows: Mapping[str, Workflow]) -> list[Trigger]:
    """All triggers without a fault; one that names no workflow is switched off, with a warning."""
    triggers: list[Trigger] = []
    for definition, is_known in _with_targets(catalog, "triggers", workflows):
        shape: TriggerShape = definition.shape
        triggers.append(
            Trigger(
                id=shape.id,
                type=shape.type,
                workflow_ref=shape.workflow_ref,
                enabled=shape.enabled and is_known,
                config=shape.config,
                input=shape.input,
                description=shape.description,
            )
        )
    return triggers


def _with_targets(
    catalog: Catalog, section: str, workflows: Mapping[str, Workflow]
) -> Iterator[tuple[Definition, bool]]:
    for definition in catalog.sections[section].values():
        if definition.shape is None:
            continue
        ref: str = definition.shape.workflow_ref
        is_known = ref.strip().lower() in workflows
        if not is_known:
            hint = did_you_mean(ref, [workflow.id for workflow in workflows.values()])
            message = f"{definition.id!r} is switched off: there is no usable workflow {ref!r}{hint}"
            finding = Finding(path=(*definition.path, "workflow_ref"), message=message, severity="warning")
            catalog.report.take(finding, definition.document)
        yield definition, is_known


def cron_fault(text: str) -> str | None:
    """What is wrong with a cron expression of five fields; None if nothing is."""
    if text.startswith("@"):
        return None if text in _SHORTCUTS else f"unknown shortcut{did_you_mean(text, _SHORTCUTS)}"
    fields = text.lower().split()
    if len(fields) != len(_FIELDS):
        return f"it has {len(fields)} fields; cron takes 5: minute, hour, day of month, month, day of week"
    for field, (name, lowest, highest) in zip(fields, _FIELDS, strict=True):
        for item in field.split(","):
            fault = _item_fault(item, name, lowest, highest)
            if fault is not None:
                return f"{fault} in the field {name!r}"
    return None


def _item_fault(item: str, name: str, lowest: int, highest: int) -> str | None:
    match = _ITEM.fullmatch(item)
    if match is None or (match["first"] == "*" and match["last"]):
        return f"{item!r} cannot be read"
    ends = [_number(end, name) for end in (match["first"], match["last"]) if end not in (None, "*")]
    for end in ends:
        if end is None or not lowest <= end <= highest:
            return f"{item!r} is not within {lowest}-{highest}"
    if match["step"] == "0" or match["step"] == "00":
        return f"the step of {item!r} is zero"
    numbers = [end for end in ends if end is not None]
    return f"{item!r} runs backwards" if numbers != sorted(numbers) else None


def _number(text: str, name: str) -> int | None:
    if text.isdecimal():
        return int(text)
    names = _NAMES.get(name, ())
    return names.index(text) + (1 if name == "month" else 0) if text in names else None
