"""The token of a request: tripped once, seen by whoever works for the request."""

import threading
from collections.abc import Callable
from typing import Final

from animus_plugin_protocol.errors import Cancelled

__all__ = ["CancelToken"]


_turn: Final = threading.Lock()
"""Of all tokens: it is held for a few assignments only, and a lock for each would cost every request its making."""


class CancelToken:
    """Says whether a request was cancelled, and tells those who asked to be told.

    Attributes:
        is_cancelled: whether it is tripped.
        is_stopping: whether it was tripped because the plugin ends, not because the host cancelled this request.
        deliver: runs user callbacks; set by the loop, so that they never run on the reader.
    """

    __slots__ = ("_callbacks", "_wakers", "deliver", "is_cancelled", "is_stopping")

    def __init__(self, deliver: Callable[[Callable[[], object]], object]) -> None:
        self.is_cancelled = False
        self.is_stopping = False
        self.deliver = deliver
        self._callbacks: list[Callable[[], object]] | None = None
        self._wakers: list[Callable[[], object]] | None = None

    @property
    def has_waited(self) -> bool:
        """Whether somebody who works for the request has waited for something that a cancellation ends."""
        return self._wakers is not None

    def raise_if_cancelled(self) -> None:
        """Raise `Cancelled` once the token is tripped."""
        if self.is_cancelled:
            raise Cancelled

    def on_cancel(self, callback: Callable[[], object]) -> None:
        """Have `callback` run when the token is tripped, or now if it is."""
        with _turn:
            if not self.is_cancelled:
                self._callbacks = [*(self._callbacks or ()), callback]
                return
        self.deliver(callback)

    def add_waker(self, waker: Callable[[], object]) -> None:
        """Have `waker` run at once, on the tripping thread: only for what sets an event."""
        with _turn:
            if not self.is_cancelled:
                self._wakers = [*(self._wakers or ()), waker]
                return
        waker()

    def remove_waker(self, waker: Callable[[], object]) -> None:
        """Forget a waker."""
        with _turn:
            self._wakers = [kept for kept in self._wakers or () if kept != waker]

    def cancel(self, *, is_stopping: bool = False) -> bool:
        """Trip the token; whether this call did."""
        with _turn:
            if self.is_cancelled:
                return False
            self.is_stopping = is_stopping
            self.is_cancelled = True
            callbacks, self._callbacks = self._callbacks, None
            wakers, self._wakers = self._wakers, None
        for waker in wakers or ():
            waker()
        for callback in callbacks or ():
            self.deliver(callback)
        return True
