"""Every public scenario has its tests, which are there, are run in every run of the suite, and assert something."""

import ast
import functools
import tomllib
from pathlib import Path

import pytest

TABLE = tomllib.loads(Path(__file__).with_name("scenarios.toml").read_text("utf-8"))
SCENARIOS = 40
OF_ANOTHER_TIER = {"ci", "soak", "skip", "xfail"}


@functools.cache
def functions_of(file: Path) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(file.read_text("utf-8"))
    functions = (item for item in tree.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef))
    return {item.name: item for item in functions if item.name.startswith("test_")}


def marks_of(test: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    return {node.attr for mark in test.decorator_list for node in ast.walk(mark) if isinstance(node, ast.Attribute)}


def expects(test: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    calls = (node.func for node in ast.walk(test) if isinstance(node, ast.Call))
    names = {call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in calls}
    return "raises" in names or any(isinstance(node, ast.Assert) for node in ast.walk(test))


def test_every_scenario_is_there_once():
    assert [row["number"] for row in TABLE["scenario"]] == list(range(1, SCENARIOS + 1))
    assert len({row["title"] for row in TABLE["scenario"]}) == SCENARIOS


@pytest.mark.parametrize("row", TABLE["scenario"], ids=lambda row: str(row["number"]))
def test_scenario_is_shown_by_tests_that_run_and_expect_something(root, row):
    assert row["tests"]
    for named in row["tests"]:
        file, _, name = named.partition("::")
        test = functions_of(root / file).get(name)
        assert test is not None, f"there is no {named}"
        assert expects(test), f"{named} expects nothing"
        assert not marks_of(test) & OF_ANOTHER_TIER, f"{named} is not run in every run of the suite"


@pytest.mark.parametrize("row", TABLE["family"], ids=lambda row: Path(row["file"]).stem)
def test_family_of_the_runner_has_tests(root, row):
    assert functions_of(root / row["file"])
