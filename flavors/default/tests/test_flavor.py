"""What the wheel promises, read as a host reads it: found without import, parsed as data."""

import re
import tomllib
from importlib.metadata import entry_points, metadata, requires
from importlib.util import find_spec
from pathlib import Path

import pytest

SECTIONS = {
    "queue",
    "workflow_runner",
    "config_source",
    "workflow_journal",
    "subjects",
    "providers",
    "triggers",
    "transports",
    "packs",
}
WITHOUT_A_ROLE = {"packs", "transports", "triggers"}
SINGLETONS = {
    "queue",
    "workflow_runner",
    "config_source",
    "workflow_journal",
    "subject_backend:task",
    "subject_backend:requirement",
}


@pytest.fixture
def flavor():
    (found,) = entry_points(group="animus.flavors", name="default")
    spec = find_spec(found.value)
    return tomllib.loads((Path(spec.origin).parent / "flavor.toml").read_text(encoding="utf-8"))


@pytest.fixture
def dependencies():
    return {re.split(r"[\s=<>!~;\[]", line, maxsplit=1)[0] for line in requires("animus-flavor-default") or []}


def test_flavor_is_known_by_the_name_of_its_entry_point(flavor):
    assert (flavor["schema"], flavor["id"]) == ("animus.flavor.v1", "default")
    assert flavor["version"] == metadata("animus-flavor-default")["Version"]


def test_flavor_has_only_what_its_readme_defines(flavor):
    assert set(flavor) == {"schema", "id", "version", "title", "description", "roles"} | SECTIONS
    assert all(set(flavor[section]) == {"required"} for section in SECTIONS)


def test_installing_the_wheel_installs_what_the_flavor_requires(flavor, dependencies):
    required = {name for section in SECTIONS for name in flavor[section]["required"]}
    assert required == dependencies - {"animus-cli"}


def test_every_role_is_bound_to_a_plugin_that_a_section_requires(flavor):
    roles = flavor["roles"]
    assert set(roles) == SINGLETONS | {"provider"}
    bound = {roles[name] for name in SINGLETONS} | set(roles["provider"])
    required = {name for section in SECTIONS - WITHOUT_A_ROLE for name in flavor[section]["required"]}
    assert {f"animus-{name}" for name in bound} == required


def test_every_bound_plugin_is_an_installed_entry_point(flavor):
    installed = {found.name for found in entry_points(group="animus.plugins")}
    bound = [value for value in flavor["roles"].values() if isinstance(value, str)] + flavor["roles"]["provider"]
    assert set(bound) <= installed
