"""All definitions of all layers, each read on its own, the highest layer's winning whole.

A definition with a fault keeps its place: what stands below it is never used in its stead.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from animus_workflow_runner_default.authoring.checking import EXTENSION_PREFIX, Finding, check_keys, convert
from animus_workflow_runner_default.authoring.diagnostics import Position
from animus_workflow_runner_default.authoring.document import Document, Path
from animus_workflow_runner_default.authoring.load_time import Resolver
from animus_workflow_runner_default.authoring.model import Channel, McpServer
from animus_workflow_runner_default.authoring.plain import describe, is_list, is_mapping
from animus_workflow_runner_default.authoring.project_shapes import (
    CatalogShape,
    DaemonShape,
    EnvironmentRoutingShape,
    IntegrationShape,
    RetentionShape,
    ScheduleShape,
    TriggerShape,
)
from animus_workflow_runner_default.authoring.report import Report
from animus_workflow_runner_default.authoring.shapes import (
    AgentShape,
    BindingShape,
    ModelShape,
    PhaseShape,
    SecretShape,
    ToolShape,
    TopLevel,
    WorkflowShape,
)
from animus_workflow_runner_default.authoring.sources import Layer

__all__ = ["LISTS", "MAPPINGS", "SETTINGS", "Catalog", "Definition"]

MAPPINGS: dict[str, Any] = {
    "phases": PhaseShape,
    "agents": AgentShape,
    "tools": ToolShape,
    "models": ModelShape,
    "mcp_servers": McpServer,
    "secrets": SecretShape,
    "phase_catalog": CatalogShape,
    "agent_channels": Channel,
    "phase_mcp_bindings": BindingShape,
    "integrations": IntegrationShape,
}
LISTS: dict[str, Any] = {"workflows": WorkflowShape, "schedules": ScheduleShape, "triggers": TriggerShape}
SETTINGS: dict[str, Any] = {
    "daemon": DaemonShape,
    "retention": RetentionShape,
    "environment_routing": EnvironmentRoutingShape,
}
"""Sections of which there is one: a later layer's keys replace an earlier layer's."""


class Definition(msgspec.Struct, kw_only=True):
    """One definition as its author wrote it."""

    id: str
    shape: Any
    """The value as its shape; None if it has a fault."""
    value: dict[str, Any]
    """The plain value, load-time references filled in."""
    path: Path
    document: Document
    layer: Layer
    fault: str | None = None
    """The first error in it, with its place."""

    @property
    def has_name(self) -> bool:
        """Whether anything can refer to it: an item of a list may lack its ``id``."""
        return isinstance(self.path[-1], str) or isinstance(self.value.get("id"), str)

    @property
    def source(self) -> str:
        """``file:line`` of the definition."""
        position = self.document.position(self.path, of_key=isinstance(self.path[-1], str))
        return f"{position.file}:{position.line}"


class Catalog:
    """Definitions by section and id."""

    def __init__(self, environ: Mapping[str, str], report: Report) -> None:
        self.environ = environ
        self.report = report
        self.sections: dict[str, dict[str, Definition]] = {name: {} for name in (*MAPPINGS, *LISTS)}
        self.agent_layers: dict[str, list[Definition]] = {}
        self.allowlists: dict[str, list[str]] = {}
        """The programs a layer's ``tools_allowlist`` names, by layer; a layer without the key is missing."""
        self.default_workflow_ref: tuple[str, Definition] | None = None
        self.settings: dict[str, dict[str, Any]] = {name: {} for name in SETTINGS}
        """What the layers say together, by section, as plain values that fit its shape."""
        self.setting_places: dict[tuple[str, str], Position] = {}
        """Where each of them was said last, by section and key."""

    def blame(self, definition: Definition, message: str, *steps: str | int, of_key: bool = False) -> None:
        """Record a fault of a definition at a place inside it."""
        finding = Finding(path=(*definition.path, *steps), message=message, of_key=of_key)
        text = self.report.take(finding, definition.document)
        definition.fault = definition.fault or text

    def excuse(self, definition: Definition, message: str, *steps: str | int) -> None:
        """Record that a definition cannot be used here although nothing is wrong with it."""
        finding = Finding(path=(*definition.path, *steps), message=message, severity="warning")
        self.report.take(finding, definition.document)
        definition.fault = definition.fault or message

    def read(self, document: Document, layer: Layer) -> None:
        """Take in one file."""
        for problem in document.problems:
            self.report.add(problem.message, problem.position)
        if document.data is None:
            return
        if not is_mapping(document.data):
            message = f"a file of definitions is a mapping, not {describe(document.data)}"
            self.report.add(message, document.position(()))
            return
        top = {key: value for key, value in document.data.items() if not key.startswith(EXTENSION_PREFIX)}
        for finding in check_keys(top, TopLevel, ()):
            self.report.take(finding, document)
        for section, shape in MAPPINGS.items():
            for key, value in self._mapping(top.get(section), section, document):
                self._define(section, key, value, shape, (section, key), document, layer)
        for section, shape in LISTS.items():
            self._read_list(section, top.get(section), shape, document, layer)
        self._read_settings(top, document, layer)

    def _mapping(self, value: object, section: str, document: Document) -> Iterator[tuple[str, Any]]:
        if is_mapping(value):
            yield from value.items()
        elif value is not None:
            hint = "; write each one as `id: {...}`" if is_list(value) else ""
            finding = Finding(path=(section,), message=f"{section!r} takes a mapping, not {describe(value)}{hint}")
            self.report.take(finding, document)

    def _read_list(self, section: str, value: object, shape: Any, document: Document, layer: Layer) -> None:
        if value is None:
            return
        if not is_list(value):
            hint = f"; write each one as an item: `- id: {next(iter(value), 'name')}`" if is_mapping(value) else ""
            message = f"{section!r} takes a list, not {describe(value)}{hint}"
            self.report.take(Finding(path=(section,), message=message), document)
            return
        seen: dict[str, int] = {}
        for index, item in enumerate(value):
            name = item.get("id") if is_mapping(item) else None
            if isinstance(name, str):
                # What is wrong with a reference in it is said where the definition is read.
                name = Resolver(document, self.environ).resolve(name, (section, index, "id"))
            key = name.strip().lower() if isinstance(name, str) else f"#{document.file}:{index}"
            if key in seen:
                first = document.position((section, seen[key]))
                message = f"the id {name!r} is taken; it stands first at line {first.line}"
                self.blame(self.sections[section][key], message)
                self.report.take(Finding(path=(section, index, "id"), message=message), document)
                continue
            seen[key] = index
            self._define(section, key, item, shape, (section, index), document, layer)

    def _define(
        self, section: str, key: str, value: object, shape: Any, path: Path, document: Document, layer: Layer
    ) -> None:
        resolver = Resolver(document, self.environ)
        resolved = resolver.resolve(value, path)
        self.report.depends_on_surroundings |= resolver.is_used
        converted, findings = convert(resolved, shape, path)
        errors = [self.report.take(finding, document) for finding in (*resolver.findings, *findings)]
        errors += [
            f"{problem.position}: {problem.message}" for problem in document.problems if spoils(problem.path, path)
        ]
        fault = next((error for error in errors if error), None)
        name = resolved.get("id") if section in LISTS and is_mapping(resolved) else key
        definition = Definition(
            id=name if isinstance(name, str) else key,
            shape=converted if fault is None else None,
            value=resolved if is_mapping(resolved) else {},
            path=path,
            document=document,
            layer=layer,
            fault=fault,
        )
        self.sections[section][key] = definition
        if section == "agents":
            self.agent_layers.setdefault(key, []).append(definition)

    def _read_settings(self, top: dict[str, Any], document: Document, layer: Layer) -> None:
        resolver = Resolver(document, self.environ)
        default = resolver.resolve(top.get("default_workflow_ref"), ("default_workflow_ref",))
        programs = resolver.resolve(top.get("tools_allowlist"), ("tools_allowlist",))
        settings = {name: resolver.resolve(top.get(name), (name,)) for name in SETTINGS}
        self.report.depends_on_surroundings |= resolver.is_used
        for finding in resolver.findings:
            self.report.take(finding, document)
        if default is not None:
            self._read_default(default, document, layer)
        if "tools_allowlist" in top:
            self._read_allowlist(programs, document, layer)
        for name, value in settings.items():
            if value is not None:
                shape, findings = convert(value, SETTINGS[name], (name,))
                for finding in findings:
                    self.report.take(finding, document)
                if shape is not None and is_mapping(value):
                    self.settings[name] |= value
                    self.setting_places |= {(name, key): document.position((name, key)) for key in value}

    def _read_default(self, value: object, document: Document, layer: Layer) -> None:
        path = ("default_workflow_ref",)
        ref, findings = convert(value, str, path)
        for finding in findings:
            self.report.take(finding, document)
        if ref is not None:
            holder = Definition(id=ref, shape=None, value={}, path=path, document=document, layer=layer)
            self.default_workflow_ref = (ref, holder)

    def _read_allowlist(self, value: object, document: Document, layer: Layer) -> None:
        path = ("tools_allowlist",)
        programs, findings = convert([] if value is None else value, list[str], path)
        allowed = self.allowlists.setdefault(layer.name, [])
        for index, program in enumerate(programs or []):
            if layer.manifest is not None and program not in layer.manifest.permissions.tools:
                message = (
                    f"the pack may not allow {program!r}: it is not among 'tools' of [permissions] in its pack.toml"
                )
                findings.append(Finding(path=(*path, index), message=message))
            elif program not in allowed:
                allowed.append(program)
        for finding in findings:
            self.report.take(finding, document)


def spoils(problem: Path, path: Path) -> bool:
    """Whether a problem at one path makes the definition at another unusable."""
    shared = min(len(problem), len(path))
    return problem[:shared] == path[:shared]
