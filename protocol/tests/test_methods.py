"""The method table is complete and consistent."""

import importlib
from typing import Any

import msgspec
import pytest

from animus_plugin_protocol import methods
from animus_plugin_protocol.methods import BOTH_WAYS, METHODS, NOTIFICATION, REQUEST, TO_HOST, TO_PLUGIN


@pytest.mark.parametrize("row", METHODS.values(), ids=METHODS.keys())
def test_a_row_names_types_that_exist(row):
    for found in (row.params_type(), row.result_type()):
        assert found is None or found is Any or issubclass(found, msgspec.Struct)
    assert row.shape in {REQUEST, NOTIFICATION}
    assert row.direction in {TO_PLUGIN, TO_HOST, BOTH_WAYS}
    assert row.is_request == (row.shape == REQUEST)
    if row.shape == NOTIFICATION:
        assert row.result is None
    if row.params not in {None, methods.ANY}:
        assert row.params_type().__name__.endswith(
            "Note" if (row.direction == TO_HOST and not row.is_request) or row.name == methods.HOST_NOTE else "Params"
        )


def test_each_method_has_one_constant_and_each_constant_one_method():
    other = {methods.EVERY_KIND, REQUEST, NOTIFICATION, TO_PLUGIN, TO_HOST, BOTH_WAYS, methods.ANY}
    constants = [
        value
        for name, value in vars(methods).items()
        if name.isupper() and not name.startswith("_") and isinstance(value, str)
    ]
    assert sorted(value for value in constants if value not in other) == sorted(METHODS)


def test_every_kind_of_the_table_has_a_contract_version():
    kinds = {row.kind for row in METHODS.values()} - {methods.EVERY_KIND}
    assert kinds == set(methods.CRATE_VERSIONS)


def test_a_subject_method_may_be_called_by_kind():
    assert methods.method_named("task/get", subject_kinds=("task",)) is METHODS[methods.SUBJECT_GET]
    assert methods.method_named("task/get") is None
    assert methods.method_named("task/nothing", subject_kinds=("task",)) is None
    assert methods.method_named("task", subject_kinds=("task",)) is None
    assert methods.method_named("queue/stats", subject_kinds=("queue",)) is METHODS[methods.QUEUE_STATS]
    assert methods.subject_verb("task", methods.SUBJECT_GET) == "task/get"


def test_no_kind_module_is_imported_before_its_types_are_wanted():
    """The table names types by text; a plugin pays for the kinds it serves."""
    assert all(isinstance(row.params, str | None) for row in METHODS.values())
    assert importlib.import_module("animus_plugin_protocol.methods") is methods
