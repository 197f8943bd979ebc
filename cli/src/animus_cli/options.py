"""The options and arguments of an operation, made from the fields of its params struct.

A field that has a description is on the command line; one without is for other clients of the socket. What is typed
becomes plain JSON values here and the struct afterwards, so the struct's own constraints have the last word.

=====================  ==================================================
field                  on the command line
=====================  ==================================================
``bool``               a flag
``int``                a number, with the bounds of the field
an enum                one of its words, in kebab case (snake case is read)
``list[...]``          given several times, or with commas
``dict[str, str]``     ``NAME=VALUE``, given several times
any other JSON         one JSON text
=====================  ==================================================
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import click
import msgspec
from msgspec import inspect

from animus_cli.failure import CommandError, did_you_mean
from animus_cli.json_value import json_object
from animus_control.operations import Operation

__all__ = ["PRIORITIES", "Binding", "bindings", "params_from", "priority_level"]

_HIDDEN_ALIASES = {"subject": "--subject-id"}
"""Older spellings that are still read."""
_OPTION_TWINS = {"definition": "--workflow"}
"""Arguments that may be given by name as well."""

_METAVARS = {"subject": "KIND:ID", "run_at": "MOMENT", "definition": "REF"}
"""What stands for a value in help pages, where the field's name does not say it."""

PRIORITIES = ("critical", "high", "medium", "low")
"""The words for the numbers 0 to 3; dispatches have no others."""

Callback = Callable[[click.Context, click.Parameter, Any], Any]


class Binding(NamedTuple):
    """A parameter of the command and the field it fills."""

    field: str
    parameter: click.Parameter
    description: str


class _Shape(NamedTuple):
    """How a field's type is typed in: see the table of the module."""

    metavar: str | None
    convert: Callable[[Any], Any] | None = None
    kind: "click.ParamType[Any] | None" = None
    multiple: bool = False
    is_flag: bool = False


def bindings(operation: Operation) -> list[Binding]:
    """The parameters of `operation`'s command, arguments first."""
    info = inspect.type_info(operation.params)
    if not isinstance(info, inspect.StructType):
        raise TypeError(f"params of {operation.name!r} are no struct")
    flags = dict(operation.flags)
    arguments: list[Binding] = []
    options: list[Binding] = []
    for field in info.fields:
        described, bare = _unwrapped(field.type)
        if described is None:
            continue
        shape = _shape(field, bare)
        if field.name in operation.arguments:
            arguments.append(Binding(field.name, _argument(field, shape), described))
            flag, alias = _OPTION_TWINS.get(field.name), None
        else:
            flag = flags.get(field.name, "--" + field.name.replace("_", "-"))
            alias = _HIDDEN_ALIASES.get(field.name)
        if flag is not None:
            options.append(Binding(field.name, _option(field, shape, flag, described), described))
        if alias is not None:
            options.append(Binding(field.name, _option(field, shape, alias, described, hidden=True), described))
    arguments.sort(key=lambda binding: operation.arguments.index(binding.field))
    return [*arguments, *options]


def params_from(operation: Operation, bound: list[Binding], values: Mapping[str, Any]) -> Any:
    """The params struct of what was typed; fields that were not given keep their defaults.

    Raises:
        CommandError: a field was given twice, or the struct refuses a value.
    """
    given: dict[str, Any] = {}
    for field, parameter, _ in bound:
        value = values.get(parameter.name or "")
        if value is None or value is False or value == ():
            continue  # not given; a flag that is not given is false, as is its field's default
        if field in given:
            raise _refused(f"{field.replace('_', ' ')!r} is given twice")
        given[field] = value
    try:
        return msgspec.convert(given, operation.params)
    except msgspec.ValidationError as error:
        raise _refused(f"{' '.join(operation.command)}: {error}") from None


def _refused(message: str) -> CommandError:
    return CommandError("invalid_input", message, remediation="invalid_input")


def _unwrapped(kind: inspect.Type) -> tuple[str | None, inspect.Type]:
    """The description of a type, if it has one, and the type without null and without annotations."""
    described: str | None = None
    while True:
        if isinstance(kind, inspect.Metadata):
            # msgspec leaves the type of what is in this dict open
            schema = json_object(kind.extra_json_schema)  # pyright: ignore[reportUnknownMemberType]
            described = described or schema.get("description")
            kind = kind.type
        elif isinstance(kind, inspect.UnionType):
            rest = [member for member in kind.types if not isinstance(member, inspect.NoneType)]
            if len(rest) != 1:
                return described, kind
            kind = rest[0]
        else:
            return described, kind


def _shape(field: inspect.Field, kind: inspect.Type) -> _Shape:  # noqa: PLR0911 - a table of types, one row each
    match kind:
        case inspect.BoolType() if field.default is False:
            return _Shape(metavar=None, is_flag=True)
        case inspect.IntType() if field.name == "priority":
            return _Shape(metavar="|".join(PRIORITIES), convert=priority_level)
        case inspect.IntType():
            return _Shape(metavar="N", kind=click.IntRange(min=kind.ge, max=kind.le))
        case inspect.EnumType():
            words = [str(member.value) for member in kind.cls]
            return _Shape(metavar="|".join(word.replace("_", "-") for word in words), convert=_one_of(words))
        case inspect.ListType():
            item = _shape(field, _unwrapped(kind.item_type)[1])
            return _Shape(metavar=item.metavar, convert=_split(item.convert), multiple=True)
        case inspect.DictType() if isinstance(kind.value_type, inspect.StrType):
            return _Shape(metavar="NAME=VALUE", convert=_pairs, multiple=True)
        case inspect.DictType() | inspect.AnyType():
            return _Shape(metavar="JSON", convert=_parsed_json)
        case inspect.DateTimeType():
            return _Shape(metavar="MOMENT")
        case inspect.StrType():
            return _Shape(metavar=_METAVARS.get(field.name, field.name.rpartition("_")[2].upper()))
        case _:
            raise TypeError(f"field {field.name!r}: {kind!r} cannot be typed on a command line")


def _argument(field: inspect.Field, shape: _Shape) -> click.Argument:
    metavar = field.name.upper() if shape.metavar is None or "|" in shape.metavar else shape.metavar
    return click.Argument(
        [field.name],
        nargs=-1 if shape.multiple else 1,
        required=field.required,
        type=shape.kind,
        metavar=metavar if field.required else f"[{metavar}]",
        callback=_converting(shape.convert),
    )


def _option(field: inspect.Field, shape: _Shape, flag: str, described: str, *, hidden: bool = False) -> click.Option:
    shown = "" if shape.is_flag or field.default in (None, msgspec.NODEFAULT) else f"  [default: {field.default}]"
    return click.Option(
        [f"option_{flag.removeprefix('--').replace('-', '_')}", flag],
        required=field.required and not hidden,
        type=shape.kind,
        metavar=shape.metavar,
        multiple=not shape.is_flag,  # so that a second value is seen, and refused where there is room for one
        is_flag=shape.is_flag,
        callback=_converting(shape.convert) if shape.multiple or shape.is_flag else _single(shape.convert),
        hidden=hidden,
        help=described + shown,
    )


def _converting(convert: Callable[[Any], Any] | None) -> Callback | None:
    """A click callback that applies `convert` to a given value; its ValueError names the parameter."""
    if convert is None:
        return None

    def callback(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        if value is None or value == ():
            return None
        try:
            return convert(value)
        except ValueError as error:
            raise click.BadParameter(str(error), ctx=context, param=parameter) from None

    return callback


def _single(convert: Callable[[Any], Any] | None) -> Callback:
    """A click callback for an option that has room for one value."""

    def callback(context: click.Context, parameter: click.Parameter, values: Any) -> Any:
        if values is not None and len(values) > 1:
            raise click.BadParameter("it is given twice", ctx=context, param=parameter)
        value = values[0] if values else None
        further = _converting(convert)
        return value if further is None else further(context, parameter, value)

    return callback


def priority_level(text: str) -> int:
    """A priority as its word or its number."""
    if text.isdecimal():
        return int(text)
    return PRIORITIES.index(_one_of(list(PRIORITIES))(text))


def _one_of(words: list[str]) -> Callable[[Any], Any]:
    """Reads a word in kebab, snake or joined form."""
    known = {_joined(word): word for word in words}

    def convert(text: str) -> str:
        word = known.get(_joined(text))
        if word is None:
            raise ValueError(f"{text!r} is not one of {', '.join(words)}.{did_you_mean(text, words)}")
        return word

    return convert


def _joined(word: str) -> str:
    return word.lower().replace("-", "").replace("_", "")


def _split(convert: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    """Reads a list: several values, each of which may hold commas."""

    def read(values: tuple[str, ...]) -> list[Any]:
        words = [word.strip() for value in values for word in value.split(",") if word.strip()]
        return words if convert is None else [convert(word) for word in words]

    return read


def _pairs(values: tuple[str, ...]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals or not name.strip():
            raise ValueError(f"{value!r} is not NAME=VALUE")
        if name in pairs:
            raise ValueError(f"{name!r} is given twice")
        pairs[name] = text
    return pairs


def _parsed_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from None
