"""The open page of the journal for one attempt: what its agents did so far, written down before it is acted on.

The phase that works and the person who answers both change it; each change is one durable write of the whole page.
"""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from animus_workflow_runner_default.clock import Clock, timestamp
from animus_workflow_runner_default.phases.agent_state import AgentCall, AgentState, Interaction, Response
from animus_workflow_runner_default.phases.redaction import NO_SECRETS

__all__ = ["AgentBook", "InteractionError", "answered", "find_interaction"]

Keep = Callable[[AgentState], Awaitable[None]]
_replace = msgspec.structs.replace


class InteractionError(Exception):
    """The answer is not taken; the text says why."""


def find_interaction(state: AgentState, interaction_id: str | None) -> Interaction:
    """What is meant by an answer.

    Args:
        state: where to look.
        interaction_id: its id, or the one its provider gave it; None if only one waits.

    Raises:
        InteractionError: there is none, or it takes no answer any more.
    """
    pending = state.pending
    if interaction_id is None:
        if len(pending) == 1:
            return pending[0]
        known = ", ".join(item.id for item in pending) or "none"
        raise InteractionError(f"name the interaction to answer; waiting: {known}")
    named = [item for item in state.interactions if interaction_id in {item.id, item.native_id}]
    found = next((item for item in named if item.status == "pending"), named[-1] if named else None)
    if found is None:
        known = ", ".join(item.id for item in pending) or "none"
        raise InteractionError(f"there is no interaction {interaction_id!r}; waiting: {known}")
    if found.status != "pending":
        who = f" by {found.answered_by}" if found.answered_by else ""
        raise InteractionError(f"interaction {interaction_id!r} is {found.status} already{who}")
    return found


def answered(interaction: Interaction, response: Response, by: str | None, moment: str) -> Interaction:
    """The interaction with its answer."""
    return _replace(interaction, status="answered", response=response, answered_by=by, answered_at=moment)


class AgentBook:
    """What is known of the agents of an attempt.

    Attributes:
        state: as it is in the journal, or is being written to it.
        is_answerable: whether a person can be asked at all.
        redactor: masks what may not be kept; set before the first call.
    """

    def __init__(self, state: AgentState | None, keep: Keep | None, clock: Clock) -> None:
        """Open the page.

        Args:
            state: what an earlier process left; its open calls were interrupted.
            keep: journals a state; None where no run is journalled, and then nobody can answer either.
            clock: dates what is written.
        """
        self.is_answerable = keep is not None
        self.redactor = NO_SECRETS
        self._keep = keep
        self._clock = clock
        self._answers: dict[str, asyncio.Future[Response]] = {}
        self.state = AgentState() if state is None else state

    def now(self) -> str:
        """The moment as the journal writes it."""
        return timestamp(self._clock.now())

    async def put_call(self, call: AgentCall) -> None:
        """Record a call as it now is."""
        await self._write(self.state.with_call(call))

    async def begin_session(self, session: str, resume_id: str) -> None:
        """Record the agent's own session of a call."""
        call = next((item for item in self.state.calls if item.session == session), None)
        if call is not None and call.resume_id != resume_id:
            await self.put_call(_replace(call, resume_id=resume_id))

    async def end_open_call(self, failure: str, reason: str) -> None:
        """Record that the call under way, if there is one, ended without an answer."""
        call = self.state.last
        if call is not None and call.is_open:
            await self.put_call(_replace(call, finished_at=self.now(), failure=failure, reason=reason))

    async def put_interaction(self, interaction: Interaction) -> None:
        """Record what was asked, or what became of it."""
        await self._write(self.state.with_interaction(interaction))

    def unused_id(self, native_id: str) -> str:
        """An id that no other interaction of the attempt has."""
        taken = {item.id for item in self.state.interactions}
        number = 2
        made = native_id
        while made in taken:
            made = f"{native_id}-{number}"
            number += 1
        return made

    async def answer(self, interaction_id: str | None, response: Response, by: str | None) -> tuple[Interaction, bool]:
        """Take the answer of a person, durably; also whether somebody waits for it here.

        Raises:
            InteractionError: see `find_interaction`.
        """
        found = answered(find_interaction(self.state, interaction_id), response, by, self.now())
        await self.put_interaction(found)
        waiting = self._answers.get(found.id)
        if waiting is None or waiting.done():
            return found, False
        waiting.set_result(response)
        return found, True

    async def wait_answer(self, interaction_id: str) -> Response:
        """Wait for the answer to an interaction that was put; bound it."""
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._answers[interaction_id] = future
        known = next((item for item in self.state.interactions if item.id == interaction_id), None)
        if known is not None and known.response is not None:  # answered between its record and now
            future.set_result(known.response)
        try:
            return await future
        finally:
            self._answers.pop(interaction_id, None)

    async def _write(self, state: AgentState) -> None:
        self.state = self.redactor.struct(state)
        if self._keep is not None:
            await self._keep(self.state)
