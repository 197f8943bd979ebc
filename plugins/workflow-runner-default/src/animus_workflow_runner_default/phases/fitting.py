"""Which of an attempt's targets can do what it needs; the others are left out before anything is called."""

from typing import NamedTuple

from animus_workflow_runner_default.authoring.fitness import needs_of, too_long_for, unmet
from animus_workflow_runner_default.authoring.mcp import defined_servers
from animus_workflow_runner_default.authoring.model import Tool
from animus_workflow_runner_default.phases.agent_state import AgentTarget
from animus_workflow_runner_default.phases.agent_work import AgentWork
from animus_workflow_runner_default.phases.prompt import Prompt

__all__ = ["Fitting", "fitting"]


class Fitting(NamedTuple):
    """The targets that are left, and why the others are not among them."""

    targets: list[AgentTarget]
    left_out: list[str]


def fitting(work: AgentWork, targets: list[AgentTarget], prompt: Prompt) -> Fitting:
    """Sort out what the author says does not do. A dispatch or the daemon's routing may have named it."""
    found = Fitting([], [])
    for target in targets:
        tool = work.config.tools.get(target.tool or "")
        fault = None if tool is None else _fault(work, tool, len(prompt.system) + len(prompt.text))
        if fault is None:
            found.targets.append(target)
        else:
            found.left_out.append(f"{target} is left out: {fault}")
    return found


def _fault(work: AgentWork, tool: Tool, characters: int) -> str | None:
    config, phase = work.config, work.phase
    agent = config.agents.get(phase.agent or "")
    servers = defined_servers(config, phase.id, agent)
    faults = (unmet(tool, need) for need in needs_of(phase, agent, servers))
    return next((fault for fault in faults if fault), None) or too_long_for(tool, characters)
