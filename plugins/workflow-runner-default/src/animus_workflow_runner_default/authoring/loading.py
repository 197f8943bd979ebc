"""From a project and its packs to the compiled configuration and everything that is wrong with it."""

from collections.abc import Iterable, Mapping
from pathlib import Path as FilePath
from typing import Any

import msgspec

from animus_workflow_runner_default.authoring.abilities import check_capabilities
from animus_workflow_runner_default.authoring.agents import compile_agents, compile_tools
from animus_workflow_runner_default.authoring.allowlist import compile_allowlist
from animus_workflow_runner_default.authoring.catalog import Catalog
from animus_workflow_runner_default.authoring.channels import check_channels
from animus_workflow_runner_default.authoring.diagnostics import Diagnostic, Position, did_you_mean
from animus_workflow_runner_default.authoring.document import DocumentError
from animus_workflow_runner_default.authoring.expansion import is_private
from animus_workflow_runner_default.authoring.hooks import check_hooks
from animus_workflow_runner_default.authoring.mcp import check_mcp
from animus_workflow_runner_default.authoring.model import CompiledConfig, Workflow, digest
from animus_workflow_runner_default.authoring.packs import Pack
from animus_workflow_runner_default.authoring.phases import compile_phases
from animus_workflow_runner_default.authoring.project import (
    check_catalog,
    compile_daemon,
    compile_retention,
    compile_routing,
    git_integration,
)
from animus_workflow_runner_default.authoring.report import Report
from animus_workflow_runner_default.authoring.secret_names import check_secret_names
from animus_workflow_runner_default.authoring.skills import SkillFinder, attach_skills
from animus_workflow_runner_default.authoring.sources import Layer, layers_of, read_document
from animus_workflow_runner_default.authoring.timetable import compile_schedules, compile_triggers
from animus_workflow_runner_default.authoring.workflows import compile_workflows

__all__ = ["Loaded", "load"]


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What one load found."""

    config: CompiledConfig
    """The good definitions; `CompiledConfig.disabled` names the workflows that cannot run."""
    diagnostics: list[Diagnostic]
    version_token: str
    """Equal configurations have equal tokens."""
    depends_on_surroundings: bool
    """Whether values of the environment or other files became part of it."""


def load(project_root: FilePath, packs: Iterable[Pack], environ: Mapping[str, str]) -> Loaded:
    """Read all definitions of a project.

    Never raises for what an author wrote: a bad definition is a diagnostic and disables the workflows that need it.
    """
    report = Report()
    catalog = Catalog(environ, report)
    layers = layers_of(project_root, packs, report)
    unreadable = _read_all(catalog, layers)
    for check in (check_secret_names, check_mcp, check_hooks, check_channels, check_capabilities):
        check(catalog)
    finder = SkillFinder(project_root, layers, environ)
    agents = compile_agents(catalog)
    skills = attach_skills(catalog, finder, "agents", agents)
    routing = compile_routing(catalog)
    phases = compile_phases(catalog, agents, has_default=routing is not None and bool(routing.classes))
    skills |= attach_skills(catalog, finder, "phases", phases)
    check_catalog(catalog, phases)
    workflows = compile_workflows(catalog, phases, git_integration(catalog))
    disabled = _disable(catalog, workflows, unreadable)
    daemon = compile_daemon(catalog)
    config = CompiledConfig(
        default_workflow_ref=_default(catalog, workflows, disabled),
        workflows=workflows,
        disabled=disabled,
        phases=phases,
        agents=agents,
        tools=compile_tools(catalog),
        tools_allowlist=compile_allowlist(catalog),
        schedules=compile_schedules(catalog, workflows),
        triggers=compile_triggers(catalog, workflows),
        daemon=daemon,
        retention=compile_retention(catalog),
        phase_routing=routing,
        skills=skills,
        mcp_servers=_shapes(catalog, "mcp_servers"),
        secrets=_values(catalog, "secrets"),
        phase_mcp_bindings=_values(catalog, "phase_mcp_bindings"),
        models=_values(catalog, "models"),
        agent_channels=_shapes(catalog, "agent_channels"),
        phase_catalog=_values(catalog, "phase_catalog"),
        integrations=_values(catalog, "integrations"),
    )
    return Loaded(
        config=config,
        diagnostics=report.diagnostics(),
        version_token=digest(config),
        depends_on_surroundings=report.depends_on_surroundings,
    )


def _read_all(catalog: Catalog, layers: list[Layer]) -> dict[str, str]:
    """Read every file; returns the reason why a layer's workflows cannot be trusted, by layer.

    A file that cannot be read may hold a newer form of anything in its own layer or in one below.
    """
    if not layers:
        message = "no definitions of workflows: neither this file nor .animus/workflows/ nor a pack; run `animus init`"
        catalog.report.add(message, Position(".animus/workflows.yaml"))
    reasons: dict[str, str] = {}
    for rank, layer in enumerate(layers):
        for file in layer.files:
            try:
                document = read_document(file)
            except DocumentError as error:
                reason = catalog.report.add(error.message, error.position)
                for lower in layers[: rank + 1]:
                    reasons.setdefault(lower.name, f"a file that may change it cannot be read: {reason}")
            else:
                catalog.read(document, layer)
    return reasons


def _disable(catalog: Catalog, workflows: dict[str, Workflow], unreadable: Mapping[str, str]) -> dict[str, str]:
    """The reasons of all workflows that cannot run, by lower-case id; those are taken out of `workflows`."""
    definitions = catalog.sections["workflows"]
    disabled = {
        key: definition.fault
        for key, definition in definitions.items()
        if definition.fault is not None and definition.has_name and not is_private(definition)
    }
    for key in list(workflows):
        reason = unreadable.get(definitions[key].layer.name)
        if reason is not None:
            disabled[key] = reason
            del workflows[key]
    return disabled


def _default(catalog: Catalog, workflows: Mapping[str, Workflow], disabled: Mapping[str, str]) -> str | None:
    if catalog.default_workflow_ref is None:
        return None
    ref, holder = catalog.default_workflow_ref
    key = ref.strip().lower()
    if key not in workflows and key not in disabled:
        known = [workflow.id for workflow in workflows.values()]
        catalog.blame(holder, f"'default_workflow_ref' names an unknown workflow {ref!r}{did_you_mean(ref, known)}")
        return None
    return ref


def _shapes(catalog: Catalog, section: str) -> dict[str, Any]:
    return {key: item.shape for key, item in catalog.sections[section].items() if item.fault is None}


def _values(catalog: Catalog, section: str) -> dict[str, Any]:
    return {key: item.value for key, item in catalog.sections[section].items() if item.fault is None}
