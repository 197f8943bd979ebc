"""Masking of secrets by value: whatever a program prints or an agent says, the text of a secret is not kept.

A value is found wherever it stands, also where a stream is cut in the middle of it, and in the form JSON gives it.
Values shorter than `MIN_CHARS` are not masked: they would be found everywhere.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

import msgspec

from animus_workflow_runner_default.json_value import json_object

__all__ = ["MASK", "MIN_CHARS", "NO_SECRETS", "RedactedStream", "Redactor", "secret_values"]

T = TypeVar("T", bound=msgspec.Struct)

MASK = "[secret]"
MIN_CHARS = 4


class Redactor:
    """Replaces the values of secrets."""

    def __init__(self, values: Iterable[str]) -> None:
        """Set up.

        Args:
            values: the secrets.
        """
        self._values = tuple(values)
        forms = {form for value in self._values if len(value) >= MIN_CHARS for form in (value, _in_json(value))}
        # The longest first: one secret may begin with another.
        ordered = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None
        self._bytes = re.compile(b"|".join(re.escape(form.encode()) for form in ordered)) if ordered else None
        self._forms = [form.encode() for form in ordered]

    def __bool__(self) -> bool:
        return self._pattern is not None

    def also(self, values: Iterable[str]) -> "Redactor":
        """One that masks more."""
        more = tuple(values)
        return Redactor((*self._values, *more)) if more else self

    def text(self, text: str) -> str:
        """The text with every secret masked."""
        return text if self._pattern is None else self._pattern.sub(MASK, text)

    def value(self, value: Any) -> Any:
        """A JSON value with every secret masked, in keys too."""
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.value(key): self.value(item) for key, item in (json_object(value) or {}).items()}
        if isinstance(value, list | tuple):
            items = list(cast("Iterable[object]", value))
            return [self.value(item) for item in items]
        return value

    def struct(self, value: T) -> T:
        """A struct of plain data with every secret masked."""
        if self._pattern is None:
            return value
        return msgspec.convert(self.value(msgspec.to_builtins(value)), type(value))

    def stream(self, write: Callable[[bytes], None]) -> "RedactedStream | None":
        """A masking writer in front of `write`; None if there is nothing to mask."""
        return None if self._bytes is None else RedactedStream(self, write)

    def cut(self, data: bytes) -> int:
        """Where bytes may be cut: what is behind may be a secret, or the beginning of one, that is not whole yet."""
        if self._bytes is None:
            return len(data)
        longest = 0
        for form in self._forms:
            for length in range(min(len(form) - 1, len(data)), longest, -1):
                if data.endswith(form[:length]):
                    longest = length
                    break
        place = len(data) - longest
        spans = (found.span() for found in self._bytes.finditer(data))
        return next((start for start, end in spans if start < place < end), place)

    def data(self, data: bytes) -> bytes:
        """Bytes with every secret masked."""
        return data if self._bytes is None else self._bytes.sub(MASK.encode(), data)


class RedactedStream:
    """Masks what comes in pieces: the end of a piece that may begin a secret waits for the next."""

    def __init__(self, redactor: Redactor, write: Callable[[bytes], None]) -> None:
        self._redactor = redactor
        self._write = write
        self._rest = b""

    def write(self, data: bytes) -> None:
        """Take a piece."""
        waiting = self._rest + data
        place = self._redactor.cut(waiting)
        self._rest = waiting[place:]
        if place:
            self._write(self._redactor.data(waiting[:place]))

    def close(self) -> None:
        """Pass on what waits: no more comes."""
        rest, self._rest = self._rest, b""
        if rest:
            self._write(self._redactor.data(rest))


def _in_json(value: str) -> str:
    return msgspec.json.encode(value).decode()[1:-1]


NO_SECRETS = Redactor(())


def secret_values(variables: Mapping[str, str], environ: Mapping[str, str]) -> list[str]:
    """The values behind declared secrets, as far as they are set."""
    return [environ[name] for name in variables.values() if environ.get(name)]
