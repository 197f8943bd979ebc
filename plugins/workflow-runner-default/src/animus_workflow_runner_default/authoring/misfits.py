"""Phases whose tool says that it cannot do what they need: found when the definitions are read."""

from collections.abc import Iterator

from animus_workflow_runner_default.authoring.catalog import Catalog
from animus_workflow_runner_default.authoring.fitness import needs_of, unmet
from animus_workflow_runner_default.authoring.mcp import bound_servers
from animus_workflow_runner_default.authoring.model import Agent, McpServer, Phase
from animus_workflow_runner_default.authoring.targets import merged_runtime, wanted_targets

__all__ = ["misfits"]


def misfits(catalog: Catalog, phase: Phase, agent: Agent | None) -> Iterator[tuple[tuple[str, ...], str]]:
    """What the tools that the definitions name for a phase cannot do: the keys of the phase, and why."""
    models = {name: item.value for name, item in catalog.sections["models"].items() if item.fault is None}
    servers: dict[str, McpServer] = {
        name: item.shape for name, item in catalog.sections["mcp_servers"].items() if item.shape is not None
    }
    bindings = {name: item.value for name, item in catalog.sections["phase_mcp_bindings"].items()}
    bound = {name: servers[name] for name in bound_servers(servers, bindings, phase.id, agent) if name in servers}
    needs = list(needs_of(phase, agent, bound))
    targets = wanted_targets(models, phase, agent, merged_runtime(phase, agent))
    for tool_id in dict.fromkeys(tool for tool, _ in targets):
        definition = catalog.sections["tools"].get(tool_id or "")
        if definition is None or definition.shape is None:
            continue
        for need in needs:
            reason = unmet(definition.shape, need)
            if reason is not None:
                yield need.place, f"tool {tool_id!r} ({definition.source}) does not do here: {reason}"
