"""Settings of the project as a whole: the daemon's, retention, routing of agents, forges."""

from collections.abc import Mapping
from typing import Any

import msgspec

from animus_plugin_protocol.described import described
from animus_workflow_runner_default.authoring.catalog import Catalog
from animus_workflow_runner_default.authoring.checking import Finding
from animus_workflow_runner_default.authoring.diagnostics import did_you_mean
from animus_workflow_runner_default.authoring.model import Phase, Retention, Routing, RoutingTable
from animus_workflow_runner_default.authoring.project_shapes import (
    DaemonShape,
    IntegrationShape,
    PhaseRoutingShape,
    RetentionShape,
)
from animus_workflow_runner_default.authoring.timetable import daemon_faults

__all__ = [
    "CLASSES",
    "GIT_PROVIDERS",
    "check_catalog",
    "compile_daemon",
    "compile_retention",
    "compile_routing",
    "git_integration",
    "routing_table",
]

CLASSES = ("research", "ui_ux", "file_edit", "global")
"""Classes of phases that ``phase_routing`` knows, the most special first."""
GIT_PROVIDERS = ("github", "gitlab")
_TASK_PROVIDERS = ("animus", "builtin", "default")
_DAEMON_KEYS = ("active_hours", "timezone", "budget")


def compile_daemon(catalog: Catalog) -> dict[str, Any]:
    """What ``daemon`` says that somebody acts on.

    Before schedules and triggers are compiled: those without hours of their own take its hours, and no faulty ones.
    """
    written = catalog.settings["daemon"]
    for steps, message in daemon_faults(msgspec.convert(written, described(DaemonShape))):
        catalog.report.add(message, catalog.setting_places["daemon", str(steps[0])])
        written = {key: value for key, value in written.items() if key not in steps}
    catalog.settings["daemon"] = written
    return {key: written[key] for key in _DAEMON_KEYS if written.get(key) is not None}


def compile_retention(catalog: Catalog) -> Retention:
    """The retention of all layers; a part that is not written keeps its defaults, one that is replaces them."""
    shape = msgspec.convert(catalog.settings["retention"], described(RetentionShape))
    values: dict[str, Any] = {}
    for part in RetentionShape.__struct_fields__:
        settings = getattr(shape, part)
        if settings is not None:
            values |= {f"{part}_{name}": getattr(settings, name) for name in settings.__struct_fields__}
    return Retention(**values)


def compile_routing(catalog: Catalog) -> RoutingTable | None:
    """``daemon.phase_routing``."""
    shape = msgspec.convert(catalog.settings["daemon"], described(DaemonShape)).phase_routing
    return None if shape is None else routing_table(shape)


def routing_table(shape: PhaseRoutingShape) -> RoutingTable:
    """The table that an author or a dispatch wrote."""
    classes: dict[str, Routing] = {}
    for name in CLASSES:
        routing = Routing(
            tool=getattr(shape, f"{name}_tool"),
            model=getattr(shape, f"{name}_model"),
            fallback_models=getattr(shape, f"{name}_fallback_models"),
        )
        if routing != Routing():
            classes[name] = routing
    per_phase = {
        phase_id: Routing(tool=item.tool, model=item.model, fallback_models=item.fallback_models)
        for phase_id, item in shape.per_phase.items()
    }
    return RoutingTable(per_phase=per_phase, classes=classes)


def git_integration(catalog: Catalog) -> IntegrationShape | None:
    """``integrations.git``, checked."""
    for name, definition in catalog.sections["integrations"].items():
        shape: IntegrationShape | None = definition.shape
        known = {"git": GIT_PROVIDERS, "tasks": _TASK_PROVIDERS}.get(name)
        if shape is None:
            continue
        if known is None:
            catalog.blame(
                definition, f"unknown integration {name!r}{did_you_mean(name, ('git', 'tasks'))}", of_key=True
            )
        elif shape.provider not in known:
            reason = "" if name == "git" else "; what serves tasks is the subject plugin of the flavor"
            hint = did_you_mean(shape.provider, known)
            catalog.blame(definition, f"unknown provider {shape.provider!r}{hint}{reason}", "provider")
        elif name == "tasks" and shape.base_branch is not None:
            catalog.blame(definition, "'base_branch' belongs to 'git'", "base_branch")
    git = catalog.sections["integrations"].get("git")
    return None if git is None or git.fault is not None else git.shape


def check_catalog(catalog: Catalog, phases: Mapping[str, Phase]) -> None:
    """Entries of ``phase_catalog`` that describe no phase."""
    known = catalog.sections["phases"]
    for name, definition in catalog.sections["phase_catalog"].items():
        if name not in phases and name not in known:
            message = f"'phase_catalog' describes {name!r}, which is no phase{did_you_mean(name, known)}"
            finding = Finding(path=definition.path, message=message, severity="warning", of_key=True)
            catalog.report.take(finding, definition.document)
