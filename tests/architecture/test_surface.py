"""What each package exports is a decision: the lists stand in surface.toml and change only on purpose."""

import ast
import importlib
import tomllib
from pathlib import Path

SURFACE = tomllib.loads((Path(__file__).parent / "surface.toml").read_text(encoding="utf-8"))


def test_exports_are_those_on_record(package):
    exported = sorted(getattr(importlib.import_module(package.name), "__all__", []))
    assert exported == sorted(SURFACE.get(package.name, []))


def test_every_module_says_what_it_exports(package):
    silent = [
        path.relative_to(package.folder).as_posix()
        for path in package.modules()
        if path.name not in {"__init__.py", "__main__.py"}
        and not any(
            isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "__all__" for target in node.targets)
            for node in ast.parse(path.read_text(encoding="utf-8")).body
        )
    ]
    assert not silent


def test_no_module_has_a_name_that_says_nothing(package):
    banned = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager", "service"}
    assert not [path for path in package.modules() if path.stem.strip("_") in banned]


def test_type_information_ships_with_every_package(package):
    assert (package.folder / "src" / package.name / "py.typed").is_file()
