"""The requests whose handlers work, by id: for cancelling one, cancelling all, and waiting until none is left."""

import threading
from typing import Any

from animus_plugin_protocol._call import Call
from animus_plugin_protocol.codec import request_key

__all__ = ["Running"]


class Running:
    """The cancellation table. Ids keep their type: ``1`` and ``"1"`` are two requests."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._by_key: dict[bytes, Call] = {}
        self._calls: set[Call] = set()

    def add(self, call: Call) -> bool:
        """Take a call in before it starts; False when a request with this id is running."""
        key = None if call.request_id is None else request_key(call.request_id)
        with self._changed:
            if key is not None:
                if key in self._by_key:
                    return False
                self._by_key[key] = call
            self._calls.add(call)
        call.when_done(lambda: self._by_key.pop(key, None) if key is not None else None, lambda: self._remove(call))
        return True

    def cancel(self, request_id: Any) -> None:
        """Cancel the request with this id, if it runs."""
        call = self._by_key.get(request_key(request_id))
        if call is not None:
            call.cancel()

    def stop_all(self) -> None:
        """Cancel everything that runs, because the plugin ends."""
        with self._changed:
            calls = list(self._calls)
        for call in calls:
            call.cancel(is_stopping=True)

    def wait_idle(self, timeout_seconds: float) -> bool:
        """Wait until every reply is written; whether that came about."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._calls, timeout_seconds)

    def _remove(self, call: Call) -> None:
        with self._changed:
            self._calls.discard(call)
            if not self._calls:
                self._changed.notify_all()
