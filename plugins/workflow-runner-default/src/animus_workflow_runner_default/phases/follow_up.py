"""What an agent is told when its session goes on: after an interruption, to come to the end, to mend its answer.

The session knows its task; these are short on purpose. What they quote is ours or the author's, except the findings,
which quote the agent's own words back to it.
"""

from collections.abc import Sequence

from animus_workflow_runner_default.authoring.model import Phase
from animus_workflow_runner_default.phases.agent_answer import Judged
from animus_workflow_runner_default.phases.agent_state import AgentCall, Purpose
from animus_workflow_runner_default.phases.prompt import result_rules

__all__ = ["MAX_REPAIRS", "follow_up_purpose", "follow_up_text"]

DEFAULT_CONTINUATIONS = 3
MAX_CONTINUATIONS = 10
MAX_REPAIRS = 1
"""How often an agent may say again what it said in a wrong form, before the phase is reworked."""
MAX_FINDING_CHARS = 4_000

_INTERRUPTED = (
    "You were interrupted: the machine that runs you stopped. The working directory is as you left it. "
    "Look at what is done already, then go on with your task and bring it to its end."
)
_CONTINUE = "You stopped before your task was at its end. Go on where you stopped and bring it to its end."
_REPAIR = "Your answer does not have the form it must have:"
_REPAIR_HOW = "Do not do the work again. Say the whole result again in the right form."


def follow_up_purpose(
    judged: Judged, said: Sequence[AgentCall], max_continuations: int | None, *, is_unfinished: bool
) -> Purpose | None:
    """Whether the agent is asked once more before its answer counts, and what for.

    Args:
        judged: its answer so far.
        said: the calls of the conversation that came to an end.
        max_continuations: the author's bound; None is the default.
        is_unfinished: the agent stopped at its own limit.
    """
    limit = DEFAULT_CONTINUATIONS if max_continuations is None else min(max_continuations, MAX_CONTINUATIONS)
    if is_unfinished or judged.gap == "missing":
        return "continue" if _count(said, "continue") < limit else None
    if judged.gap == "form":
        return "repair" if _count(said, "repair") < MAX_REPAIRS else None
    return None


def follow_up_text(purpose: Purpose, phase: Phase, custom_verdicts: Sequence[str], findings: Sequence[str] = ()) -> str:
    """The prompt of a call that goes on with a session."""
    parts: list[str] = []
    if purpose == "repair":
        quoted = "\n".join(f"- {found}" for found in findings)
        parts = [_REPAIR, quoted[:MAX_FINDING_CHARS], _REPAIR_HOW]
    else:
        parts = [_INTERRUPTED if purpose == "resume" else _CONTINUE]
    return "\n\n".join([*parts, *result_rules(phase, custom_verdicts)]) + "\n"


def _count(calls: Sequence[AgentCall], purpose: Purpose) -> int:
    return sum(call.purpose == purpose for call in calls)
