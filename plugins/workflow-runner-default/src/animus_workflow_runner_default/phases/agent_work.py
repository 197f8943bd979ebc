"""What one attempt of an agent phase is made of."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from animus_workflow_runner_default.authoring.model import CompiledConfig, Phase
from animus_workflow_runner_default.phases.outcome import RunContext
from animus_workflow_runner_default.phases.prompt import PriorPhase

__all__ = ["AgentWork"]


class AgentWork(NamedTuple):
    """One attempt of an agent phase."""

    config: CompiledConfig
    phase: Phase
    context: RunContext
    subject_id: str
    title: str
    description: str
    prior: Sequence[PriorPhase]
    failure_context: str | None
    dispatch_input: Any
    document: dict[str, Any]
    """What the agent finds at ``ANIMUS_CONTEXT_FILE``."""
    custom_verdicts: Sequence[str]
    tool: str | None
    model: str | None
    timeout_seconds: int | None
    may_restart: bool = False
    """The phase may begin anew although an interrupted agent may have had effects."""
    memory: Sequence[str] = ()
    """What the agent remembers, oldest first."""
