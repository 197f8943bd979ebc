"""RFC 3339 text and microseconds, one into the other."""

import pytest

from animus_queue_default.model.moment import LAST_MOMENT, MomentError, format_moment, parse_moment


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2030-01-31T09:30:00Z", "2030-01-31T09:30:00.000000Z"),
        ("2030-01-31t09:30:00.5z", "2030-01-31T09:30:00.500000Z"),
        ("2030-01-31 15:00:00+05:30", "2030-01-31T09:30:00.000000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
        ("0999-12-31T00:00:00-01:00", "0999-12-31T01:00:00.000000Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_a_moment_is_shown_in_utc_with_all_its_digits(text, shown):
    assert format_moment(parse_moment(text)) == shown
    assert parse_moment(text) <= LAST_MOMENT


@pytest.mark.parametrize(
    "text",
    [
        "", "soon", "2030-01-31", "2030-01-31T09:30:00", "2030-13-01T00:00:00Z", "2030-01-31T09:30Z",
        "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
    ],
)  # fmt: skip
def test_what_could_not_be_shown_again_is_no_moment(text):
    with pytest.raises(MomentError, match="RFC 3339"):
        parse_moment(text)
