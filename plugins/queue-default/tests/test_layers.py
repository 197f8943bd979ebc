"""Who knows whom: the domain knows no protocol, and only one module asks the operating system."""

import ast
from pathlib import Path

import pytest

import animus_queue_default

ROOT = Path(animus_queue_default.__file__).parent
PACKAGE = "animus_queue_default"
MAY_IMPORT = {
    "model": {"model"},
    "state": {"model", "state"},
    "operations": {"model", "operations", "state"},
    "storage": {"model", "state", "storage"},
    "wire": {"model", "operations", "state", "storage", "wire"},
}
"""Beside these, any of them imports `clock` and `fault`."""
HARMLESS = {"os.urandom", "os.environ", "os.register_at_fork"}


def modules(layer):
    return sorted((ROOT / layer).glob("*.py"))


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("layer", sorted(MAY_IMPORT))
def test_a_layer_knows_only_those_below_it(layer):
    assert modules(layer)
    for path in modules(layer):
        own = [name.split(".")[1] for name in imported(path) if name.startswith(f"{PACKAGE}.")]
        assert set(own) <= MAY_IMPORT[layer] | {"clock", "fault"}, path.name


@pytest.mark.parametrize("layer", sorted(set(MAY_IMPORT) - {"wire"}))
def test_the_domain_knows_no_protocol(layer):
    for path in modules(layer):
        assert not [name for name in imported(path) if name.startswith("animus_plugin_protocol")], path.name


def test_one_module_asks_the_operating_system():
    found = set()
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            is_of_os = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os"
            if is_of_os and f"os.{node.attr}" not in HARMLESS:
                found.add(path.relative_to(ROOT).as_posix())
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open":
                found.add(path.relative_to(ROOT).as_posix())
    assert found == {"storage/files.py"}
