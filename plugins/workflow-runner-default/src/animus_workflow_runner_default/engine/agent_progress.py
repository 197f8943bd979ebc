"""What an agent does while its attempt is under way, as transitions of the run: pure functions."""

import datetime
from collections.abc import Sequence

import msgspec

from animus_workflow_runner_default.clock import timestamp
from animus_workflow_runner_default.engine.transition import Moved, open_attempt
from animus_workflow_runner_default.journal.record import Attempt, Run, Waiting
from animus_workflow_runner_default.phases.agent_book import answered, find_interaction
from animus_workflow_runner_default.phases.agent_state import AgentState, Interaction, Response

__all__ = ["WAITS_FOR_PERSON", "answer_stored", "keep_agent", "settled"]

WAITS_FOR_PERSON = "interaction"
"""`Waiting.kind` of a running run whose agent asks a person."""
_replace = msgspec.structs.replace


def keep_agent(run: Run, attempts: Sequence[Attempt], state: AgentState, now: datetime.datetime) -> Moved:
    """The run while its agent is as `state` says: it waits for a person or it does not."""
    attempt = open_attempt(run, attempts)
    if attempt is None:
        return Moved(run)
    waiting = _waiting(attempt, state)
    return Moved(_replace(run, waiting=waiting, updated_at=timestamp(now)), (_replace(attempt, agent=state),))


def settled(attempt: Attempt) -> Attempt:
    """The attempt once its agent has ended."""
    return attempt if attempt.agent is None else _replace(attempt, agent=attempt.agent.settled())


def answer_stored(
    run: Run,
    attempts: Sequence[Attempt],
    interaction_id: str | None,
    response: Response,
    by: str | None,
    now: datetime.datetime,
) -> Moved:
    """The run, which nobody executes now, with the answer to what its agent had asked: a resumed agent gets it.

    Raises:
        InteractionError: nothing of that id waits.
    """
    attempt = open_attempt(run, attempts)
    state = AgentState() if attempt is None or attempt.agent is None else attempt.agent
    found = answered(find_interaction(state, interaction_id), response, by, timestamp(now))
    if attempt is None:
        return Moved(run)
    kept = state.with_interaction(found)
    changed = _replace(attempt, agent=kept)
    return Moved(_replace(run, waiting=_waiting(changed, kept), updated_at=timestamp(now)), (changed,))


def _waiting(attempt: Attempt, state: AgentState) -> Waiting | None:
    call = state.last
    if call is None or not call.is_open:
        return None
    asked = next((item for item in state.pending if item.session == call.session), None)
    return None if asked is None else _waiting_for(attempt, asked)


def _waiting_for(attempt: Attempt, asked: Interaction) -> Waiting:
    if asked.kind == "approval":
        reason = f"the agent asks to use {asked.tool or asked.question or 'a tool'!r}"
        how = "--allow"
    else:
        reason = f"the agent asks: {asked.question or ''}".rstrip()
        how = "--text ANSWER"
    return Waiting(
        kind=WAITS_FOR_PERSON,
        reason=reason,
        command=f"animus agent interactions answer {asked.id} {how}",
        phase_id=attempt.phase_id,
        path=attempt.path,
        since=asked.asked_at,
        expires_at=asked.expires_at,
        interaction=asked,
    )
