"""One call of an agent, from its row in the journal to its end there."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar, cast

import msgspec

from animus_workflow_runner_default.phases.agent import AgentCaller, AgentCallError, AgentReply, AgentRequest
from animus_workflow_runner_default.phases.agent_book import AgentBook
from animus_workflow_runner_default.phases.agent_state import MAX_ANSWER_CHARS, AgentCall, Interaction
from animus_workflow_runner_default.phases.agent_stream import AgentStream
from animus_workflow_runner_default.phases.failure import excerpt
from animus_workflow_runner_default.phases.interaction import Desk
from animus_workflow_runner_default.phases.provider_error import DIED, UNRESUMABLE, classify

__all__ = ["TIMED_OUT", "TURN_LIMIT", "call_agent"]

TURN_LIMIT = "turn_limit"
"""The agent stopped at its own limit of turns; its session can be gone on with."""
TIMED_OUT = "timeout"
"""The time of the phase was over."""
ERROR_EXCERPT_CHARS = 8_000
MAX_OPEN_INTERACTIONS = 32
"""How many questions of one call may wait at the same time; an agent that asks more is answered by the provider."""
_replace = msgspec.structs.replace
T = TypeVar("T")


class _Listener:
    """Takes what the agent does while it works, in order; writing and waiting happens in a task beside the call."""

    def __init__(self, book: AgentBook, desk: Desk, stream: AgentStream, request: AgentRequest) -> None:
        self._book = book
        self._desk = desk
        self._stream = stream
        self._request = request
        self._steps: asyncio.Queue[str | Interaction] = asyncio.Queue()
        self._unwritten = 0
        self._questions: set[asyncio.Task[None]] = set()
        self._broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._writer: asyncio.Task[None] | None = None

    def show(self, kind: str, text: str) -> None:
        self._stream.take(kind, text)

    def observe(self, event: str, facts: dict[str, Any]) -> None:
        self._stream.observe(event, self._request.session, facts)

    def begin_session(self, resume_id: str) -> None:
        self.observe("session_start", {"resume_id": resume_id})
        self._put(resume_id)

    def ask(self, native_id: str, kind: str, payload: dict[str, Any], expires_at: str | None) -> None:
        if kind not in {"approval", "question"}:
            self.show("error", f"(the agent asked something of the unknown kind {kind!r}; it was not answered)")
            return
        self._put(
            Interaction(
                id=native_id,
                native_id=native_id,
                kind=cast("Any", kind),
                payload=payload,
                session=self._request.session,
                asked_at=self._book.now(),
                expires_at=expires_at,
            )
        )

    def _put(self, step: str | Interaction) -> None:
        self._unwritten += 1
        self._steps.put_nowait(step)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
            self._writer.add_done_callback(self._look)

    async def _write(self) -> None:
        while True:
            step = await self._steps.get()
            try:
                await self._follow(step)
            finally:
                self._unwritten -= 1
                self._steps.task_done()

    async def _follow(self, step: str | Interaction) -> None:
        if isinstance(step, str):
            await self._book.begin_session(self._request.session, step)
        elif len(self._questions) < MAX_OPEN_INTERACTIONS:
            question = asyncio.create_task(self._desk.take(self._request, step))
            self._questions.add(question)
            question.add_done_callback(self._questions.discard)
            question.add_done_callback(self._look)

    def _look(self, task: asyncio.Task[None]) -> None:
        """Work beside the call that failed ends the call: the journal refused, so this process lost the run."""
        error = None if task.cancelled() else task.exception()
        if error is not None and not self._broken.done():
            self._broken.set_exception(error)

    async def beside(self, work: Coroutine[Any, Any, T]) -> T:
        """Do `work` while what is beside it goes well."""
        task = asyncio.ensure_future(work)
        try:
            both: set[asyncio.Future[Any]] = {task, self._broken}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if self._broken.done():
                self._broken.result()
            return await task
        finally:
            task.cancel()

    async def drain(self) -> None:
        """Wait until what was said is written down."""
        if self._unwritten:
            await self.beside(self._steps.join())

    async def close(self) -> None:
        """End what goes on beside the call."""
        if self._broken.done():
            self._broken.exception()  # looked at, so that it is not reported as forgotten
        tasks = [*([] if self._writer is None else [self._writer]), *self._questions]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.gather(*tasks, return_exceptions=True)


async def call_agent(
    call: AgentCall, request: AgentRequest, caller: AgentCaller, book: AgentBook, desk: Desk, stream: AgentStream
) -> AgentCall:
    """Make one call; it is in the journal before it begins and when it has ended.

    Cancelled, it stays open there: whoever takes the attempt over goes on with its session.
    """
    await book.put_call(call)
    stream.restart()
    listener = _Listener(book, desk, stream, request)
    try:
        try:
            reply = await listener.beside(_called(caller, request, listener))
        except AgentCallError as error:
            await listener.drain()
            ended = _failed(_known(book, call), error, stream)
        else:
            await listener.drain()
            ended = _replied(_known(book, call), reply, stream)
    finally:
        await listener.close()
    await desk.close(call.session)
    ended = _replace(ended, finished_at=book.now())
    stream.observe("session_end", call.session, {"failure": ended.failure})
    await book.put_call(ended)
    return ended


async def _called(caller: AgentCaller, request: AgentRequest, listener: _Listener) -> AgentReply:
    return await caller(request, listener)


def _known(book: AgentBook, call: AgentCall) -> AgentCall:
    """The call with the session that became known meanwhile."""
    return next((item for item in book.state.calls if item.session == call.session), call)


def _failed(call: AgentCall, error: AgentCallError, stream: AgentStream) -> AgentCall:
    text, facts = str(error), error.facts
    if facts.is_timeout:
        failure = TIMED_OUT
    elif facts.is_unresumable and call.purpose != "run":
        failure = UNRESUMABLE
    elif facts.has_died:
        failure = DIED
    elif facts.has_reached_turn_limit:
        failure = TURN_LIMIT
    else:
        failure = classify(text, facts.failure)
    return _replace(
        call,
        failure=failure,
        reason=excerpt(text, ERROR_EXCERPT_CHARS),
        is_refused=facts.is_refused,
        retry_after_seconds=facts.retry_after_seconds,
        resume_id=facts.resume_id or call.resume_id,
        has_acted=stream.has_acted,
        answer=_kept(stream.answer()) if failure == TURN_LIMIT else None,
    )


def _replied(call: AgentCall, reply: AgentReply, stream: AgentStream) -> AgentCall:
    answer = reply.output or stream.answer()
    call = _replace(
        call,
        backend=reply.backend,
        model=reply.model,
        tokens=reply.tokens,
        cost_usd=reply.cost_usd,
        resume_id=reply.resume_id or call.resume_id,
        has_acted=stream.has_acted,
    )
    if reply.exit_code == 0:
        return _replace(call, answer=_kept(answer), decision=reply.decision)
    said = "\n".join(reply.errors) or answer
    shown = excerpt(said, ERROR_EXCERPT_CHARS) or "it said nothing"
    text = f"the agent exited with code {reply.exit_code}: {shown}"
    return _replace(call, failure=classify(text), reason=text)


def _kept(answer: str) -> str:
    """The end of the answer: decisions and results stand there."""
    return answer[-MAX_ANSWER_CHARS:]
