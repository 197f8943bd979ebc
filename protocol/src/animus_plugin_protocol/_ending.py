"""How a connection ends: ``shutdown``, ``exit``, the end of stdin. Every wait is bounded; being killed is normal."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from animus_plugin_protocol._call import report_exception
from animus_plugin_protocol._outbox import Outbox
from animus_plugin_protocol._running import Running

__all__ = ["Ending", "RunHook"]

FINISH_SECONDS: Final = 0.4
"""At the end of stdin: how long handlers may go on before they are cancelled."""

CANCELLED_SECONDS: Final = 0.8
"""How long cancelled handlers get to come to their end. A host waits 2 s for ``shutdown`` and then kills."""

HOOK_SECONDS: Final = 0.6
"""How long the ``on_shutdown`` callbacks get together."""

FLUSH_SECONDS: Final = 0.2
"""How long the last frames may wait for a host that reads slowly."""

RunHook = Callable[[Callable[[], Any], float], None]
"""Runs a callback, async or not, and returns when it is done or the seconds are over."""


class Ending:
    """Ends a connection once, by whichever way comes first; a second way waits for the first."""

    def __init__(
        self, running: Running, outbox: Outbox, hooks: tuple[Callable[[], object], ...], run_hook: RunHook
    ) -> None:
        self._running = running
        self._outbox = outbox
        self._hooks = hooks
        self._run_hook = run_hook
        self._lock = threading.Lock()
        self._replies: deque[bytes] = deque()

    def reply_when_stopped(self, reply: bytes) -> None:
        """Have the answer to a ``shutdown`` written once work has stopped, whoever stops it."""
        self._replies.append(reply)

    def stop_work(self, *, finish_seconds: float = 0.0) -> bool:
        """Let handlers finish for a while, cancel the rest, wait for that, run the callbacks (once in all).

        Whether every handler came to its end.
        """
        with self._lock:
            is_idle = self._running.wait_idle(finish_seconds)
            if not is_idle:
                self._running.stop_all()
                is_idle = self._running.wait_idle(CANCELLED_SECONDS)
            self._run_hooks()
            while self._replies:
                self._outbox.put(self._replies.popleft())
        return is_idle

    def close(self) -> None:
        """Write what is left to write, and nothing after it."""
        self._outbox.flush(FLUSH_SECONDS)
        self._outbox.close()

    def _run_hooks(self) -> None:
        hooks, self._hooks = self._hooks, ()
        for hook in hooks:
            try:
                self._run_hook(hook, HOOK_SECONDS / len(hooks))
            except Exception as error:  # noqa: BLE001 - one callback does not keep the others from running
                report_exception("an on_shutdown callback failed", error)
