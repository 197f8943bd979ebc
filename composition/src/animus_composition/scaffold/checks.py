"""Which program runs a project's tests and which one lints it, decided from files alone.

The first rule that matches wins; rules are ordered from what a project says of itself to what its files suggest.
"""

import shutil
from collections.abc import Callable, Iterable
from typing import NamedTuple

from animus_composition.scaffold.evidence import Evidence

__all__ = ["Check", "Rule", "find_linter", "find_tests", "missing_programs"]


class Check(NamedTuple):
    """A command that judges the project.

    Attributes:
        name: what the check is called, for example ``pytest``.
        argv: program and arguments.
        because: the file that led here.
    """

    name: str
    argv: tuple[str, ...]
    because: str


class Rule(NamedTuple):
    """A check and when it applies: `because` answers with the file that shows it, or with nothing."""

    name: str
    argv: tuple[str, ...]
    because: Callable[[Evidence], str | None]
    python: bool = False
    """The command runs in the project's Python environment."""


def find_tests(evidence: Evidence) -> Check | None:
    """How the project's tests are run, or None if nothing shows it."""
    return _first(_TESTS, evidence)


def find_linter(evidence: Evidence) -> Check | None:
    """How the project is linted, or None if nothing shows it."""
    return _first(_LINTERS, evidence)


def missing_programs(checks: Iterable[Check | None]) -> list[str]:
    """The programs of the checks that are not on PATH."""
    programs = dict.fromkeys(check.argv[0] for check in checks if check is not None)
    return [program for program in programs if shutil.which(program) is None]


def _first(rules: Iterable[Rule], evidence: Evidence) -> Check | None:
    for rule in rules:
        because = rule.because(evidence)
        if because is not None:
            argv = (*_python_prefix(evidence), *rule.argv) if rule.python else rule.argv
            return Check(rule.name, argv, because)
    return None


def _python_prefix(evidence: Evidence) -> tuple[str, ...]:
    """What starts a command inside the project's own Python environment."""
    if evidence.has("uv.lock"):
        return ("uv", "run")
    return ("poetry", "run") if evidence.has("poetry.lock") else ()


def _files(*names: str) -> Callable[[Evidence], str | None]:
    return lambda evidence: next((name for name in names if evidence.has(name)), None)


def _npm_script(name: str) -> Callable[[Evidence], str | None]:
    return lambda evidence: "package.json" if evidence.npm_script(name) else None


def _make_target(name: str) -> Callable[[Evidence], str | None]:
    return lambda evidence: "Makefile" if evidence.make_target(name) else None


def _pytest(evidence: Evidence) -> str | None:
    if evidence.has("pytest.ini", ".pytest.ini", "conftest.py", "tests/conftest.py"):
        return _files("pytest.ini", ".pytest.ini", "conftest.py", "tests/conftest.py")(evidence)
    if evidence.pyproject_tool("pytest"):
        return "pyproject.toml"
    for name, heading in (("setup.cfg", "tool:pytest"), ("tox.ini", "pytest")):
        if evidence.section(name, heading):
            return name
    return next((name for name in evidence.python_tests() if "import pytest" in evidence.text(name)), None)


def _unittest(evidence: Evidence) -> str | None:
    return next((name for name in evidence.python_tests() if "unittest" in evidence.text(name)), None)


def _python_files(evidence: Evidence) -> str | None:
    return next(iter(evidence.python_tests()), None)


def _ruff(evidence: Evidence) -> str | None:
    return "pyproject.toml" if evidence.pyproject_tool("ruff") else _files("ruff.toml", ".ruff.toml")(evidence)


def _flake8(evidence: Evidence) -> str | None:
    named = next((name for name in ("setup.cfg", "tox.ini") if evidence.section(name, "flake8")), None)
    return ".flake8" if evidence.has(".flake8") else named


_GOLANGCI = (".golangci.yml", ".golangci.yaml", ".golangci.toml", ".golangci.json")
_ESLINT = (
    "eslint.config.js",
    "eslint.config.mjs",
    "eslint.config.cjs",
    "eslint.config.ts",
    ".eslintrc",
    ".eslintrc.js",
    ".eslintrc.cjs",
    ".eslintrc.json",
    ".eslintrc.yml",
    ".eslintrc.yaml",
)

_TESTS = (
    Rule("pytest", ("python3", "-m", "pytest"), _pytest, python=True),
    Rule("nox", ("nox",), _files("noxfile.py")),
    Rule("tox", ("tox",), _files("tox.ini")),
    Rule("unittest", ("python3", "-m", "unittest"), _unittest, python=True),
    Rule("pytest", ("python3", "-m", "pytest"), _python_files, python=True),
    Rule("npm", ("npm", "test"), _npm_script("test")),
    Rule("cargo", ("cargo", "test"), _files("Cargo.toml")),
    Rule("go", ("go", "test", "./..."), _files("go.mod")),
    Rule("make", ("make", "test"), _make_target("test")),
)
_LINTERS = (
    Rule("ruff", ("ruff", "check", "."), _ruff, python=True),
    Rule("flake8", ("flake8",), _flake8, python=True),
    Rule("npm lint", ("npm", "run", "lint"), _npm_script("lint")),
    Rule("eslint", ("npx", "--no-install", "eslint", "."), _files(*_ESLINT)),
    Rule("clippy", ("cargo", "clippy", "--", "-D", "warnings"), _files("Cargo.toml")),
    Rule("golangci-lint", ("golangci-lint", "run"), _files(*_GOLANGCI)),
    Rule("go vet", ("go", "vet", "./..."), _files("go.mod")),
    Rule("make lint", ("make", "lint"), _make_target("lint")),
)
