"""A message that the page quotes is one that Animus says."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "when-something-is-stuck.md"
_SHORTEST = 8
"""Shorter pieces of a message prove nothing."""
_OTHERS = ("No such file or directory", "can't open file")
"""Said by Python and the system, not by us."""
_PLACEHOLDER = re.compile(r"\.\.\.|'[^']*'|\b[A-Z]{1,}\b|\b\d+\b|:")


def _quoted() -> list[str]:
    """What stands in backquotes in the first column of a table, commands and bare words left out."""
    rows = [line.split("|")[1] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    quoted = [text for row in rows for text in re.findall(r"`([^`]+)`", row)]
    return [text for text in quoted if " " in text and not text.startswith(("animus ", *_OTHERS))]


@pytest.fixture(scope="module")
def sources() -> str:
    """Every source file of the product in one text, with string literals that are continued on a line joined."""
    files = sorted([*ROOT.glob("*/src/**/*.py"), *ROOT.glob("*/*/src/**/*.py")])
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    return re.sub(r"[\"']\s*\n\s*f?[\"']", "", text)


@pytest.mark.parametrize("message", _quoted())
def test_a_quoted_message_is_said_somewhere(message, sources):
    pieces = [piece.strip() for piece in _PLACEHOLDER.split(message)]
    telling = [piece for piece in pieces if len(piece) >= _SHORTEST]
    assert telling, "nothing to look for"
    assert [piece for piece in telling if piece not in sources] == []
