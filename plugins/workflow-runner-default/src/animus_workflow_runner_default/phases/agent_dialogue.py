"""What an attempt of an agent phase does next, decided from the calls in its page of the journal."""

from collections.abc import Sequence

from animus_workflow_runner_default.authoring.model import Phase
from animus_workflow_runner_default.phases.agent_answer import Judged, judge_answer
from animus_workflow_runner_default.phases.agent_call import TURN_LIMIT
from animus_workflow_runner_default.phases.agent_state import AgentCall, AgentState, AgentTarget, current_chain
from animus_workflow_runner_default.phases.agent_tries import (
    MAX_CALLS,
    GiveUp,
    Try,
    TryRules,
    Uncertain,
    next_follow_up,
    next_try,
)
from animus_workflow_runner_default.phases.follow_up import follow_up_purpose
from animus_workflow_runner_default.phases.outcome import Decided, Failed

__all__ = ["Dialogue"]


class Dialogue:
    """The rules of one attempt; nothing in it changes."""

    def __init__(
        self,
        phase: Phase,
        custom_verdicts: Sequence[str],
        targets: Sequence[AgentTarget],
        rules: TryRules,
        max_continuations: int | None,
    ) -> None:
        self._phase = phase
        self._custom = custom_verdicts
        self._targets = targets
        self._rules = rules
        self._max_continuations = max_continuations

    def next_step(self, state: AgentState) -> Try | GiveUp | Uncertain | Decided | Failed:
        """The next call, or how the attempt ends.

        Args:
            state: its calls so far, each with an end.
        """
        chain = current_chain(state.calls)
        said = [call for call in chain if _is_said(call)]
        if not said:
            return next_try(state.calls, self._targets, self._rules)
        last = said[-1]
        judged = self._judged(said)
        is_unfinished = last.failure == TURN_LIMIT
        purpose = follow_up_purpose(judged, said, self._max_continuations, is_unfinished=is_unfinished)
        trailing = chain[chain.index(last) + 1 :]
        if purpose is not None and len(state.calls) < MAX_CALLS:
            step = next_follow_up(last, purpose, trailing, self._rules)
            if step is not None:
                return step
        if is_unfinished:
            reason = trailing[-1].reason if trailing else last.reason
            return GiveUp(f"the agent stopped at its limit of turns and was not brought to an end: {reason}")
        return judged.outcome

    def findings(self, state: AgentState) -> tuple[str, ...]:
        """What the answer so far lacks."""
        said = [call for call in current_chain(state.calls) if _is_said(call)]
        return self._judged(said).findings if said else ()

    def _judged(self, said: Sequence[AgentCall]) -> Judged:
        """All that was said in the conversation counts; the last decision and the last result win."""
        answer = "\n".join(call.answer for call in said if call.answer)
        return judge_answer(self._phase, answer, said[-1].decision, {}, self._custom)


def _is_said(call: AgentCall) -> bool:
    return call.is_clean or call.failure == TURN_LIMIT
