"""Those who listen to the notifications of a plugin that belong to no call."""

from collections.abc import Callable

import msgspec

from animus_plugin_runtime.observer import report_failure

__all__ = ["Subscribers"]


class Subscribers:
    """Of one plugin."""

    def __init__(self, plugin: str) -> None:
        self._plugin = plugin
        self._callbacks: list[Callable[[str, msgspec.Raw], None]] = []

    def __len__(self) -> int:
        return len(self._callbacks)

    def add(self, callback: Callable[[str, msgspec.Raw], None]) -> Callable[[], None]:
        """One more; the returned function takes it off again."""
        self._callbacks.append(callback)

        def remove() -> None:
            if callback in self._callbacks:
                self._callbacks.remove(callback)

        return remove

    def tell(self, method: str, params: msgspec.Raw) -> None:
        """Show a notification to all of them; one that fails is reported and the others still see it."""
        for callback in tuple(self._callbacks):
            try:
                callback(method, params)
            except Exception as error:  # noqa: BLE001 - the reader outlives its listeners
                report_failure(f"a subscriber of plugin {self._plugin!r} failed on {method!r}", error)
