"""What one attempt of an agent phase is made of."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from animus_workflow_runner_default.authoring.model import CompiledConfig, Phase
from animus_workflow_runner_default.journal.record import Usage
from animus_workflow_runner_default.phases.messages import ChannelView
from animus_workflow_runner_default.phases.outcome import RunContext
from animus_workflow_runner_default.phases.prompt import PriorPhase

__all__ = ["AgentWork"]


def _unlimited(_used: Usage | None) -> None:
    return None


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
    channels: Sequence[ChannelView] = ()
    """What the agent reads of others."""
    over_budget: Callable[[Usage | None], str | None] = _unlimited
    """Why no agent may be called any more after the attempt used so much; None if one may."""
