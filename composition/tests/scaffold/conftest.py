"""Repositories of several kinds, as their files."""

import json

import pytest

REPOSITORIES = {
    "pytest-ruff": {"pyproject.toml": "[tool.pytest.ini_options]\n[tool.ruff]\nline-length = 100\n"},
    "uv-pytest": {"pyproject.toml": "[tool.pytest]\n", "uv.lock": "", "ruff.toml": ""},
    "unittest-flake8": {"tests/test_a.py": "import unittest\n", "setup.cfg": "[flake8]\n"},
    "tox": {"tox.ini": "[tox]\nenvlist = py311\n"},
    "nox": {"noxfile.py": "import nox\n", "tox.ini": "[tox]\n"},
    "npm-eslint": {"package.json": json.dumps({"scripts": {"test": "vitest run"}}), "eslint.config.js": ""},
    "npm-scripts": {"package.json": json.dumps({"scripts": {"test": "jest", "lint": "eslint ."}})},
    "cargo": {"Cargo.toml": "[package]\nname = 'x'\n"},
    "go-golangci": {"go.mod": "module x\n", ".golangci.yml": "run: {}\n"},
    "make": {"Makefile": ".PHONY: test\ntest: build\n\tcc test.c\nlint:\n\tcppcheck .\n"},
    "nothing": {"README.md": "# x\n"},
}


@pytest.fixture(params=REPOSITORIES)
def repository(request, tmp_path):
    """The name of a kind of repository, and one of it."""
    return request.param, laid_out(tmp_path, REPOSITORIES[request.param])


@pytest.fixture
def lay_out():
    """Writes files into a folder: ``lay_out(root, {"name": "text"})``."""
    return laid_out


def laid_out(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root
