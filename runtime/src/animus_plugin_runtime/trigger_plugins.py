"""Which trigger plugin watches for a type of triggers."""

from collections.abc import Iterable

import msgspec

from animus_plugin_protocol import methods
from animus_plugin_protocol.codec import DECODE_ERRORS
from animus_plugin_protocol.errors import ErrorCode, RefusedError, RpcFault
from animus_plugin_runtime.supervisor import SupervisedPlugin

__all__ = ["trigger_plugin"]

_SCHEMA_SECONDS = 30.0
_OF_A_PLUGIN = "plugin"
_OWN_TYPES = frozenset({"file_watcher", "webhook", "github_webhook"})
"""Types that a workflow file names as such; every other one is of the type ``plugin`` there."""
_NOT_SERVED = (ErrorCode.METHOD_NOT_FOUND, ErrorCode.METHOD_NOT_SUPPORTED)
"""``trigger/schema`` may be left out."""


class _Kinds(msgspec.Struct):
    """All of a `TriggerSchema` that counts here."""

    kinds: list[str] = []


async def trigger_plugin(plugins: Iterable[SupervisedPlugin], type_name: str, name: str | None) -> SupervisedPlugin:
    """The plugin called `name`, or the first one that serves the type.

    A file that says ``plugin`` and not which means the one plugin that serves none of the other types.

    Raises:
        RefusedError: there is none; the message has the plugins there are, and why one of them could not be asked.
    """
    known: list[str] = []
    others: list[SupervisedPlugin] = []
    for plugin in plugins:
        called = plugin.candidate.name
        if name is not None:
            if plugin.candidate.answers_to(name):
                return plugin
        else:
            try:
                kinds = await _kinds_of(plugin)
            except RpcFault as fault:  # one that is broken keeps no other from being found
                called = f"{called} ({fault.message})"
            else:
                if type_name in kinds:
                    return plugin
                others += [] if _OWN_TYPES.intersection(kinds) else [plugin]
        known.append(called)
    is_open = name is None and type_name == _OF_A_PLUGIN
    if is_open and len(others) == 1:
        return others[0]
    advice = "; name one of them: config: {plugin: NAME}" if is_open and others else ""
    message = f"no plugin watches for {name or type_name!r}; trigger plugins here: {', '.join(known) or 'none'}{advice}"
    raise RefusedError(message, code=ErrorCode.HOST_NO_SUCH_PLUGIN)


async def _kinds_of(plugin: SupervisedPlugin) -> list[str]:
    connection = await plugin.connection()
    try:
        raw = await connection.call_raw(methods.TRIGGER_SCHEMA, timeout_seconds=_SCHEMA_SECONDS)
        return msgspec.json.decode(raw, type=_Kinds).kinds
    except DECODE_ERRORS:
        return []
    except RpcFault as fault:
        if fault.code in _NOT_SERVED:
            return []
        raise
