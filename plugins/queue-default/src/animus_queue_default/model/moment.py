"""RFC 3339 text and microseconds since the epoch, one into the other."""

import datetime
from typing import Annotated

import msgspec

__all__ = ["LAST_MOMENT", "MomentError", "as_datetime", "format_moment", "from_datetime", "parse_moment"]

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)
_Aware = Annotated[datetime.datetime, msgspec.Meta(tz=True)]

LAST_MOMENT = (datetime.datetime.max.replace(tzinfo=datetime.UTC) - _EPOCH) // _MICROSECOND
"""The last moment RFC 3339 can spell; nothing later is stored."""


class MomentError(ValueError):
    """A text that is no RFC 3339 moment with an offset."""


def parse_moment(text: str) -> int:
    """Microseconds since the epoch for RFC 3339 `text`, which must carry an offset.

    Raises:
        MomentError: `text` is something else.
    """
    try:
        return from_datetime(msgspec.convert(text, _Aware))
    except (msgspec.ValidationError, OverflowError) as error:
        raise MomentError(
            f"{text!r} is not an RFC 3339 moment with an offset; write it like '2030-01-31T09:30:00Z'"
        ) from error


def from_datetime(value: datetime.datetime) -> int:
    """Microseconds since the epoch for an aware `value`."""
    return (value - _EPOCH) // _MICROSECOND


def as_datetime(moment: int) -> datetime.datetime:
    """The aware UTC datetime for `moment`."""
    return _EPOCH + datetime.timedelta(microseconds=moment)


def format_moment(moment: int) -> str:
    """RFC 3339 with six fractional digits and ``Z``."""
    return as_datetime(moment).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
