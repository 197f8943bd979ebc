"""The seam between the kernel's decisions and the plugin processes: a call by kind and method, typed by the table."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import msgspec

from animus_composition.roles import SUBJECT_ROLE
from animus_plugin_protocol.errors import ErrorCode, FatalError, RetriableError
from animus_plugin_protocol.methods import METHODS, subject_verb
from animus_plugin_runtime.tolerance import read_shape

__all__ = ["CALL_SECONDS", "OnNote", "Plugins", "Seconds", "ask", "ask_backend"]

CALL_SECONDS = 30.0
"""How long a plugin may take to answer an ordinary request."""

_READS = frozenset({"list", "get", "load", "stats", "validate", "next", "next_deadline"})
"""Asked again once when the plugin died meanwhile: asking changes nothing."""

Seconds = float | None
"""A time-out; None waits for as long as the plugin lives."""

OnNote = Callable[[str, msgspec.Raw], None] | None
"""Told method and params of each notification that belongs to a call, in order, before its answer."""


AnswerType = TypeVar("AnswerType")


class Plugins(Protocol):
    """Whoever can reach the plugins of a project."""

    async def call(
        self, kind: str, method: str, params: Any, timeout_seconds: Seconds = CALL_SECONDS, on_note: OnNote = None
    ) -> msgspec.Raw:
        """Call the plugin that holds the role `kind` (``subject_backend:<kind>`` for a kind of subjects).

        Raises:
            RpcFault: what it answered; `RetriableError` when it died, is not there yet or did not answer in time.
        """
        ...


async def ask(
    plugins: Plugins, method: str, params: Any, answer: type[AnswerType], seconds: float = CALL_SECONDS
) -> AnswerType:
    """Call `method` at the holder of its kind and decode the result as `answer`.

    Raises:
        RpcFault: as `Plugins.call`; `FatalError` when the result does not fit its type.
    """
    return await _ask(plugins, METHODS[method].kind, method, params, answer, seconds)


async def ask_backend(
    plugins: Plugins, kind: str, method: str, params: Any, answer: type[AnswerType], seconds: float = CALL_SECONDS
) -> AnswerType:
    """As `ask`, for the backend of one kind of subjects; hosts spell its methods ``<kind>/<verb>``."""
    spelling = subject_verb(kind, method)
    return await _ask(plugins, f"{SUBJECT_ROLE}{kind}", spelling, params, answer, seconds)


async def _ask(
    plugins: Plugins, role: str, method: str, params: Any, answer: type[AnswerType], seconds: float
) -> AnswerType:
    try:
        raw = await plugins.call(role, method, params, timeout_seconds=seconds)
    except RetriableError as fault:
        if fault.code != ErrorCode.HOST_PLUGIN_DIED or method.rpartition("/")[2] not in _READS:
            raise
        raw = await plugins.call(role, method, params, timeout_seconds=seconds)
    try:
        return read_shape(msgspec.json.Decoder(answer), raw or b"null")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FatalError(f"the answer to {method!r} does not fit the protocol: {error}") from error
