import datetime
import io

import pytest

from animus_cli.table import Column, ago, duration, facts, paragraph, parse_moment, table
from animus_cli.terminal import Screen, clean, display_width, fit, screen_of

NOW = datetime.datetime(2026, 3, 1, 12, 0, tzinfo=datetime.UTC)
PIPE = Screen(width=None, colour=False, now=NOW)
NARROW = Screen(width=40, colour=False, now=NOW)
COLOURED = Screen(width=80, colour=True, now=NOW)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_pipe_has_no_width_and_no_colours():
    screen = screen_of(io.StringIO(), {})
    assert screen.width is None
    assert not screen.colour


@pytest.mark.parametrize(("environ", "colour"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_a_terminal_takes_colours_unless_told_otherwise(environ, colour):
    screen = screen_of(Terminal(), {"COLUMNS": "100", **environ})
    assert screen.width == 100
    assert screen.colour is colour


def test_control_characters_do_not_reach_the_terminal():
    assert clean("a\x1b[2Jb\r\nc\td") == "a [2Jb c d"
    rows = table([Column("TITLE")], [["\x1b]0;owned\x07x"]], PIPE)
    assert rows == ["TITLE", "]0;owned x"]


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("日本", 4), ("e\u0301", 1), ("", 0)])
def test_width_counts_columns_not_characters(text, width):
    assert display_width(text) == width


def test_text_that_is_too_wide_ends_in_an_ellipsis():
    assert fit("abcdef", 6) == "abcdef"
    assert fit("abcdef", 4) == "abc…"
    assert fit("日本語", 4) == "日…"


def test_columns_are_aligned():
    lines = table([Column("A"), Column("N", right=True)], [["x", "1"], ["longer", "22"]], PIPE)
    assert lines == ["A        N", "x        1", "longer  22"]


def test_flexible_columns_are_cut_to_fit_a_terminal_and_never_in_a_pipe():
    columns, rows = [Column("ID"), Column("TITLE", flexible=True)], [["T-1", "x" * 60]]
    assert max(map(len, table(columns, rows, NARROW))) == 40
    assert "x" * 60 in table(columns, rows, PIPE)[1]


def test_status_words_are_coloured_without_moving_the_columns():
    lines = table([Column("S", status=True), Column("B")], [["failed", "b"], ["ok", "b"]], COLOURED)
    assert lines[1] == "\x1b[31mfailed\x1b[0m  b"
    assert lines[2] == "\x1b[32mok\x1b[0m      b"


def test_facts_leave_out_what_is_not_known():
    assert facts([("run", "r1"), ("reason", ""), ("status", "done")], PIPE) == ["run     r1", "status  done"]


def test_running_text_is_wrapped_and_commands_are_not_torn():
    text = "next: animus workflow phase approve run-0123456789abcdef --note something"
    assert all(len(line) <= 40 for line in paragraph(text, NARROW))
    assert paragraph("a" * 90, NARROW) == ["a" * 90]
    assert paragraph("one\ntwo", PIPE) == ["one", "two"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (-1, "0 s"),
        (0.04, "0.0 s"),
        (1.26, "1.3 s"),
        (12, "12 s"),
        (61, "1 min"),
        (7200, "2 h"),
        (2e5, "2 d"),
    ],
)
def test_lengths_of_time_are_short(seconds, text):
    assert duration(seconds) == text


def test_ages_count_from_the_screens_moment():
    assert ago(NOW - datetime.timedelta(minutes=5), PIPE) == "5 min ago"
    assert ago(None, PIPE) == ""
    assert parse_moment("2026-03-01T11:55:00Z") == NOW - datetime.timedelta(minutes=5)
    assert parse_moment("2026-03-01T11:55:00") == NOW - datetime.timedelta(minutes=5)
    assert parse_moment("soon") is None
