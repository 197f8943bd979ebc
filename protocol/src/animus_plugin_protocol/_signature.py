"""Does a handler fit its method? Answered when it is registered, from its annotations."""

import typing
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from animus_plugin_protocol.context import AsyncContext, Context
from animus_plugin_protocol.errors import RegistrationError
from animus_plugin_protocol.methods import Method

__all__ = ["Signature", "is_async", "read_signature"]

_COROUTINE_FLAG: Final = 0x80  # inspect.CO_COROUTINE; importing inspect costs more than the whole check
_POSITIONAL_LIMIT: Final = 2
_MISSING: Final = object()


class Signature(NamedTuple):
    """What registration learns from a handler.

    Attributes:
        params_type: what the params are decoded to; None where the method carries none.
        wants_context: whether the handler takes a second argument.
    """

    is_async: bool
    wants_context: bool
    params_type: Any


def is_async(handler: Callable[..., Any]) -> bool:
    """Whether calling it gives a coroutine."""
    code = getattr(_function(handler), "__code__", None)
    return code is not None and bool(code.co_flags & _COROUTINE_FLAG)


def read_signature(plugin: str, method: str, row: Method | None, handler: Callable[..., Any]) -> Signature:
    """Check a handler against its row of the method table; for a method outside the table, only its shape.

    Raises:
        RegistrationError: it does not fit; the message names handler, method, expected and found type.
    """
    what = f"handler {_name(handler)!r} of plugin {plugin!r} for {method!r}"
    names = _positional(what, handler)
    hints = _hints(what, handler)
    found_params = _annotation(what, hints, names[0])
    runs_async = is_async(handler)
    if row is not None:
        _require(what, f"parameter {names[0]!r}", row.params_type(), found_params)
        expected_result = row.result_type()
        if expected_result is not None and expected_result is not Any:
            _require(what, "the result", expected_result, _annotation(what, hints, "return"))
    if len(names) == _POSITIONAL_LIMIT:
        expected_context = AsyncContext if runs_async else Context
        _require(what, f"parameter {names[1]!r}", expected_context, _annotation(what, hints, names[1]))
    return Signature(runs_async, len(names) == _POSITIONAL_LIMIT, found_params)


def _function(handler: Callable[..., Any]) -> Any:
    function: Any = getattr(handler, "__func__", handler)
    if hasattr(function, "__code__"):
        return function
    return getattr(type(handler), "__call__", handler)  # noqa: B004 - the function is wanted, not whether there is one


def _positional(what: str, handler: Callable[..., Any]) -> tuple[str, ...]:
    function = _function(handler)
    code = getattr(function, "__code__", None)
    if code is None:
        raise RegistrationError(f"{what} is {type(handler).__name__}: give a function, a method or a callable object")
    names: tuple[str, ...] = code.co_varnames[: code.co_argcount]
    if function is not handler:  # bound: the first argument is filled in
        names = names[1:]
    if not 1 <= len(names) <= _POSITIONAL_LIMIT:
        raise RegistrationError(f"{what} takes ({', '.join(names)}): expected (params) or (params, context)")
    return names


def _hints(what: str, handler: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(_function(handler))
    except (NameError, TypeError, AttributeError) as error:
        raise RegistrationError(f"{what}: its annotations cannot be resolved: {error}") from error


def _annotation(what: str, hints: dict[str, Any], name: str) -> Any:
    found = hints.get(name, _MISSING)
    if found is _MISSING:
        where = "its result" if name == "return" else f"parameter {name!r}"
        raise RegistrationError(f"{what}: {where} has no annotation, and the annotation says what is decoded")
    return None if found is type(None) else found


def _require(what: str, where: str, expected: Any, found: Any) -> None:
    if found != expected:
        raise RegistrationError(f"{what}: {where} must be annotated {_type(expected)}, found {_type(found)}")


def _name(handler: Callable[..., Any]) -> str:
    return getattr(handler, "__qualname__", type(handler).__qualname__)


def _type(annotation: Any) -> str:
    if annotation is None:
        return "None"
    if isinstance(annotation, type):
        return f"{annotation.__module__}.{annotation.__qualname__}"
    return str(annotation)
