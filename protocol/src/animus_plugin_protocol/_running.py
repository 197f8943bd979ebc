"""The requests whose handlers work, by id: for cancelling one, cancelling all, and waiting until none is left."""

import threading
from typing import Any

from animus_plugin_protocol._call import Call
from animus_plugin_protocol.codec import request_key

__all__ = ["Running"]

_Key = int | bytes


def _key(request_id: Any) -> _Key:
    """Ids keep their type; an int, which nearly every host uses, is a key as it stands."""
    return request_id if request_id.__class__ is int else request_key(request_id)


class Running:
    """The cancellation table. Ids keep their type: ``1`` and ``"1"`` are two requests.

    A request comes and goes with single operations on a dictionary and a set, which are whole for every thread; the
    lock is only for who waits until none is left.

    Attributes:
        ids: of the requests that run and will be answered, ints as they stand; only looked up by others.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._is_awaited = False
        self.ids: dict[_Key, Call] = {}
        self._calls: set[Call] = set()

    def add(self, call: Call) -> bool:
        """Take a call in before it starts; False when a request with this id is running."""
        if call.request_id is not None and self.ids.setdefault(_key(call.request_id), call) is not call:
            return False
        self._calls.add(call)
        call.watched_by = self
        return True

    def forget(self, call: Call) -> None:
        """Its id is free again: its reply is written next."""
        if call.request_id is not None:
            self.ids.pop(_key(call.request_id), None)

    def remove(self, call: Call) -> None:
        """Its reply was written."""
        self._calls.discard(call)
        if self._is_awaited and not self._calls:
            with self._changed:
                self._changed.notify_all()

    def cancel(self, request_id: Any) -> None:
        """Cancel the request with this id, if it runs."""
        call = self.ids.get(_key(request_id))
        if call is not None:
            call.cancel()

    def stop_all(self) -> None:
        """Cancel everything that runs, because the plugin ends."""
        for call in self._calls.copy():
            call.cancel(is_stopping=True)

    def wait_idle(self, timeout_seconds: float) -> bool:
        """Wait until every reply is written; whether that came about."""
        with self._changed:
            self._is_awaited = True  # seen by whoever removes the last call, or its removal is seen here
            return self._changed.wait_for(lambda: not self._calls, timeout_seconds)
