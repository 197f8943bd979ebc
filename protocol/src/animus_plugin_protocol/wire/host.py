"""``host/call``: a plugin asks the host for another plugin (docs/decisions/0009-host-calls.md)."""

import msgspec

from animus_plugin_protocol.wire.presence import Wire

__all__ = ["HostCallParams", "HostNote"]


class HostCallParams(Wire, frozen=True, kw_only=True):
    """Call `method` of the plugin that serves `kind`; `name` picks one by plugin name or advertised tool.

    `params` and the result pass through the host as the bytes they are. `run_id` says in which run's log the
    whole stream is kept when notes have to be dropped.
    """

    kind: str
    method: str
    params: msgspec.Raw = msgspec.Raw(b"{}")
    name: str | None = None
    timeout_ms: int | None = None
    run_id: str | None = None


class HostNote(Wire, frozen=True, kw_only=True):
    """A notification of the callee, in order, before the response to the call `id`.

    `dropped` counts the notes left out just before this one because the caller was slow.
    """

    id: str
    seq: int
    method: str
    params: msgspec.Raw = msgspec.Raw(b"{}")
    dropped: int | None = None
