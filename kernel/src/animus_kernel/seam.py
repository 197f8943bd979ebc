"""The seam between the kernel's decisions and the plugin processes: a call by kind and method, typed by the table."""

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from animus_plugin_protocol.errors import ErrorCode, FatalError, RetriableError
from animus_plugin_protocol.methods import METHODS

__all__ = ["CALL_SECONDS", "NoteListener", "Plugins", "ask"]

CALL_SECONDS = 30.0
"""How long a plugin may take to answer an ordinary request."""

_READS = frozenset({"list", "get", "load", "stats", "validate", "next", "next_deadline"})
"""Asked again once when the plugin died meanwhile: asking changes nothing."""

NoteListener = Callable[[str, msgspec.Raw], None]
"""Told method and params of each notification that belongs to a call, in order, before its answer."""


class Plugins(Protocol):
    """Whoever can reach the plugins of a project."""

    async def call(
        self,
        kind: str,
        method: str,
        params: Any = None,
        *,
        timeout_seconds: float | None = CALL_SECONDS,
        on_note: NoteListener | None = None,
    ) -> msgspec.Raw:
        """Call the plugin that holds the role `kind` (``subject_backend:<kind>`` for a kind of subjects).

        Raises:
            RpcFault: what it answered; `RetriableError` when it died, is not there yet or did not answer in time.
        """
        ...


async def ask(
    plugins: Plugins,
    method: str,
    params: Any = None,
    *,
    role: str | None = None,
    spelling: str | None = None,
    timeout_seconds: float | None = CALL_SECONDS,
) -> Any:
    """Call `method` and decode the answer by the method table.

    Args:
        plugins: where to.
        method: a name in the table.
        params: its params struct.
        role: the role to call, when it is not simply the method's kind.
        spelling: another name for the method on the wire (``<kind>/<verb>``).
        timeout_seconds: how long to wait.

    Raises:
        RpcFault: as `Plugins.call`; `FatalError` when the answer does not fit its type.
    """
    row = METHODS[method]
    try:
        raw = await plugins.call(role or row.kind, spelling or method, params, timeout_seconds=timeout_seconds)
    except RetriableError as fault:
        if fault.code != ErrorCode.HOST_PLUGIN_DIED or method.rpartition("/")[2] not in _READS:
            raise
        raw = await plugins.call(role or row.kind, spelling or method, params, timeout_seconds=timeout_seconds)
    try:
        return msgspec.json.decode(raw or b"null", type=row.result_type() or Any)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FatalError(f"the answer to {method!r} does not fit the protocol: {error}") from error
