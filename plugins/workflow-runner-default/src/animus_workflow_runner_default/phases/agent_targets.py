"""Whom to ask: the primary target and its fallbacks."""

from animus_workflow_runner_default.authoring.model import CompiledConfig, Phase, Runtime
from animus_workflow_runner_default.authoring.targets import merged_runtime, tool_of_model, wanted_targets
from animus_workflow_runner_default.phases.agent_state import AgentTarget

__all__ = ["agent_targets", "merged_runtime", "tool_of_model"]


def agent_targets(
    config: CompiledConfig, phase: Phase, runtime: Runtime, *, tool: str | None, model: str | None
) -> list[AgentTarget]:
    """Whom to ask, in order; see `wanted_targets`.

    Args:
        config: its ``models`` and agents.
        phase: whose agent is played.
        runtime: see `merged_runtime`.
        tool: the dispatch's choice over everything.
        model: likewise.
    """
    agent = config.agents.get(phase.agent or "")
    wanted = wanted_targets(config.models, phase, agent, runtime, tool=tool, model=model)
    return [AgentTarget(*target) for target in wanted]
