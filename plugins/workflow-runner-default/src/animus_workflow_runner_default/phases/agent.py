"""The seam to a coding agent: what is asked, what comes back, and who answers is not our business."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import msgspec

from animus_workflow_runner_default.authoring.model import Agent, CompiledConfig, Phase, Runtime
from animus_workflow_runner_default.json_value import json_object

__all__ = [
    "AgentCallError",
    "AgentCaller",
    "AgentReply",
    "AgentRequest",
    "AgentTarget",
    "OnText",
    "agent_targets",
    "merged_runtime",
]

OnText = Callable[[str, str], None]
"""Called with what the agent shows: ``output``, ``thinking``, ``tool`` or ``error``, and the text."""

DEFAULT_MAX_ATTEMPTS = 3
MAX_ATTEMPTS = 10

_TOOL_OF_MODEL = (
    ("claude", "claude"),
    ("gemini", "gemini"),
    ("glm", "oai-agent"),
    ("minimax", "oai-agent"),
    ("zai", "oai-agent"),
    ("openrouter", "oai-agent"),
    ("opencode", "opencode"),
    ("qwen", "opencode"),
    ("deepseek", "opencode"),
    ("gpt", "codex"),
    ("codex", "codex"),
)


class AgentTarget(NamedTuple):
    """Who is asked: a tool id and a model; both None leaves the choice to the host."""

    tool: str | None
    model: str | None


class AgentRequest(NamedTuple):
    """One call of an agent. `program` is set where the tool id stands for a program of the definitions."""

    run_id: str
    target: AgentTarget
    program: tuple[str, list[str]] | None
    prompt: str
    system_prompt: str
    cwd: str
    project_root: str
    environment: dict[str, str]
    timeout_seconds: int | None
    context: dict[str, Any]
    runtime: Runtime
    response_schema: Any = None


class AgentReply(NamedTuple):
    """How the agent ended; `output` is its final answer, empty if it only streamed."""

    exit_code: int
    output: str
    errors: list[str]
    backend: str
    session_id: str
    decision: Any = None
    tokens: Any = None


class AgentCallError(Exception):
    """The call itself failed: no such provider, it died, it refused."""


class AgentCaller(Protocol):
    """Reaches an agent; an adapter maps it to the host."""

    async def __call__(self, request: AgentRequest, on_text: OnText) -> AgentReply:
        """Run the agent; `on_text` is called in order, before this returns.

        Raises:
            AgentCallError: see there.
        """
        ...


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

    Args:
        config: its ``models`` registry gives names to models and tools.
        phase: its ``default_tool`` is the last hint.
        runtime: see `merged_runtime`.
        tool: the dispatch's choice over everything.
        model: likewise.
    """
    wanted = [(tool or runtime.tool, model or runtime.model)]
    for index in range(max(len(runtime.fallback_models), len(runtime.fallback_tools))):
        fallback_model = runtime.fallback_models[index] if index < len(runtime.fallback_models) else None
        fallback_tool = runtime.fallback_tools[index] if index < len(runtime.fallback_tools) else None
        wanted.append((fallback_tool, fallback_model))
    targets = (_target(config, phase, *pair) for pair in wanted)
    return list(dict.fromkeys(targets))


def _target(config: CompiledConfig, phase: Phase, tool: str | None, model: str | None) -> AgentTarget:
    entry = config.models.get(model) if model is not None else None
    registered = json_object(entry)
    if registered is not None:
        tool = tool or registered.get("tool")
        model = registered.get("model", model)
    return AgentTarget(tool or phase.default_tool or _tool_of(model), model)


def _tool_of(model: str | None) -> str | None:
    if model is None:
        return None
    lowered = model.lower()
    return next((tool for prefix, tool in _TOOL_OF_MODEL if lowered.startswith(prefix)), "codex")
