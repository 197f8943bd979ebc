"""Going on where a client was: which recorded events it has not seen, asked for without asking for all there are.

The daemon hands the recorded events over at once and hangs up on whoever has ten mebibytes of them waiting, so a client
that was away for long gets the latest `CATCH_UP`, and is told which numbers it missed.
"""

from collections.abc import AsyncGenerator
from typing import NamedTuple, Self

import msgspec

from animus_control.operations import OPERATIONS
from animus_control.project import Project
from animus_transport_http.call import listed
from animus_transport_http.daemon import DaemonConnection
from animus_transport_http.event_stream import Item
from animus_transport_http.refusal import RefusalError

__all__ = ["CATCH_UP", "NUMBERED", "Resumption"]

NUMBERED = "daemon/events"
"""The operation whose items have numbers that only grow."""
CATCH_UP = 4096
"""How many events a client is sent that happened while it was away."""

_MEANWHILE = 256
"""How many more may happen between looking for the latest one and asking for them."""
_NUMBER_DIGITS = 18


class _Numbered(msgspec.Struct):
    seq: int


class Resumption(NamedTuple):
    """Where a stream goes on.

    Attributes:
        after: the number before the first that is sent.
        limit: how many of the latest events to ask for; None leaves it to the client.
        missed: the first and the last number that a client will not get any more.
    """

    after: int = 0
    limit: int | None = None
    missed: tuple[int, int] | None = None

    @classmethod
    async def find(cls, project: Project, last_event_id: str) -> Self:
        """Where to go on for a client that has seen `last_event_id`.

        Raises:
            RefusalError: that is no number.
            ControlError: no daemon serves the project.
        """
        if not (last_event_id.isascii() and last_event_id.isdecimal()) or len(last_event_id) > _NUMBER_DIGITS:
            raise RefusalError(400, "invalid_input", f"Last-Event-ID {last_event_id!r} is no number of an event")
        operation = OPERATIONS[NUMBERED]
        rows = await listed(project, operation, operation.params(limit=1))
        latest = max((row.seq for row in msgspec.json.decode(rows, type=list[_Numbered])), default=0)
        seen = int(last_event_id)
        seen = seen if seen <= latest else 0  # the record was begun anew and has not come to that number yet
        after = max(seen, latest - CATCH_UP)
        missed = (seen + 1, after) if after > seen else None
        return cls(after, latest - after + _MEANWHILE, missed)

    async def items(self, daemon: DaemonConnection) -> AsyncGenerator[Item]:
        """The items of a stream with their numbers, as far as the client has not seen them."""
        if self.missed is not None:
            first, last = self.missed
            yield Item(msgspec.Raw(msgspec.json.encode({"first": first, "last": last})), name="missed")
        async for data in daemon.items():
            number = msgspec.json.decode(data, type=_Numbered).seq
            if number > self.after:
                yield Item(data, number)
