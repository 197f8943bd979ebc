"""The notes of a call on their way to whoever made it."""

import asyncio
import contextvars
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import msgspec

from animus_plugin_runtime.note import Note, NoteQueue
from animus_plugin_runtime.outgoing import OutgoingCall, within

__all__ = ["Forwarder", "OnNote", "forwarding"]

OnNote = Callable[[Note], Awaitable[None] | None]
"""A plain function is called by the reader; an async one by a forwarder behind a bounded queue."""


@asynccontextmanager
async def forwarding(
    call: OutgoingCall, on_note: OnNote | None, on_every_note: Callable[[Note], None] | None
) -> AsyncGenerator[None]:
    """Deliver the call's notes; on leaving without an error all of them have been, within the time of the call.

    Raises:
        ExpiredError: an async consumer took longer.
    """
    plain: list[Callable[[Note], object]] = [] if on_every_note is None else [on_every_note]
    forwarder: Forwarder | None = None
    if on_note is not None:
        if inspect.iscoroutinefunction(on_note):
            forwarder = Forwarder(call, on_note)
        else:
            plain.append(on_note)
    call.deliver = _delivery(plain, forwarder)
    try:
        yield
        if forwarder is not None and forwarder.has_begun:
            async with within(call.seconds_left()):
                await forwarder.finish()
    finally:
        if forwarder is not None:
            forwarder.stop()


class Forwarder:
    """Hands notes to an async consumer, behind a queue; made of nothing before the first note, which may never come."""

    def __init__(self, call: OutgoingCall, on_note: OnNote) -> None:
        self._call = call
        self._on_note = on_note
        self._context = contextvars.copy_context()  # the caller's, in which the consumer runs
        self._queue: NoteQueue | None = None
        self._task: asyncio.Task[Exception | None] | None = None

    @property
    def has_begun(self) -> bool:
        """Whether there was a note."""
        return self._task is not None

    def put(self, method: str, params: msgspec.Raw) -> None:
        """Called by the reader."""
        if self._queue is None:
            self._queue = NoteQueue()
            work = _forward(self._queue, self._on_note, self._call)
            self._task = asyncio.create_task(work, context=self._context)
        self._queue.put(method, params)

    async def finish(self) -> None:
        """Wait until the consumer has had all of them. Raises what it raised."""
        if self._queue is not None and self._task is not None:
            self._queue.close()
            failure = await self._task
            if failure is not None:
                raise failure

    def stop(self) -> None:
        """It gets no more."""
        if self._task is not None:
            self._task.cancel()


def _delivery(
    plain: Sequence[Callable[[Note], object]], forwarder: Forwarder | None
) -> Callable[[str, msgspec.Raw], None] | None:
    """What the reader does with a note: tell the plain consumers, fill the queue. None when nobody wants notes."""
    if not plain:
        return None if forwarder is None else forwarder.put

    def deliver(method: str, params: msgspec.Raw) -> None:
        for consumer in plain:
            consumer(Note(method, params))
        if forwarder is not None:
            forwarder.put(method, params)

    return deliver


async def _forward(queue: NoteQueue, on_note: OnNote, call: OutgoingCall) -> Exception | None:
    while (note := await queue.get()) is not None:
        try:
            waiting = on_note(note)
            if waiting is not None:
                await waiting
        except Exception as error:  # noqa: BLE001 - as in OutgoingCalls.route
            call.settle(error)
            return error
    return None
