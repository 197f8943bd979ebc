"""Whom the definitions name to play a phase's agent: tools and models, in order."""

from typing import Any

import msgspec

from animus_workflow_runner_default.authoring.model import Agent, Phase, Runtime
from animus_workflow_runner_default.json_value import json_object

__all__ = ["merged_runtime", "tool_of_model", "wanted_targets"]

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
Target = tuple[str | None, str | None]
"""A tool and a model."""


def merged_runtime(phase: Phase, agent: Agent | None) -> Runtime:
    """The settings of the phase over those of its agent; what neither sets keeps its default."""
    base = Runtime() if agent is None else agent.runtime
    if phase.runtime is None:
        return base
    own = msgspec.to_builtins(phase.runtime)
    return msgspec.convert(msgspec.to_builtins(base) | own, Runtime)


def tool_of_model(model: str | None) -> str | None:
    """The tool that plays a model by its name, where nothing else says which."""
    if model is None:
        return None
    lowered = model.lower()
    return next((tool for prefix, tool in _TOOL_OF_MODEL if lowered.startswith(prefix)), _ANY_OTHER_MODEL)


def wanted_targets(
    models: dict[str, Any],
    phase: Phase,
    agent: Agent | None,
    runtime: Runtime,
    *,
    tool: str | None = None,
    model: str | None = None,
) -> list[Target]:
    """Whom to ask, in order: the primary target, then the fallbacks; each once.

    An agent that has no ``model`` takes the first of its ``models``; the rest are its first fallbacks.

    Args:
        models: the ``models`` registry gives names to models and tools.
        phase: its ``default_tool`` is the last hint.
        agent: its ``models``.
        runtime: see `merged_runtime`.
        tool: the dispatch's choice over everything.
        model: likewise.
    """
    listed = [] if agent is None else list(agent.models)
    primary = runtime.model
    if primary is None and listed:
        primary = listed.pop(0)
    wanted: list[Target] = [(tool or runtime.tool, model or primary), *((None, name) for name in listed)]
    for index in range(max(len(runtime.fallback_models), len(runtime.fallback_tools))):
        fallback_model = runtime.fallback_models[index] if index < len(runtime.fallback_models) else None
        fallback_tool = runtime.fallback_tools[index] if index < len(runtime.fallback_tools) else None
        wanted.append((fallback_tool, fallback_model))
    return list(dict.fromkeys(_target(models, phase, *pair) for pair in wanted))


def _target(models: dict[str, Any], phase: Phase, tool: str | None, model: str | None) -> Target:
    registered = json_object(models.get(model)) if model is not None else None
    if registered is not None:
        tool = tool or registered.get("tool")
        model = registered.get("model", model)
    return tool or phase.default_tool or tool_of_model(model), model
