"""The workspace as the architecture tests see it: packages, their modules and the imports in them."""

import ast
import functools
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Package(NamedTuple):
    name: str
    folder: Path
    may_import: frozenset[str]
    third_party: frozenset[str]

    def modules(self) -> list[Path]:
        return sorted((self.folder / "src" / self.name).rglob("*.py"))


def load_packages() -> list[Package]:
    table: dict[str, Any] = tomllib.loads((Path(__file__).parent / "packages.toml").read_text(encoding="utf-8"))
    return [
        Package(name, ROOT / row["folder"], frozenset(row["may_import"]), frozenset(row["third_party"]))
        for name, row in table.items()
    ]


@functools.cache
def imported_names(path: Path) -> tuple[str, ...]:
    """The dotted names a module imports, at any depth of its code."""
    return tuple(_imported_names(path))


def _imported_names(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module


@pytest.fixture(params=load_packages(), ids=lambda package: package.name)
def package(request: pytest.FixtureRequest) -> Package:
    return request.param


@pytest.fixture
def packages() -> list[Package]:
    return load_packages()


@pytest.fixture
def root() -> Path:
    return ROOT


@pytest.fixture
def imports_of() -> Any:
    return imported_names
