"""Sessions of agents at work in plugins: which there are, what they say, and how they are ended."""

import asyncio
import contextlib
from collections.abc import Coroutine, Generator
from typing import Any

import msgspec

from animus_plugin_protocol import methods
from animus_plugin_protocol.codec import DECODE_ERRORS
from animus_plugin_protocol.errors import ErrorCode, RefusedError, RpcFault
from animus_plugin_protocol.wire.control import AgentRow, AgentStatusResult
from animus_plugin_protocol.wire.provider import AgentCancelParams, AgentOutputNote
from animus_plugin_runtime.connection import Connection
from animus_plugin_runtime.note import Note
from animus_plugin_runtime.redaction import redacted
from animus_process import TailBuffer

__all__ = ["AgentSessions", "LiveSession"]

_OUTPUT_BYTES = 1024 * 1024
_CANCEL_SECONDS = 10.0


class LiveSession:
    """A session at work.

    Attributes:
        row: what it is.
        connection: where it runs.
        secrets: texts that it was given and that are not shown.
        output: the end of what it said, if somebody passes that to `hear`.
        is_given_up: whether nobody waits for its answer any more; it takes its time to end.
        gone: set once it has ended.
    """

    def __init__(self, row: AgentRow, connection: Connection, secrets: list[str]) -> None:
        self.row, self.connection, self.secrets = row, connection, secrets
        self.output = TailBuffer(_OUTPUT_BYTES)
        self.is_given_up, self.gone = False, asyncio.Event()
        self._work: asyncio.Future[msgspec.Raw] | None = None

    async def ended(self, call: Coroutine[Any, Any, msgspec.Raw]) -> msgspec.Raw:
        """Await the call that runs it; whoever gives up, the caller or `cancel`, the provider is told in both ways.

        Raises:
            RpcFault: as the call; -32002 after `cancel`.
        """
        work = self._work = asyncio.ensure_future(call)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            self.is_given_up = True
            work.cancel()
            wire = AgentCancelParams(session_id=self.row.session_id)
            with contextlib.suppress(RpcFault):  # it has ended already, or the provider knows no such method
                await self.connection.call_raw(methods.AGENT_CANCEL, wire, timeout_seconds=_CANCEL_SECONDS)
            await asyncio.wait([work])  # bounded: the runtime waits ten seconds for a cancelled call
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            message = f"session {self.row.session_id!r} was cancelled"
            raise RefusedError(message, code=ErrorCode.REQUEST_CANCELLED) from None

    def cancel(self) -> None:
        """End it; `ended` then raises -32002."""
        if self._work is not None:
            self._work.cancel()

    @property
    def status(self) -> AgentStatusResult:
        """As a client sees it now."""
        said = redacted(self.output.text(), self.secrets)
        return AgentStatusResult(**msgspec.structs.asdict(self.row), status="running", output=said)

    def hear(self, note: Note) -> None:
        """Keep what it says."""
        if note.method == methods.AGENT_OUTPUT:
            with contextlib.suppress(*DECODE_ERRORS):
                self.output.write(msgspec.json.decode(note.params, type=AgentOutputNote).text.encode())


class AgentSessions:
    """Those at work, of one host."""

    def __init__(self) -> None:
        self._live: dict[str, LiveSession] = {}

    @contextlib.contextmanager
    def at_work(self, row: AgentRow, connection: Connection, secrets: list[str]) -> Generator[LiveSession]:
        """The session is at work for the length of the block."""
        session = self._live[row.session_id] = LiveSession(row, connection, secrets)
        try:
            yield session
        finally:
            self._live.pop(row.session_id, None)
            session.gone.set()

    async def settle(self, run_id: str | None) -> None:
        """Wait for the end of the run's agents that were given up: another would work beside them. It is bounded."""
        for session in list(self._live.values()):
            if run_id is not None and session.row.workflow_id == run_id and session.is_given_up:
                await session.gone.wait()

    def live(self, session_id: str) -> LiveSession | None:
        """The session if it is at work."""
        return self._live.get(session_id)

    def rows(self) -> list[AgentRow]:
        """Who is at work, the oldest first."""
        return sorted((session.row for session in self._live.values()), key=lambda row: row.started_at)
