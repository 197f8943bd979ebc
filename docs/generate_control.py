"""Writes docs/control-protocol.md from the operation table: ``python docs/generate_control.py``.

With ``--check`` nothing is written; the exit code is 1 when the page is not what would be written.
"""  # noqa: INP001 - a script, not a module of a package

import datetime
import sys
import types
import typing
from pathlib import Path
from typing import Any

import msgspec
from generated import write_or_check

from animus_control.errors import CATEGORIES
from animus_control.operations import OPERATIONS, Operation, Place

__all__ = ["PAGE", "main", "page"]

PAGE = Path(__file__).with_name("control-protocol.md")

_HEAD = """\
<!-- Written by docs/generate_control.py from animus_control.operations; change that, then run it again. -->
# The control protocol

A daemon listens on `~/.animus/<repo-scope>/control.sock` (mode 0600; a path too long for the system moves to
`/tmp/animus-<uid>/`, with a note of where it belongs). A client that runs under another user is hung up on. There is
no handshake: connect, write JSON-RPC 2.0 requests, one a line of at most 16 MiB, and read lines. Many requests may be
open at once and are answered as they are done; many clients may be connected at once.

* **Cancel** a request with the notification `$/cancelRequest {"id": ...}`; hanging up cancels all of a client's.
* **An error** carries its category in `error.data.category`, and in `error.data.remediation` what to do:
{categories}.
* **A stream** is acknowledged with `{{"watching": true}}`. After that each item is a notification with the params
  `{{"id": <the request's>, "data": ...}}`, and the last one is `subscription/closed {{"id", "reason"}}`: `ended`,
  `cancelled`, or `buffer_full_lagged` when the client was too slow: 4,096 items wait, nobody waits for a client. A
  client that takes nothing at all is hung up on at 10 MiB.

Unknown members of params are ignored, as everywhere in the protocol; so are unknown members of a result by a client.
`daemon`: only a daemon answers. `project`: the `animus` command does the same in its own process if no daemon runs.
`local`: needs neither. A type in italics is described at the [end of the page](#types).
"""


def page() -> str:
    """The page as it should be."""
    categories = ", ".join(f"`{name}` ({code})" for name, code in CATEGORIES.items())
    types_of: dict[str, Any] = {}
    rows = "".join(_operation(row, types_of) for row in sorted(OPERATIONS.values(), key=lambda row: row.name))
    shown: dict[str, str] = {}
    while missing := [name for name in sorted(types_of) if name not in shown]:
        for name in missing:
            shown[name] = _struct(types_of[name], types_of)
    described = "".join(shown[name] for name in sorted(shown))
    return _HEAD.replace("{categories}", f"  {categories}").replace("{{", "{").replace("}}", "}") + (
        f"\n## Methods\n{rows}\n## Types\n{described}"
    )


def _operation(row: Operation, types_of: dict[str, Any]) -> str:
    place = {Place.DAEMON: "daemon", Place.PROJECT: "project", Place.LOCAL: "local"}[row.place]
    lines = [f"\n### `{row.name}`\n", f"\n{row.help} *({place})*\n"]
    fields = msgspec.structs.fields(row.params)
    if fields:
        lines += ["\n| param | type | | |\n|---|---|---|---|\n", *(_field(field, types_of) for field in fields)]
    result = _name(row.result, types_of)
    lines += [f"\nStream of `{row.stream}` with {result}.\n" if row.stream else f"\nResult: {result}.\n"]
    return "".join(lines)


def _struct(shape: Any, types_of: dict[str, Any]) -> str:
    about = " ".join((shape.__doc__ or "").split())
    rows = "".join(_field(field, types_of) for field in msgspec.structs.fields(shape))
    table = f"\n| member | type | | |\n|---|---|---|---|\n{rows}" if rows else ""
    return f"\n### {shape.__name__}\n\n{about}\n{table}"


def _field(field: Any, types_of: dict[str, Any]) -> str:
    needed = "required" if field.required else _default(field)
    return f"| `{field.encode_name}` | {_name(field.type, types_of)} | {needed} | {_description(field.type)} |\n"


def _default(field: Any) -> str:
    is_plain = isinstance(field.default, bool | int | float | str)
    return f"`{msgspec.json.encode(field.default).decode()}`" if is_plain else ""


def _description(kind: Any) -> str:
    for part in (kind, *typing.get_args(kind)):
        for note in getattr(part, "__metadata__", ()):
            if getattr(note, "description", None):
                return str(note.description).replace("|", "\\|")
    return ""


_PLAIN: dict[Any, str] = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "true or false",
    Any: "any JSON",
    dict: "object",
    list: "list",
    datetime.datetime: "moment (RFC 3339)",
    type(msgspec.UNSET): "",
    types.NoneType: "",
}


def _name(kind: Any, types_of: dict[str, Any]) -> str:
    """A type for people; structs are collected."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin is not None:
        inside = [_name(one, types_of) for one in arguments]
        of_one = {typing.Annotated: "", list: "list of ", tuple: "list of "}
        if origin in of_one:
            return of_one[origin] + inside[0]
        return f"object of {inside[1]}" if origin is dict else " or ".join(dict.fromkeys(filter(None, inside)))
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        types_of[kind.__name__] = kind
        return f"*{kind.__name__}*"
    return _PLAIN.get(kind, getattr(kind, "__name__", str(kind)))


def main(arguments: list[str]) -> int:
    """Write the page, or say whether it is what it should be; returns the exit code."""
    return write_or_check(PAGE, page(), arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
