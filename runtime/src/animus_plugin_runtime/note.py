"""Notifications of a plugin that belong to a call, and the bounded queue in which they wait for a slow caller."""

import asyncio
from collections import deque

import msgspec

from animus_plugin_protocol import methods
from animus_plugin_protocol.codec import DECODE_ERRORS

__all__ = ["NOTES_LIMIT", "NOTES_LIMIT_BYTES", "Note", "NoteQueue"]

NOTES_LIMIT = 256
"""How many notes of one call wait."""

NOTES_LIMIT_BYTES = 4 * 1024 * 1024
"""How many bytes of params they may have together."""

_KEPT = frozenset({methods.AGENT_SESSION_STARTED, methods.AGENT_INTERACTION_REQUESTED})
"""Somebody waits for these: they go only when nothing else is left to make room."""

_PIECE_COST = 64  # what a kept piece of text costs besides its characters


class Note(msgspec.Struct, frozen=True):
    """One notification. `dropped` counts those left out just before it because the caller was slow."""

    method: str
    params: msgspec.Raw
    dropped: int = 0


class _Output(msgspec.Struct):
    session_id: str
    text: str
    final: bool = False


_output_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_text_decoder = msgspec.json.Decoder(_Output)


class _Waiting:
    """A note in the queue; agent output may have grown by the text of later notes."""

    def __init__(self, method: str, params: msgspec.Raw) -> None:
        self.method = method
        self.params = params
        self.cost = memoryview(params).nbytes + _PIECE_COST
        self.output: _Output | None = None
        self.pieces: list[str] = []

    def absorb(self, params: msgspec.Raw) -> bool:
        """Take in another piece of the same session's output; False when it is not that."""
        piece = _decode_output(params)
        if piece is None:
            return False
        if self.output is None:
            self.output = _decode_output(self.params)
        if self.output is None or self.output.final or self.output.session_id != piece.session_id:
            return False
        self.pieces.append(piece.text)
        self.output.final = piece.final
        return True

    def note(self, dropped: int) -> Note:
        if self.output is None or not self.pieces:
            return Note(self.method, self.params, dropped)
        fields = _output_decoder.decode(self.params)  # keys of the first note that we do not know travel on
        fields["text"] = msgspec.Raw(msgspec.json.encode("".join((self.output.text, *self.pieces))))
        fields["final"] = msgspec.Raw(msgspec.json.encode(self.output.final))
        return Note(self.method, msgspec.Raw(msgspec.json.encode(fields)), dropped)


def _decode_output(params: msgspec.Raw) -> _Output | None:
    try:
        return _text_decoder.decode(params)
    except DECODE_ERRORS:
        return None


class NoteQueue:
    """Holds the notes of one call between the reader, which never waits, and a consumer that may be slow.

    When it is full, a piece of agent output joins the piece before it; when that is not possible or there are too
    many bytes, the oldest notes make room and are counted in `Note.dropped`. Notes that start a session or ask a
    person are the last to go.
    """

    def __init__(self, limit: int = NOTES_LIMIT, limit_bytes: int = NOTES_LIMIT_BYTES) -> None:
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._waiting: deque[_Waiting] = deque()
        self._bytes = 0
        self._dropped = 0
        self._changed = asyncio.Event()
        self._closed = False

    def put(self, method: str, params: msgspec.Raw) -> None:
        """Add a note; never waits."""
        cost = memoryview(params).nbytes + _PIECE_COST
        last = self._waiting[-1] if self._waiting else None
        is_output = method == methods.AGENT_OUTPUT and last is not None and last.method == methods.AGENT_OUTPUT
        if last is not None and is_output and len(self._waiting) >= self._limit and last.absorb(params):
            last.cost += cost
        else:
            self._waiting.append(_Waiting(method, params.copy()))  # not the whole line
        self._bytes += cost
        while len(self._waiting) > self._limit or (self._bytes > self._limit_bytes and self._waiting):
            oldest = self._least_needed()
            self._bytes -= oldest.cost
            self._dropped += 1 + len(oldest.pieces)
        self._changed.set()

    def _least_needed(self) -> _Waiting:
        """Take out the oldest note that nobody waits for, or the oldest of all."""
        found = next((number for number, item in enumerate(self._waiting) if item.method not in _KEPT), 0)
        item = self._waiting[found]
        del self._waiting[found]
        return item

    def close(self) -> None:
        """No more notes come; `get` gives what is left and then None."""
        self._closed = True
        self._changed.set()

    @property
    def held_bytes(self) -> int:
        """What the waiting notes cost."""
        return self._bytes

    @property
    def dropped(self) -> int:
        """Notes that were dropped and that no later note has told about yet."""
        return self._dropped

    async def get(self) -> Note | None:
        """The next note, once there is one; None at the end."""
        while not self._waiting:
            if self._closed:
                return None
            self._changed.clear()
            await self._changed.wait()
        waiting = self._waiting.popleft()
        self._bytes -= waiting.cost
        dropped, self._dropped = self._dropped, 0
        return waiting.note(dropped)
