"""What fits into a reply, and so is taken in."""

from typing import Any, cast

from animus_plugin_protocol.wire.dispatch import SubjectDispatch
from animus_queue_default.fault import InvalidRequestError

__all__ = ["MAX_NESTING", "MAX_TEXT", "require_not_negative", "require_shallow", "require_short"]

MAX_TEXT = 16_384
"""Characters in a reason, or in the name of a run or an owner."""

MAX_NESTING = 100
"""Lists and objects within one another in the free parts of a dispatch. Other implementations read frames of 128 in
all; what is much deeper could be read here and then not be written into a reply."""


def require_shallow(dispatch: SubjectDispatch) -> None:
    """Refuse a dispatch that is nested too deep for a reply that has to carry it.

    Raises:
        ValueError: its input or its subject's metadata is.
    """
    if dispatch.input and _is_deep(dispatch.input):
        raise _too_deep("input")
    if dispatch.subject is not None and dispatch.subject.metadata and _is_deep(dispatch.subject.metadata):
        raise _too_deep("subject.metadata")


def require_short(**texts: str | None) -> None:
    """Refuse a text that would make every reply too long that shows the entry it was given to.

    Raises:
        InvalidRequestError: one has more than `MAX_TEXT` characters.
    """
    for name, text in texts.items():
        if text is not None and len(text) > MAX_TEXT:
            raise InvalidRequestError(f"{name} has {len(text)} characters; at most {MAX_TEXT} are kept")


def require_not_negative(**numbers: int | None) -> None:
    """Refuse a part of a listing that there cannot be.

    Raises:
        InvalidRequestError: a number is below 0.
    """
    for name, number in numbers.items():
        if number is not None and number < 0:
            raise InvalidRequestError(f"{name} is {number}; it must be 0 or more")


def _too_deep(name: str) -> ValueError:
    return ValueError(
        f"subject_dispatch.{name} is nested more than {MAX_NESTING} deep, which no reply could carry: put it into a"
        " file and name the file"
    )


def _is_deep(value: object) -> bool:
    level = _children([value])
    for _ in range(MAX_NESTING):
        if not level:
            return False
        level = [child for item in level for child in _children(item)]
    return bool(level)


def _children(value: Any) -> list[Any]:
    """The lists and objects right inside `value`."""
    inside = cast("dict[str, Any]", value).values() if isinstance(value, dict) else cast("list[Any]", value)
    return [item for item in inside if isinstance(item, (dict, list))]
