"""The seam through which recorders, taps and metrics see every line."""

import asyncio
from collections.abc import Callable, Iterable

__all__ = ["FrameObserver", "Observers", "report_failure"]

FrameObserver = Callable[[str, str, bytes], None]
"""Sees every line: direction (``to_plugin`` or ``to_host``), plugin, the line without its newline. It must be
quick."""


def report_failure(message: str, error: Exception) -> None:
    """Tell the loop's exception handler about a listener that failed; the reader goes on."""
    asyncio.get_running_loop().call_exception_handler({"message": message, "exception": error})


class Observers:
    """Those who watch one connection.

    Attributes:
        seats: the observers that have not failed yet.
    """

    def __init__(self, plugin: str, observers: Iterable[FrameObserver]) -> None:
        self._plugin = plugin
        self.seats = tuple(observers)

    def see(self, direction: str, line: bytes) -> None:
        """Show a line to all of them. One that fails only loses its seat."""
        for observer in self.seats:
            try:
                observer(direction, self._plugin, line)
            except Exception as error:  # noqa: BLE001 - an observer only looks
                self.seats = tuple(seat for seat in self.seats if seat is not observer)
                report_failure(f"an observer of plugin {self._plugin!r} failed and was taken off", error)
