"""Quick handlers run on the thread that reads; a handler that turns out to be slow loses the reading to another thread.

A worker costs a request the wake-ups of two threads, five times what all the rest of its way costs. So a plain handler
that was quick on workers is run by the reader itself, and the main thread watches: whoever is in the same handler for
two of its ticks is overtaken. Nothing of a plain handler ever runs on the main thread.

=========  ====================  ==============  =================================================================
state      who reads             the claim       how it ends
=========  ====================  ==============  =================================================================
alone      the main thread       none            a method has shown itself quick: a leader reads, main watches
reading    the leader            none            a request for a quick method: its handler is run here
handling   nobody                the request     the handler returns and the leader takes the claim back: reading
overtaken  the next leader       its own or      the main thread took the claim: the request is one of a worker now,
                                 none            is answered as such, and then the thread of its leader ends
ended      nobody                none            the leader has read the end: main ends the connection
=========  ====================  ==============  =================================================================

The claim is a deque of at most one: to take it is one operation of the interpreter, so that exactly one of leader and
main thread gets it. While there is no traffic nobody ticks.
"""

import threading
from _queue import Empty, SimpleQueue
from collections import deque
from collections.abc import Iterator
from typing import Any, Final

from animus_plugin_protocol._call import Call, error_reply
from animus_plugin_protocol._declaration import Route
from animus_plugin_protocol._plain import Answered, PlainRequest
from animus_plugin_protocol._pool import WorkerPool
from animus_plugin_protocol._quick import QuickMethods
from animus_plugin_protocol._routing import Engine
from animus_plugin_protocol._streams import Source
from animus_plugin_protocol.codec import encode_result
from animus_plugin_protocol.frames import LineSplitter, OversizedLine

__all__ = ["Reading"]

TICK_SECONDS: Final = 0.002
"""A handler that two ticks have seen is slow: it took between one and two of these."""

_FAILED: Final = object()
Claim = tuple[Route, PlainRequest, Call | None]
"""The request whose handler keeps the leader from reading; its `Call` where the handler wanted a context."""


class _Overtaken(BaseException):
    """Another thread reads now. Raised through the engine, past nothing that would have to be cleaned up."""


class Reading:
    """Who reads, from the first byte to the last.

    Attributes:
        reads: how often a leader has read; compared only.
        is_behind: the lines of one read take longer than a tick together: the rest of them is for workers.
        is_parked: the main thread sleeps until `ring`.
    """

    def __init__(self, engine: Engine, source: Source, pool: WorkerPool, quick: QuickMethods) -> None:
        self.engine = engine
        self.pool = pool
        self.quick = quick
        self.reads = 0
        self.is_behind = self.is_parked = False
        self._source = source
        self._splitter = LineSplitter()
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._failure: BaseException | None = None
        self._has_ended = False

    def run(self) -> None:
        """Serve until the host closes stdin or says ``exit``. On the main thread, or what stands for it."""
        while not self.engine.is_stopped:
            if self.quick.ways:
                self._watch(self._lead(iter(())))
                return
            lines = self.read()
            if lines is None:
                return
            self.engine.receive(lines)

    def read(self) -> "list[bytes | OversizedLine] | None":
        """The lines of the next read; None when nothing comes any more. Only for whoever leads."""
        chunk = self._source.read()
        self.reads += 1
        if chunk:
            return self._splitter.feed(chunk)
        last = self._splitter.finish()
        return None if last is None else [last]

    def end(self, failure: BaseException | None) -> None:
        """A leader has read the end, or failed as no reader should."""
        self._failure = failure
        self._has_ended = True
        self.ring()

    def ring(self) -> None:
        """Wake the main thread."""
        self.is_parked = False
        self._bell.put(None)

    def _lead(self, lines: "Iterator[bytes | OversizedLine]") -> "_Leader":
        leader = _Leader(self, lines)
        threading.Thread(target=leader.run, name="animus-reader", daemon=True).start()
        return leader

    def _watch(self, leader: "_Leader") -> None:
        """See to it that no handler keeps the leader from reading, until the connection ends."""
        seen: Claim | None = None
        while not self._has_ended:
            reads = self.reads
            self._rest(TICK_SECONDS)
            before, seen = seen, leader.claimed()
            if seen is None:
                if reads == self.reads:
                    self._park(leader)
            elif seen is before:
                leader = self._overtake(leader)
            elif reads == self.reads:
                self.is_behind = True
        if self._failure is not None:
            raise self._failure

    def _park(self, leader: "_Leader") -> None:
        """Sleep until a leader makes a claim, or the end."""
        self.is_parked = True
        # A claim that was made before this line is seen here; who makes one after it sees that the bell is wanted.
        if leader.claimed() is None and not self._has_ended:
            self._rest(None)
        self.is_parked = False

    def _rest(self, seconds: float | None) -> None:
        try:
            self._bell.get(timeout=seconds)
        except Empty:
            return

    def _overtake(self, leader: "_Leader") -> "_Leader":
        """Give the reading to another leader, unless the handler has just returned; who leads now."""
        try:
            route, request, call = leader.claim.pop()
        except IndexError:
            return leader
        self.quick.forget(route)
        self.pool.take_place()
        leader.became.put(self.engine.adopt(route, request, call))
        self.engine.write(leader.replies)
        return self._lead(leader.lines)


class _Leader:
    """The thread that reads, for as long as it is not overtaken.

    Attributes:
        lines: what is left of the latest read.
        replies: what the lines before them have earned.
        claim: see the table.
        became: the call that its latest request became when it was overtaken.
    """

    def __init__(self, reading: Reading, lines: "Iterator[bytes | OversizedLine]") -> None:
        self.lines = lines
        self.replies: list[bytes | None] = []
        self.claim: deque[Claim] = deque()
        self.became: SimpleQueue[Call] = SimpleQueue()
        self._reading = reading
        self._engine = reading.engine
        self._pool = reading.pool
        self._ways = reading.quick.ways
        self._gate = reading.engine.handshake
        self._ids = reading.engine.running.ids
        self._make_claim, self._take_back = self.claim.append, self.claim.pop

    def run(self) -> None:
        """Read until the end, or until overtaken."""
        failure: BaseException | None = None
        try:
            self._read()
        except _Overtaken:
            return
        except BaseException as error:  # noqa: BLE001 - raised again on the main thread, as if it had read
            failure = error
        self._reading.end(failure)

    def claimed(self) -> Claim | None:
        """The request that keeps it from reading, if one does at the moment."""
        try:
            return self.claim[0]
        except IndexError:
            return None

    def _read(self) -> None:
        reading, engine = self._reading, self._engine
        engine.receive(self.lines, self.answer, self.replies)
        while not engine.is_stopped:
            lines = reading.read()
            if lines is None:
                return
            reading.is_behind = False
            self.lines, self.replies = iter(lines), []
            engine.receive(self.lines, self.answer, self.replies)

    def answer(self, request: PlainRequest, replies: list[bytes | None], _answered: list[Answered]) -> bool:
        """Run the handler here and note its reply; False leaves the request to a worker.

        Raises:
            _Overtaken: the reading is somebody else's.
        """
        way = self._ways.get(request.method)
        reading = self._reading
        if (
            way is None
            or reading.is_behind
            or not self._pool.has_room
            or not self._gate.is_open
            or request.id in self._ids
        ):
            return False
        route, decode = way
        try:
            params = decode(request.params)
        except Exception:  # noqa: BLE001 - a struct's own checks raise what they like; a worker answers it
            return False
        call = self._engine.call(route, request) if route.wants_context else None
        self._make_claim((route, request, call))
        if reading.is_parked:
            reading.ring()
        result: Any = _FAILED
        reply: bytes | None
        try:
            handler = route.handler
            result = handler(params) if call is None else handler(params, call.context)
            reply = encode_result(request.id, result, request.method)
        except BaseException as error:  # noqa: BLE001 - whatever a handler raises becomes its reply
            result, reply = _FAILED, error_reply(request.id, request.method, error)
        try:
            self._take_back()
        except IndexError:
            self._answer_late(reply, result)
            raise _Overtaken from None
        if call is not None and call.context is not None:
            call.context.closed = True
        replies.append(reply)
        return True

    def _answer_late(self, reply: bytes | None, result: Any) -> None:
        """As a worker would have: the request may have been cancelled since it was overtaken."""
        call = self.became.get()
        is_cancelled = result is not _FAILED and call.token.is_cancelled
        call.finish(call.result_reply(result) if is_cancelled else reply)
        self._pool.give_place()
