"""How a plugin's process starts: answer the host first, import the plugin after.

A package that keeps its answer to ``initialize`` beside its modules (`HANDSHAKE_FILE`, written by
``python -m animus_plugin_protocol.handshake_file``) has it sent before anything of it is imported, when the request is
plainly acceptable. Everything else is left to the plugin, which reads the same bytes again in any case: should its own
answer be another one, the process ends and says so. Nothing is imported here that an interpreter does not have loaded.
"""

import os
import sys

TYPE_CHECKING = False  # typing is imported by the plugin, not before it
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from animus_plugin_protocol.plugin import Plugin

__all__ = ["HANDSHAKE_FILE", "Opening", "open_early", "start", "taken_opening"]

HANDSHAKE_FILE = "handshake.json"

_MAJOR = "1"
_READ_BYTES = 65_536
_VERSION_PARTS = 3
_EXACT = 2**53
_ENVELOPE = {"jsonrpc", "id", "method", "params"}


_early: "Opening | None" = None


class Opening:
    """What was read from standard input before the plugin was there, and what was said to it.

    Attributes:
        unread: the bytes, from the first one on.
        reply: the answer to ``initialize`` that the host has; None when it has none yet.
    """

    def __init__(self, unread: bytes, reply: "bytes | None") -> None:
        self.unread = unread
        self.reply = reply


def start(plugin: str) -> int:
    """Run the plugin that ``package.module:function`` builds, as the program of this process; the exit code.

    Raises:
        RegistrationError: the plugin is incomplete.
    """
    module_name, _, function = plugin.partition(":")
    if _early is None:
        for folder in __import__(module_name.partition(".")[0]).__path__:
            open_early(folder)
    _import_msgspec()
    build: Callable[[], Plugin] = getattr(__import__(module_name, fromlist=(function,)), function)
    return build().run()


def open_early(directory: str) -> None:
    """Answer the host for the package in `directory`, if the package keeps its answer and nobody runs it by hand."""
    global _early  # noqa: PLW0603 - of the process, like the standard streams that it is about
    if _early is None and not sys.argv[1:] and not os.isatty(0):
        result = _kept_result(directory)
        _early = None if result is None else _open(result)


def taken_opening() -> "Opening | None":
    """What was said early on the standard streams, for the plugin that goes on from there."""
    return _early


def _kept_result(directory: str) -> "bytes | None":
    """The package's answer to ``initialize``, if it keeps one."""
    try:
        file = os.open(os.path.join(directory, HANDSHAKE_FILE), os.O_RDONLY)  # noqa: PTH118 - pathlib is not loaded yet
    except OSError:
        return None
    try:
        return os.read(file, _READ_BYTES).strip()
    finally:
        os.close(file)


def _open(result: bytes) -> Opening:
    """Wait for the host's first bytes, and answer them if they are a plain ``initialize``."""
    data = os.read(0, _READ_BYTES)
    request_id = _plain_initialize(data)
    if request_id is None:
        return Opening(data, None)
    reply = b'{"jsonrpc":"2.0","id":%d,"result":%b}\n' % (request_id, result)
    os.write(1, reply)  # a pipe nobody has written to takes it whole
    return Opening(data, reply)


def _plain_initialize(data: bytes) -> "int | None":
    """The id of an ``initialize`` that no plugin without a condition of its own refuses; None for anything else."""
    line, newline, _ = data.partition(b"\n")
    frame = _members(_decoded(line)) if newline else None
    if frame is None or frame.keys() != _ENVELOPE:
        return None
    request_id: Any = frame["id"]
    if type(request_id) is not int or not 0 < request_id < _EXACT:
        return None
    is_initialize = frame["jsonrpc"] == "2.0" and frame["method"] == "initialize"
    return request_id if is_initialize and _is_acceptable(_members(frame["params"])) else None


def _is_acceptable(params: "dict[str, Any] | None") -> bool:
    if params is None or not _is_spoken(params.get("protocol_version")):
        return False
    abilities = _members(params.get("capabilities"))
    extensions = _members(params.get("init_extensions", {}))
    return (
        _has_texts(params.get("host_info"), {"name", "version"})
        and abilities is not None
        and all(type(ability) is bool for ability in abilities.values())
        and extensions is not None
        and all(_is_known_good(name, value) for name, value in extensions.items())
    )


def _is_spoken(version: "Any") -> bool:
    parts: list[str] = version.split(".") if isinstance(version, str) and version.isascii() else []
    return len(parts) == _VERSION_PARTS and parts[0] == _MAJOR and all(part.isdigit() for part in parts)


def _is_known_good(name: str, value: "Any") -> bool:
    """Whether an extension has the shape that it is sent in; one that is not known here may have a reader."""
    if name in {"project_binding", "actor"}:
        return _has_texts(value, set() if name == "project_binding" else {"user_id"})
    if name == "host_calls":
        offer = _members(value)
        return offer is not None and offer.keys() == {"version"} and type(offer["version"]) is int
    packs: list[Any] = value if name == "packs" and value.__class__ is list else [None]
    return all(_has_texts(pack, {"id", "version", "root"}) for pack in packs)


def _has_texts(value: "Any", names: set[str]) -> bool:
    """Whether it is an object of texts that has these members."""
    members = _members(value)
    return (
        members is not None and names <= members.keys() and all(isinstance(member, str) for member in members.values())
    )


def _members(value: "Any") -> "dict[str, Any] | None":
    return value if value.__class__ is dict else None


def _decoded(line: bytes) -> "Any":
    """One JSON value as hosts write it, or None: no escapes, no control characters, integers only.

    By hand: the scanner of ``json`` lies in a shared object, which takes a twentieth of an interpreter's start to load,
    and ``json`` itself, which imports ``re``, ten times that.
    """
    try:
        text = line.decode()
        if "\\" in text or not text.isprintable():
            return None
        value, end = _value(text, 0)
    except (ValueError, IndexError, RecursionError):  # UnicodeDecodeError is a ValueError
        return None
    return None if text[end:].strip(" ") else value


def _value(text: str, at: int) -> "tuple[Any, int]":
    """The value that begins at `at`, and where it has ended."""
    at = _next(text, at)
    if text[at] == '"':
        end = text.index('"', at + 1)
        return text[at + 1 : end], end + 1
    if text[at] == "{":
        return _object(text, at + 1)
    if text[at] == "[":
        return _array(text, at + 1)
    for word, value in _WORDS:
        if text.startswith(word, at):
            return value, at + len(word)
    end = at
    while text[end] in "0123456789":
        end += 1
    if text[at] == "0" and end > at + 1:
        raise ValueError
    return int(text[at:end]), end


def _object(text: str, at: int) -> "tuple[dict[str, Any], int]":
    members: dict[str, Any] = {}
    at = _next(text, at)
    if text[at] == "}":
        return members, at + 1
    while True:
        name, at = _value(text, at)
        at = _next(text, at)
        if name.__class__ is not str or text[at] != ":":
            raise ValueError
        members[name], at = _value(text, at + 1)
        at = _next(text, at)
        if text[at] == "}":
            return members, at + 1
        if text[at] != ",":
            raise ValueError
        at += 1


def _array(text: str, at: int) -> "tuple[list[Any], int]":
    values: list[Any] = []
    at = _next(text, at)
    if text[at] == "]":
        return values, at + 1
    while True:
        value, at = _value(text, at)
        values.append(value)
        at = _next(text, at)
        if text[at] == "]":
            return values, at + 1
        if text[at] != ",":
            raise ValueError
        at += 1


def _next(text: str, at: int) -> int:
    """Where the next character stands that is no blank."""
    while text[at] == " ":
        at += 1
    return at


_WORDS = (("true", True), ("false", False), ("null", None))


def _import_msgspec() -> None:
    """Import msgspec without `typing_extensions`, which it takes for what `typing` has, at a third of its own cost."""
    if "typing_extensions" in sys.modules:
        return
    loaded: Any = sys.modules
    loaded["typing_extensions"] = None
    try:
        __import__("msgspec")
    finally:
        del sys.modules["typing_extensions"]
