"""What is usually wrong where the YAML parser stops: it names the character it met, people want the rule they broke."""

from animus_workflow_runner_default.authoring.diagnostics import Position

__all__ = ["meant"]

_RESERVED = "@`%"


def meant(text: str, where: Position) -> str | None:
    """The rule that is broken at a place where the parser stopped; None if it is none of the usual ones.

    Args:
        text: the file.
        where: where the parser stopped.
    """
    lines = text.splitlines()
    if where.line is None or where.column is None or where.line > len(lines):
        return None
    line, column = lines[where.line - 1], where.column - 1
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "this line is indented with a tab; YAML is indented with spaces"
    sign = line[column : column + 1]
    if sign and sign in _RESERVED and line[:column].rstrip()[-1:] in {"", ":", "-", ",", "[", "{"}:
        return f"text may not begin with {sign!r}; put it in quotes"
    if sign == ":" and ": " in line[:column]:
        return "': ' inside of a text begins a second mapping on this line; put the text in quotes"
    return None
