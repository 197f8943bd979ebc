"""Whom to ask: the primary target and its fallbacks, and which of them are left alone for a while."""

import msgspec

from animus_workflow_runner_default.authoring.model import Agent, CompiledConfig, Phase, Runtime
from animus_workflow_runner_default.clock import Clock
from animus_workflow_runner_default.json_value import json_object
from animus_workflow_runner_default.phases.agent_state import AgentTarget

__all__ = [
    "LONGEST_SUPPRESSION_SECONDS",
    "SUPPRESSION_SECONDS",
    "Suppression",
    "agent_targets",
    "merged_runtime",
    "tool_of_model",
]

SUPPRESSION_SECONDS = 300.0
"""How long a target that is exhausted or unavailable is asked last, where its provider does not say."""
LONGEST_SUPPRESSION_SECONDS = 3_600.0

_TOOL_OF_MODEL = (
    ("claude", "claude"),
    ("gemini", "gemini"),
    ("glm", "oai-agent"),
    ("minimax", "oai-agent"),
    ("zai", "oai-agent"),
    ("openrouter", "oai-agent"),
    ("groq", "oai-agent"),
    ("together", "oai-agent"),
    ("fireworks", "oai-agent"),
    ("mistral", "oai-agent"),
    ("opencode", "opencode"),
    ("qwen", "opencode"),
    ("deepseek", "opencode"),
)
_ANY_OTHER_MODEL = "codex"


def merged_runtime(phase: Phase, agent: Agent | None) -> Runtime:
    """The settings of the phase over those of its agent; what neither sets keeps its default."""
    base = Runtime() if agent is None else agent.runtime
    if phase.runtime is None:
        return base
    own = msgspec.to_builtins(phase.runtime)
    return msgspec.convert(msgspec.to_builtins(base) | own, Runtime)


def agent_targets(
    config: CompiledConfig, phase: Phase, runtime: Runtime, *, tool: str | None, model: str | None
) -> list[AgentTarget]:
    """Whom to ask, in order: the primary target, then the fallbacks; each once.

    An agent that has no ``model`` takes the first of its ``models``; the rest are its first fallbacks.

    Args:
        config: its ``models`` registry gives names to models and tools.
        phase: its ``default_tool`` is the last hint.
        runtime: see `merged_runtime`.
        tool: the dispatch's choice over everything.
        model: likewise.
    """
    agent = config.agents.get(phase.agent or "")
    listed = [] if agent is None else list(agent.models)
    primary = runtime.model
    if primary is None and listed:
        primary = listed.pop(0)
    wanted = [(tool or runtime.tool, model or primary)]
    wanted += [(None, name) for name in listed]
    for index in range(max(len(runtime.fallback_models), len(runtime.fallback_tools))):
        fallback_model = runtime.fallback_models[index] if index < len(runtime.fallback_models) else None
        fallback_tool = runtime.fallback_tools[index] if index < len(runtime.fallback_tools) else None
        wanted.append((fallback_tool, fallback_model))
    targets = (_target(config, phase, *pair) for pair in wanted)
    return list(dict.fromkeys(targets))


def _target(config: CompiledConfig, phase: Phase, tool: str | None, model: str | None) -> AgentTarget:
    registered = json_object(config.models.get(model)) if model is not None else None
    if registered is not None:
        tool = tool or registered.get("tool")
        model = registered.get("model", model)
    return AgentTarget(tool or phase.default_tool or tool_of_model(model), model)


def tool_of_model(model: str | None) -> str | None:
    """The tool that plays a model by its name, where nothing else says which."""
    if model is None:
        return None
    lowered = model.lower()
    return next((tool for prefix, tool in _TOOL_OF_MODEL if lowered.startswith(prefix)), _ANY_OTHER_MODEL)


class Suppression:
    """Targets that failed lately in a way that lasts; shared by all runs of the process.

    A suppressed target is asked after the others, never left out: it may be the only one.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[AgentTarget, float] = {}

    def suppress(self, target: AgentTarget, seconds: float | None) -> None:
        """Ask `target` last from now on.

        Args:
            target: what failed.
            seconds: how long its provider says; bounded here.
        """
        length = SUPPRESSION_SECONDS if seconds is None else min(max(seconds, 0.0), LONGEST_SUPPRESSION_SECONDS)
        self._until[target] = self._clock.monotonic() + length

    def lift(self, target: AgentTarget) -> None:
        """It works again."""
        self._until.pop(target, None)

    def is_suppressed(self, target: AgentTarget) -> bool:
        """Whether it is asked last now."""
        until = self._until.get(target)
        if until is not None and until <= self._clock.monotonic():
            del self._until[target]
            return False
        return until is not None

    def ordered(self, targets: list[AgentTarget]) -> list[AgentTarget]:
        """The targets with the suppressed ones behind the others."""
        return sorted(targets, key=self.is_suppressed)
