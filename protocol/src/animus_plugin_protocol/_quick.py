"""Which plain methods are quick: found out by running them on workers."""

import threading
from collections.abc import Callable
from typing import Any, Final

import msgspec

from animus_plugin_protocol._call import Call
from animus_plugin_protocol._declaration import Declaration, Route

__all__ = ["QuickMethods"]

QUICK_SECONDS: Final = 0.001
QUICK_RUNS: Final = 8
"""So many runs in a row, each within `QUICK_SECONDS`, make a method quick; one that is slow ends that."""

Way = tuple[Route, Callable[[msgspec.Raw], Any]]
"""What it takes to run a handler: its route, and what reads its params."""


class QuickMethods:
    """The methods of a connection that may be run where they are read.

    None of a plugin with inline handlers, which stay on one thread, so that this one goes on reading; none of a plugin
    with a single worker, which may count on that thread.

    Attributes:
        ways: by method; only looked up by others.
    """

    def __init__(self, declaration: Declaration, clock: Callable[[], float]) -> None:
        self._may_be = declaration.workers > 1 and not any(route.inline for route in declaration.routes.values())
        self._clock = clock
        self._runs: dict[str, int] = {}
        self._learning = threading.Lock()
        self.ways: dict[str, Way] = {}

    def run(self, call: Call) -> None:
        """Run a call on a worker, and learn from how long it took. Never raises."""
        if not self._may_be:
            call.run()
            return
        began = self._clock()
        call.run()
        is_quick = self._clock() - began <= QUICK_SECONDS
        self._learn(call.route, is_quick=is_quick and not call.token.has_waited)  # a host that is asked may be slow

    def forget(self, route: Route) -> None:
        """The method was slow."""
        self._learn(route, is_quick=False)

    def _learn(self, route: Route, *, is_quick: bool) -> None:
        with self._learning:
            runs = self._runs[route.method] = self._runs.get(route.method, 0) + 1 if is_quick else 0
            if not is_quick:
                self.ways.pop(route.method, None)
            elif runs >= QUICK_RUNS and _is_struct(route.params_type):
                self.ways.setdefault(route.method, (route, route.decoder().decode))


def _is_struct(shape: Any) -> bool:
    # A struct refuses null and nothing at all, which only the long way reads as an empty object.
    return isinstance(shape, type) and issubclass(shape, msgspec.Struct)
