"""One YAML file as plain data, with the place of every value.

Built from parser events in one pass with an explicit stack: deep nesting cannot exhaust the interpreter's, and no node
objects are made. Mapping keys are always strings. A finding inside the file (a duplicate key, an unknown tag) is kept
with the path of the value it spoils, so that it stops only the definition it stands in; only broken syntax or an
exceeded bound makes the whole file unreadable.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

import msgspec

from animus_workflow_runner_default.authoring.diagnostics import Position
from animus_workflow_runner_default.authoring.plain import is_list, is_mapping
from animus_workflow_runner_default.authoring.scalars import Scalar, from_tag, resolve_plain
from animus_workflow_runner_default.authoring.yaml_fault import meant

__all__ = ["MAX_DEPTH", "MAX_FILE_BYTES", "MAX_VALUES", "Document", "DocumentError", "Path", "Problem", "compose"]

MAX_FILE_BYTES = 1024 * 1024
MAX_DEPTH = 64
MAX_VALUES = 100_000
"""Values of one file, each alias counted as often as it is used."""

Path = tuple[str | int, ...]


class DocumentError(Exception):
    """The file cannot be read at all; `position` says where."""

    def __init__(self, message: str, position: Position) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


class Problem(msgspec.Struct, frozen=True):
    """A finding that spoils the value at `path`."""

    path: Path
    message: str
    position: Position


class Mark(Protocol):
    """A place as the parser counts it, from 0."""

    line: int
    column: int


class Document(msgspec.Struct):
    """The data of a file and where it stands."""

    file: str
    data: Any
    marks: dict[int, dict[Any, tuple[Mark, Mark]]]
    """By identity of a container: the marks of key and value by key or index. The data keeps identities alive."""
    problems: list[Problem]
    plain: set[tuple[int, str | int]]
    """Unquoted scalars that hold a ``$``: (identity of container, key)."""
    has_references: bool = False
    """Some scalar holds a ``$``."""

    def position(self, path: Sequence[str | int], *, of_key: bool = False) -> Position:
        """The place of the value at `path` (or of its key); of the closest value that exists, if it does not."""
        value = self.data
        mark: Mark | None = None
        for step in path:
            found = self.marks.get(id(value), {}).get(step)
            if found is None:
                break
            mark = found[0 if of_key else 1]
            value = value[step]
        return Position(self.file, 1, 1) if mark is None else Position(self.file, mark.line + 1, mark.column + 1)


class _Frame(msgspec.Struct):
    """A container under construction."""

    value: Any
    marks: dict[Any, tuple[Mark, Mark]]
    start: Mark
    anchor: str | None
    size_before: int
    key: Any = None
    key_mark: Any = None
    place: Literal["own", "merge", "nowhere"] = "own"
    """Where the value of the current key goes; a duplicate's goes nowhere."""
    is_mapping: bool = False
    expects_key: bool = False
    merges: list[tuple[Any, Mark]] = []


class _Composer:
    """The event loop. One use."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.document = Document(file, None, {}, [], set())
        self.stack: list[_Frame] = []
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.size = 0

    def fail(self, message: str, mark: Mark) -> DocumentError:
        return DocumentError(message, Position(self.file, mark.line + 1, mark.column + 1))

    def problem(self, message: str, mark: Mark) -> None:
        path = tuple(frame.key if frame.is_mapping else len(frame.value) for frame in self.stack)
        self.document.problems.append(Problem(path, message, Position(self.file, mark.line + 1, mark.column + 1)))

    def count(self, values: int, mark: Mark) -> None:
        self.size += values
        if self.size > MAX_VALUES:
            raise self.fail(f"more than {MAX_VALUES} values, counting every use of an alias; split the file", mark)

    def scalar(self, event: Any) -> None:
        text: str = event.value
        mark = event.start_mark
        self.size += 1
        if self.size > MAX_VALUES:
            self.count(0, mark)
        is_plain: bool = event.implicit[0]
        frame = self.stack[-1] if self.stack else None
        if frame is not None and frame.expects_key:
            self.key(frame, text, mark, is_merge=is_plain and text == "<<")
            return
        value: Scalar
        if is_plain:
            value = resolve_plain(text)
        elif event.tag is None:
            value = text
        else:
            value = self.tagged(event.tag, text, mark)
        if "$" in text and isinstance(value, str):
            self.document.has_references = True
            if is_plain and frame is not None:
                self.document.plain.add((id(frame.value), len(frame.value) if frame.key is None else frame.key))
        self.add(value, mark)
        if event.anchor is not None:
            self.anchors[event.anchor] = (value, 1)

    def tagged(self, tag: str, text: str, mark: Mark) -> Scalar:
        try:
            return from_tag(tag, text)
        except ValueError as error:
            self.problem(str(error), mark)
            return text

    def key(self, frame: _Frame, text: str, mark: Mark, *, is_merge: bool) -> None:
        frame.expects_key = False
        frame.key_mark = mark
        frame.key = text
        frame.place = "merge" if is_merge else "own"
        if not is_merge and text in frame.value:
            first = frame.marks[text][0]
            message = f"duplicate key {text!r}; it stands first at line {first.line + 1}, column {first.column + 1}"
            self.problem(message, mark)
            frame.place = "nowhere"

    def add(self, value: Any, mark: Mark) -> None:
        """Put a finished value into the container it stands in."""
        if not self.stack:
            self.document.data = value
            return
        frame = self.stack[-1]
        if not frame.is_mapping:
            frame.marks[len(frame.value)] = (mark, mark)
            frame.value.append(value)
            return
        if frame.place == "merge":
            frame.merges = [*frame.merges, (value, mark)]
        elif frame.place == "own":
            frame.marks[frame.key] = (frame.key_mark, mark)
            frame.value[frame.key] = value
        frame.key = None
        frame.expects_key = True

    def open(self, event: Any, value: dict[str, Any] | list[Any]) -> None:
        mark = event.start_mark
        if len(self.stack) >= MAX_DEPTH:
            raise self.fail(f"nested deeper than {MAX_DEPTH} levels", mark)
        if self.stack and self.stack[-1].expects_key:
            raise self.fail("a mapping key must be a single value, not a list or a mapping", mark)
        if event.tag not in (None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
            self.problem(f"the tag {event.tag!r} is not supported; remove it", mark)
        self.count(1, mark)
        opens_mapping = isinstance(value, dict)
        size = self.size - 1
        frame = _Frame(value, {}, mark, event.anchor, size, is_mapping=opens_mapping, expects_key=opens_mapping)
        self.stack.append(frame)

    def close(self) -> None:
        frame = self.stack.pop()
        for value, mark in frame.merges:
            self.merge(frame, value, mark)
        self.document.marks[id(frame.value)] = frame.marks
        if frame.anchor is not None:
            self.anchors[frame.anchor] = (frame.value, self.size - frame.size_before)
        self.add(frame.value, frame.start)

    def merge(self, frame: _Frame, value: Any, mark: Mark) -> None:
        """Fill in what ``<<`` brings; a key that is there already wins."""
        sources: list[Any] = value if is_list(value) else [value]
        for source in sources:
            if not is_mapping(source):
                self.problem("'<<' takes a mapping or a list of mappings", mark)
                return
            marks = self.document.marks[id(source)]
            for key, item in source.items():
                if key in frame.value:
                    continue
                frame.value[key] = item
                frame.marks[key] = marks[key]
                if (id(source), key) in self.document.plain:
                    self.document.plain.add((id(frame.value), key))

    def alias(self, event: Any) -> None:
        if self.stack and self.stack[-1].expects_key:
            raise self.fail("an alias cannot be a mapping key", event.start_mark)
        found = self.anchors.get(event.anchor)
        if found is None:
            raise self.fail(f"the alias '*{event.anchor}' has no finished anchor before it", event.start_mark)
        value, size = found
        self.count(size, event.start_mark)
        self.add(value, event.start_mark)

    def run(self, parser: Any, events: Any) -> Document:
        scalar, opens, closes, alias, starts = events
        documents = 0
        while (event := parser.get_event()) is not None:
            kind: Any = event.__class__
            if kind is scalar:
                self.scalar(event)
            elif kind in opens:
                self.open(event, opens[kind]())
            elif kind in closes:
                self.close()
            elif kind is alias:
                self.alias(event)
            elif kind is starts:
                documents += 1
                if documents > 1:
                    raise self.fail("a second document; one file holds one document", event.start_mark)
        return self.document


def compose(text: str, file: str, *, parser: Callable[[str], Any] | None = None) -> Document:
    """Read the text of one YAML file.

    Args:
        text: the file's content, decoded.
        file: the name for positions.
        parser: makes an object with ``get_event``; by default the C parser, or the Python one where it is missing.

    Raises:
        DocumentError: broken syntax, more than one document, or a bound exceeded.
    """
    import yaml  # noqa: PLC0415 - 15 ms that only a process that loads definitions pays

    if len(text) > MAX_FILE_BYTES:
        raise DocumentError(f"larger than {MAX_FILE_BYTES} bytes; split the file", Position(file))
    events = (
        yaml.ScalarEvent,
        {yaml.MappingStartEvent: dict, yaml.SequenceStartEvent: list},
        {yaml.MappingEndEvent, yaml.SequenceEndEvent},
        yaml.AliasEvent,
        yaml.DocumentStartEvent,
    )
    try:
        return _Composer(file).run((parser or _default_parser())(text), events)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = Position(file, mark.line + 1, mark.column + 1) if mark else Position(file)
        problem = meant(text, where) or f"{error.problem or error}{_context(error)}"
        raise DocumentError(f"not YAML: {problem}", where) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - text.rfind("\n", 0, error.position)
        code = error.character if isinstance(error.character, int) else ord(error.character)
        message = f"the character U+{code:04X} is not allowed in YAML"
        raise DocumentError(message, Position(file, line, column)) from error


def _context(error: Any) -> str:
    mark = error.context_mark
    return f" ({error.context} that begins at line {mark.line + 1}, column {mark.column + 1})" if mark else ""


def _default_parser() -> Callable[[str], Any]:
    try:
        from yaml._yaml import CParser  # noqa: PLC0415 - as above
    except ImportError:
        from animus_workflow_runner_default.authoring.slow_parser import SlowParser  # noqa: PLC0415 - as above

        return SlowParser
    return CParser
