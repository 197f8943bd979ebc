"""Which checks are found in a repository."""

import json

import pytest

from animus_composition.scaffold.checks import find_linter, find_tests
from animus_composition.scaffold.evidence import Evidence

EXPECTED = {
    "pytest-ruff": ("python3 -m pytest", "ruff check ."),
    "uv-pytest": ("uv run python3 -m pytest", "uv run ruff check ."),
    "unittest-flake8": ("python3 -m unittest", "flake8"),
    "tox": ("tox", None),
    "nox": ("nox", None),
    "npm-eslint": ("npm test", "npx --no-install eslint ."),
    "npm-scripts": ("npm test", "npm run lint"),
    "cargo": ("cargo test", "cargo clippy -- -D warnings"),
    "go-golangci": ("go test ./...", "golangci-lint run"),
    "make": ("make test", "make lint"),
    "nothing": (None, None),
}


def command(check):
    return None if check is None else " ".join(check.argv)


def test_tests_and_linter_are_found(repository):
    name, root = repository
    evidence = Evidence(root)
    assert (command(find_tests(evidence)), command(find_linter(evidence))) == EXPECTED[name]


@pytest.mark.parametrize(
    "files",
    [
        {"package.json": json.dumps({"scripts": {"test": 'echo "Error: no test specified" && exit 1'}})},
        {"package.json": "{"},
        {"pyproject.toml": "[tool"},
        {"Makefile": "# test: nothing\ntests:\n"},
        {"setup.cfg": "[metadata]\n"},
    ],
)
def test_what_only_looks_like_tests_is_not_taken_for_them(files, tmp_path, lay_out):
    assert find_tests(Evidence(lay_out(tmp_path, files))) is None
