"""One run of an agent: its program, its lines, what they mean, and who answers when it asks."""

import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from animus_agent_cli.conversation import Answer, Conversation
from animus_agent_cli.event import (
    Breach,
    Event,
    Finished,
    InteractionRequested,
    InteractionWithdrawn,
    Problem,
    ProgramInput,
    Text,
    ToolCall,
    ToolResult,
)
from animus_agent_cli.failure import TRANSIENT, UNKNOWN, Failure, FailureRow, classify
from animus_agent_cli.interaction import LATE, Interactions
from animus_agent_cli.lines import JsonLines
from animus_agent_cli.note_queue import NoteQueue
from animus_agent_cli.program import CANCELLED, TIMED_OUT, ProgramCall, ProgramEnd, ProgramRun
from animus_agent_cli.request import ApprovalPolicy
from animus_agent_cli.transcript import Transcript
from animus_process import Clock, ProcessLedger

__all__ = ["END_SECONDS", "SHOW_SECONDS", "AgentEnd", "AgentRun"]

END_SECONDS: Final = 10.0
"""How long the program may take to end by itself after the agent has finished."""
SHOW_SECONDS: Final = 2.0
"""How long a slow host may take for the last of the live notes."""
_ERROR_LINES: Final = 20


class AgentEnd(NamedTuple):
    """How the run ended. `failure` is None when the agent finished what it was asked."""

    program: ProgramEnd
    transcript: Transcript
    failure: Failure | None
    is_breach: bool = False
    """It was ended by us, because it could not be held to its rules."""


class AgentRun:
    """Start it with `run`, on the thread that waits for it; everything else may be called from any other."""

    def __init__(
        self,
        call: ProgramCall,
        conversation: Conversation,
        ledger: ProcessLedger,
        *,
        policy: ApprovalPolicy | None = None,
        tell: Callable[[Event], object],
        rows: Sequence[FailureRow] = (),
        clock: Clock | None = None,
    ) -> None:
        """Prepare; nothing is started yet.

        Args:
            call: the program, with what the conversation wants of it.
            conversation: what the lines mean.
            ledger: where the process is written down.
            policy: who answers when the agent asks.
            tell: is given events as they come, on a thread of its own.
            rows: the agent's own part of the failure table.
            clock: where time comes from.
        """
        self._call = call
        self._conversation = conversation
        self._turn = threading.Lock()
        self._interactions = Interactions(policy)
        self._transcript = Transcript()
        self._rows = rows
        self._lines = JsonLines(self._read)
        self._program = ProgramRun(call, ledger, on_output=self._lines.write, clock=clock)
        self._tell = tell
        self._notes: NoteQueue | None = None
        self._has_misread = False
        self._breach: str | None = None
        self._drop_end: Callable[[], None] = lambda: None

    def cancel(self) -> None:
        """End the run; `run` returns once no process of it is left."""
        self._program.cancel()

    def kill(self) -> None:
        """End the run at once because this process is ending."""
        self._program.kill()

    def respond(self, interaction_id: str, answer: Answer) -> bool:
        """Answer what the agent asked; False when it does not wait for that (any more)."""
        if self._interactions.take(interaction_id) is None:
            return False
        self._program.release_limit()
        return self._answer(interaction_id, answer)

    def run(self) -> AgentEnd:
        """Start the program and wait until it and everything it started is gone.

        Raises:
            ProgramStartError: it could not be started.
        """
        self._notes = notes = NoteQueue(self._tell)
        try:
            end = self._program.run()
            self._lines.close()
            for event in self._conversation.end(end.exit_code, "\n".join(end.errors)):
                self._handle(event)
        finally:
            notes.close(SHOW_SECONDS)
        return AgentEnd(end, self._transcript, self._failure(end), is_breach=self._breach is not None)

    def _read(self, line: dict[str, Any]) -> None:
        try:
            with self._turn:
                events = tuple(self._conversation.read(line))
        except Exception as error:  # noqa: BLE001 - streams change; a line that is misread must not end the run
            if not self._has_misread:
                self._has_misread = True
                self._handle(Problem(f"a line of {self._call.program!r} was not understood ({error!r}); it is skipped"))
            return
        for event in events:
            self._handle(event)

    def _handle(self, event: Event) -> None:
        if isinstance(event, ProgramInput):
            self._program.write(event.data)
            if event.is_last:
                self._program.end_input()
        elif isinstance(event, InteractionRequested):
            self._ask(event)
        elif isinstance(event, InteractionWithdrawn):
            if self._interactions.take(event.interaction_id) is not None:
                self._program.release_limit()
        elif isinstance(event, Breach):
            self._breach = self._breach or event.message
            self._program.cancel()
        elif isinstance(event, Finished):
            self._finish(event)
        else:
            if isinstance(event, Text | ToolCall) and self._transcript.finished is not None:
                self._drop_end()
                self._transcript.moved_on()
            if isinstance(event, ToolResult):
                event = event._replace(name=self._transcript.name_of(event))
            self._transcript.take(event)
            self._put(event)

    def _finish(self, event: Finished) -> None:
        """The agent has said everything, or will have unless it goes on within its grace."""
        self._transcript.take(event)
        self._drop_end()
        if event.grace_seconds > 0:
            self._drop_end = self._program.alarm(event.grace_seconds, self._end)
        else:
            self._end()

    def _end(self) -> None:
        self._program.end_input()
        self._program.stop_in(END_SECONDS)

    def _put(self, event: Event) -> None:
        if self._notes is not None:
            self._notes.put(event)

    def _ask(self, request: InteractionRequested) -> None:
        at_once = self._interactions.at_once(request)
        if at_once is not None:
            self._answer(request.interaction_id, at_once)
            return
        policy = self._interactions.policy or ApprovalPolicy()
        self._program.hold_limit()
        seconds = request.rule_seconds or policy.timeout_seconds
        drop = self._program.alarm(seconds, lambda: self._expire(request))
        self._interactions.add(request, drop)
        self._put(request)

    def _expire(self, request: InteractionRequested) -> None:
        if self.respond(request.interaction_id, Answer(is_allowed=False, message=LATE)):
            self._put(Problem(f"the {request.kind} {request.interaction_id!r} was denied: {LATE}"))

    def _answer(self, interaction_id: str, answer: Answer) -> bool:
        with self._turn:
            data = self._conversation.answer(interaction_id, answer)
        return self._program.write(data)

    def _failure(self, end: ProgramEnd) -> Failure | None:
        finished = self._transcript.finished
        if self._breach is not None:
            return Failure(UNKNOWN, "run_failed", self._breach)
        if end.how == CANCELLED or (end.how == TIMED_OUT and finished is None):
            return Failure(TRANSIENT, "run_failed", end.how)
        if finished is not None:
            if finished.failure is None:
                return None
            return classify(
                finished.failure,
                status=finished.status,
                retry_after_seconds=finished.retry_after_seconds,
                rows=self._rows,
            )
        said = "\n".join([*self._transcript.problems[-1:], *end.errors[-_ERROR_LINES:]]).strip()
        failure = classify(said, rows=self._rows)
        if failure.failure == UNKNOWN and end.exit_code < 0:
            failure = failure._replace(failure=TRANSIENT)  # killed from outside, or broken: the same may go well again
        return failure._replace(message=self._end_without_answer(end, said))

    def _end_without_answer(self, end: ProgramEnd, said: str) -> str:
        parts = [f"{self._call.program!r} ended with exit code {end.exit_code} and without a final answer"]
        if self._lines.skipped or self._lines.oversized:
            parts.append(
                f"{self._lines.skipped + self._lines.oversized} lines of its output were no JSON, "
                f"the last one {self._lines.sample!r}"
            )
        return "; ".join(parts) + (f": {said}" if said else "")
