"""What a failed command says about itself: a category, the failing tests, an excerpt for the next prompt."""

import re
from pathlib import PurePath

from animus_workflow_runner_default.authoring.model import Command

__all__ = ["excerpt", "failing_tests", "failure_category", "failure_summary"]

MAX_FAILING_TESTS = 20
MAX_SUMMARY_CHARS = 4_000
"""How much of a failed command's output goes into the reason, and so into the next prompt."""

_PYTEST = r"^(?:FAILED|ERROR) ([^\s(]\S*)"
_CARGO = r"^test (\S+) \.\.\. FAILED"
_UNITTEST = r"^(?:FAIL|ERROR): (.+)$"
_GO = r"^--- FAIL: (\S+)"
_JEST = r"^\s*● (.+)$"
_TAP = r"^\s*not ok\b(?!.*#\s*(?i:todo|skip))(?:\s+\d+)?(?:\s+-)?\s+(\S.*?)\s*$"
_DEFAULT_PATTERNS = tuple(re.compile(p, re.MULTILINE) for p in (_PYTEST, _CARGO, _UNITTEST, _GO, _JEST, _TAP))
_NUL = "\N{SYMBOL FOR NULL}"
"""Stands for a NUL: no program takes one in an argument, and the text may end up in one."""

_CATEGORY_WORDS = (
    ("test", ("pytest", "test", "jest", "vitest", "nextest", "unittest", "tox", "nox")),
    ("lint", ("ruff", "lint", "eslint", "clippy", "mypy", "pyright", "fmt", "format")),
    ("build", ("build", "make", "compile", "tsc", "webpack", "cargo", "gcc")),
)


def failure_category(command: Command) -> str:
    """``<category>_failed``: the author's category, else one guessed from the program and its arguments."""
    if command.category:
        return f"{command.category}_failed"
    words = [PurePath(command.program).name.lower(), *(argument.lower() for argument in command.args)]
    for category, hints in _CATEGORY_WORDS:
        if any(hint in word for word in words for hint in hints):
            return f"{category}_failed"
    return "command_failed"


def failing_tests(text: str, pattern: str | None) -> list[str]:
    """The failing tests a text names, each once, at most `MAX_FAILING_TESTS`.

    Args:
        text: the output of the command.
        pattern: the author's regular expression (first group, else the whole match); None knows pytest, unittest,
            cargo, go, jest and TAP.
    """
    patterns = _DEFAULT_PATTERNS if pattern is None else (re.compile(pattern, re.MULTILINE),)
    names: dict[str, None] = {}
    for compiled in patterns:
        for match in compiled.finditer(text):
            name = (match.group(1) if compiled.groups else match.group(0)) or ""
            names[name.replace("\0", _NUL)] = None
            if len(names) == MAX_FAILING_TESTS:
                return list(names)
    return [name for name in names if name]


def excerpt(text: str, limit: int) -> str:
    """The end of a text, at most `limit` characters, with ``...`` before it if something was left out."""
    stripped = text.replace("\0", _NUL).strip()
    return stripped if len(stripped) <= limit else "..." + stripped[len(stripped) - limit :]


def failure_summary(command: str, how: str, tests: list[str], output: str) -> str:
    """Why a command failed, in words that help whoever tries next."""
    lines = [f"{command} {how}"]
    if tests:
        lines.append("failing: " + ", ".join(tests))
    if output.strip():
        lines.append(excerpt(output, MAX_SUMMARY_CHARS))
    return "\n".join(lines)
