"""Lines of a plugin that are no frames: counted, the last one quoted, and who waited for them told."""

import re
from typing import Any

from animus_plugin_protocol.errors import FatalError
from animus_plugin_protocol.frames import OversizedLine

__all__ = ["BadLines"]

_HEAD_ID = re.compile(rb'\s*\{\s*"jsonrpc"\s*:\s*"2\.0"\s*,\s*"id"\s*:\s*(\d+)\s*,')
_QUOTED_BYTES = 200


class BadLines:
    """Of one plugin."""

    def __init__(self, plugin: str) -> None:
        self._plugin = plugin
        self.count = 0
        self._last = b""

    def add(self, line: bytes) -> None:
        """One more."""
        self.count += 1
        self._last = line[:_QUOTED_BYTES]

    def add_oversized(self, line: OversizedLine, head: bytes) -> tuple[Any, FatalError] | None:
        """One that was too long; the call that it would have answered, as far as its beginning tells, and its error."""
        self.add(head)
        named = _HEAD_ID.match(head)
        if named is None:
            return None
        message = f"plugin {self._plugin!r} answered with a frame above {line.limit} bytes"
        return int(named.group(1)), FatalError(message, data={"category": "oversized", "limit": line.limit})

    def report(self) -> str:
        """A clause for error texts; empty when every line was a frame."""
        if not self.count:
            return ""
        return f"; lines of its standard output that are no frames: {self.count}, the last one {self._last!r}"
