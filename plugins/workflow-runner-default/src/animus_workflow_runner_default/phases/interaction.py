"""What an agent asks while it works: recorded, decided by the policy or by a person, answered, each bounded in time."""

import contextlib
import datetime
from collections.abc import Awaitable, Callable

import msgspec

from animus_workflow_runner_default.authoring.model import ApprovalPolicy
from animus_workflow_runner_default.clock import Clock, timestamp
from animus_workflow_runner_default.phases.agent import AgentCaller, AgentCallError, AgentRequest
from animus_workflow_runner_default.phases.agent_book import AgentBook, answered
from animus_workflow_runner_default.phases.agent_state import AgentState, Interaction, Response, fingerprint
from animus_workflow_runner_default.phases.approval import NOBODY, decide, unanswered
from animus_workflow_runner_default.phases.working_time import WorkingTime

__all__ = ["Desk", "Evaluate"]

Evaluate = Callable[[Interaction], Awaitable[Response | None]]
"""Has a model decide; None when it could not, and then a person is asked."""

DEFAULT_TIMEOUT_SECONDS = 600
BY_POLICY = "approval_policy"
BY_MODEL = "approval_policy (llm)"
_replace = msgspec.structs.replace


class Desk:
    """Where the questions of one call arrive."""

    def __init__(
        self,
        book: AgentBook,
        caller: AgentCaller,
        clock: Clock,
        policy: ApprovalPolicy | None,
        evaluate: Evaluate | None = None,
        time: WorkingTime | None = None,
    ) -> None:
        self._book = book
        self._caller = caller
        self._clock = clock
        self._policy = policy
        self._evaluate = evaluate
        self._time = WorkingTime(None, clock) if time is None else time

    async def take(self, request: AgentRequest, asked: Interaction) -> None:
        """See one question through: record it, find its answer, bring that to the agent."""
        interaction = self._admit(request, asked)
        await self._book.put_interaction(interaction)
        if interaction.status == "answered" and interaction.response is not None:
            await self._bring(request, interaction, interaction.response)
            return
        response, by = await self._decision(interaction)
        if response is None:
            await self._wait_for_person(request, interaction)
            return
        await self._book.put_interaction(answered(interaction, response, by, self._book.now()))
        await self._bring(request, interaction, response)

    def _admit(self, request: AgentRequest, asked: Interaction) -> Interaction:
        """The question as it is recorded: a resumed agent that asks again gets the answer it was given before.

        Only a session that goes on is answered so; another agent, or a new start, is asked about anew.
        """
        book = self._book
        seconds = self._seconds
        until = self._clock.now() + datetime.timedelta(seconds=seconds)
        fresh = _replace(
            asked, id=book.unused_id(asked.native_id), asked_at=book.now(), expires_at=_earlier(until, asked.expires_at)
        )
        before = None if request.resume_id is None else _asked_before(book.state, fresh)
        if before is None:
            return fresh
        if before.status == "pending":
            return _replace(fresh, id=before.id)
        return _replace(
            fresh,
            status="answered",
            response=before.response,
            answered_by=before.answered_by,
            answered_at=before.answered_at,
            is_replayed=True,
        )

    @property
    def _seconds(self) -> int:
        return DEFAULT_TIMEOUT_SECONDS if self._policy is None else self._policy.timeout_secs

    async def _decision(self, interaction: Interaction) -> tuple[Response | None, str | None]:
        verdict = decide(self._policy, interaction)
        if isinstance(verdict, Response):
            return verdict, BY_POLICY
        if verdict == "llm" and self._evaluate is not None:
            judged = await self._evaluate(interaction)
            if judged is not None:
                return judged, BY_MODEL
        if not self._book.is_answerable:
            return Response(decision="deny", message=NOBODY), None
        return None, None

    async def _wait_for_person(self, request: AgentRequest, interaction: Interaction) -> None:
        expires = datetime.datetime.fromisoformat(interaction.expires_at) if interaction.expires_at else None
        left = self._seconds if expires is None else max(0.0, (expires - self._clock.now()).total_seconds())
        try:
            with self._time.standing_still():
                async with self._clock.timeout(left):
                    response = await self._book.wait_answer(interaction.id)
        except TimeoutError:
            response = await self._expire(interaction)
        await self._bring(request, interaction, response)

    async def _expire(self, interaction: Interaction) -> Response:
        known = next((item for item in self._book.state.interactions if item.id == interaction.id), interaction)
        if known.response is not None:  # answered in the last moment
            return known.response
        response = unanswered(interaction, self._seconds)
        over = _replace(interaction, status="expired", response=response, answered_at=self._book.now())
        await self._book.put_interaction(over)
        return response

    async def _bring(self, request: AgentRequest, interaction: Interaction, response: Response) -> None:
        # If it waits no more: should it ask again in a resumed session, the answer is known.
        with contextlib.suppress(AgentCallError):
            await self._caller.respond(request, interaction.native_id, response)

    async def close(self, session: str) -> None:
        """The call is over: nobody waits for what it asked any more."""
        for item in self._book.state.pending:
            if item.session == session:
                await self._book.put_interaction(_replace(item, status="withdrawn"))


def _asked_before(state: AgentState, fresh: Interaction) -> Interaction | None:
    """The same question of an earlier call of the session that has not been answered in this call yet."""
    wanted = fingerprint(fresh.kind, fresh.payload)
    same = [item for item in state.interactions if fingerprint(item.kind, item.payload) == wanted]
    earlier = [
        item
        for item in same
        if item.session != fresh.session and not item.is_replayed and item.answered_by != BY_POLICY
    ]
    open_ones = [item for item in earlier if item.status == "pending"]
    if open_ones:
        return open_ones[0]
    given = [item for item in earlier if item.status == "answered" and item.response is not None]
    used = sum(item.is_replayed and item.session == fresh.session for item in same)
    return given[used] if used < len(given) else None


def _earlier(until: datetime.datetime, given: str | None) -> str:
    own = timestamp(until)
    if given is None:
        return own
    try:
        return min(own, timestamp(datetime.datetime.fromisoformat(given)))
    except ValueError:
        return own
