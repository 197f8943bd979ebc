"""Strict reading of the TOML files we define: an unknown key is an error that names the file and the nearest key."""

import difflib
import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from animus_control.errors import ControlError
from animus_plugin_protocol.described import described

__all__ = ["REPAIRED", "load_document"]

REPAIRED = "repair the file, then: animus doctor"
"""What to do about a file that cannot be used: help for the command that read it would not help."""

_UNKNOWN = re.compile(r"unknown field `(?P<name>[^`]+)`(?: - at `\$?\.?(?P<where>[^`]*)`)?")


DocumentType = TypeVar("DocumentType", bound=msgspec.Struct)


def load_document(path: Path, shape: type[DocumentType]) -> DocumentType:
    """Read `path` as `shape`.

    Raises:
        ControlError: ``invalid_request`` naming the file and what is wrong in it; ``not_found`` without the file.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ControlError("not_found", f"there is no file {str(path)!r}") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ControlError("invalid_request", f"{path}: {error}", next_step=REPAIRED) from error
    try:
        return msgspec.convert(content, described(shape))
    except msgspec.ValidationError as error:
        raise ControlError("invalid_request", f"{path}: {_explain(str(error), shape)}", next_step=REPAIRED) from error


def _explain(message: str, shape: type[msgspec.Struct]) -> str:
    match = _UNKNOWN.search(message)
    if match is None:
        return message
    near = difflib.get_close_matches(match["name"], sorted(_field_names(shape)), n=1)
    place = f" in {match['where']!r}" if match["where"] else ""
    return f"unknown key {match['name']!r}{place}" + (f"; did you mean {near[0]!r}?" if near else "")


def _field_names(shape: Any) -> set[str]:
    """The keys of a struct, and of the structs anywhere inside its fields' types."""
    if hasattr(shape, "__struct_fields__"):
        rows = msgspec.structs.fields(shape)
        return {row.encode_name for row in rows}.union(*(_field_names(row.type) for row in rows))
    parts: tuple[Any, ...] = getattr(shape, "__args__", ())
    return set[str]().union(*map(_field_names, parts))
