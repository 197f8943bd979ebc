"""What plays the agent of a phase where a dispatch or the daemon's settings say so.

``per_phase`` wins over the definitions; a class is only asked where neither the phase nor its agent names anything.
"""

from collections.abc import Iterator

import msgspec

from animus_workflow_runner_default.authoring.model import CompiledConfig, Phase, Routing, RoutingTable, Runtime

__all__ = ["routed"]

_replace = msgspec.structs.replace


def routed(phase: Phase, config: CompiledConfig, dispatched: RoutingTable | None) -> Phase:
    """The phase with the tool and models that routing gives it.

    Args:
        phase: as it is defined.
        config: the definitions, with ``daemon.phase_routing``.
        dispatched: ``phase_routing`` of the dispatch; it is asked first.
    """
    if phase.mode != "agent":
        return phase
    tables = [table for table in (dispatched, config.phase_routing) if table is not None]
    own = next((table.per_phase[phase.id] for table in tables if phase.id in table.per_phase), None)
    if own is not None:
        return _with(phase, own)
    agent = config.agents.get(phase.agent or "")
    runtimes = [runtime for runtime in (phase.runtime, agent and agent.runtime) if runtime]
    has_models = agent is not None and bool(agent.models)
    if phase.default_tool or has_models or any(runtime.tool or runtime.model for runtime in runtimes):
        return phase
    default = next((table.classes[name] for table in tables for name in _classes(phase) if name in table.classes), None)
    return phase if default is None else _with(phase, default)


def _with(phase: Phase, routing: Routing) -> Phase:
    runtime = phase.runtime or Runtime()
    runtime = _replace(
        runtime,
        tool=routing.tool or runtime.tool,
        model=routing.model or runtime.model,
        fallback_models=routing.fallback_models or runtime.fallback_models,
    )
    return _replace(phase, runtime=runtime)


def _classes(phase: Phase) -> Iterator[str]:
    capabilities = phase.capabilities
    if capabilities.is_research or capabilities.is_requirements:
        yield "research"
    if capabilities.is_ui_ux:
        yield "ui_ux"
    if capabilities.writes_files or capabilities.mutates_state or capabilities.is_testing:
        yield "file_edit"
    yield "global"
