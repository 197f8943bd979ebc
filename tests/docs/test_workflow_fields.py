"""No field of a workflow file is accepted and ignored: each is shown to be honoured by a test, or is refused."""

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def table():
    path = Path(__file__).with_name("workflow_fields.py")
    spec = importlib.util.spec_from_file_location("workflow_fields", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_field_is_honoured_by_a_test_or_refused(table):
    shown = table.mapping()
    open_fields = [
        f"{table.name_of(shape)}.{key}" for shape, key in table.fields() if not table.fate(shape, key, shown)
    ]
    assert open_fields == []


def test_every_test_that_is_named_exists(table):
    named = table.tests_named()
    assert named - table.known_tests({name.partition("::")[0] for name in named}) == set()


def test_nothing_is_mapped_that_is_no_field(table):
    known = {(table.name_of(shape), key) for shape, key in table.fields()}
    assert {(shape, key) for shape, keys in table.mapping().items() for key in keys} - known == set()


def test_page_is_what_the_table_says_now(table):
    assert table.PAGE.read_text("utf-8") == table.render(), "run: python tests/docs/workflow_fields.py"
