"""Limits of plugins: the project's word before the flavor's before what holds for all."""

from pathlib import Path

import pytest

from animus_composition.flavor import Flavor
from animus_composition.limits import PluginLimits, care_of
from animus_composition.settings import DaemonSettings, load_settings
from animus_control.errors import ControlError
from animus_plugin_runtime import Candidate

MIB = 1024 * 1024


@pytest.fixture
def candidate():
    return Candidate(name="provider-x", source="user", argv=("x",), path=Path("x"), fingerprint="")


def flavor(**limits):
    named = {"provider-x": PluginLimits(**limits)} if limits else {}
    return Flavor(schema="animus.flavor.v1", id="f", version="1", title="F", roles={}, limits=named)


def test_what_holds_for_all_holds_where_nobody_says_otherwise(candidate):
    settings = DaemonSettings(plugin_memory_mib=100, plugin_cpu_cores=2.0, plugin_idle_seconds=60)
    care = care_of(candidate, flavor(), settings, is_needed=False)
    assert (care.memory_bytes, care.cpu_cores, care.idle_seconds) == (100 * MIB, 2.0, 60)


def test_project_wins_over_flavor_and_flavor_over_what_holds_for_all(candidate):
    own = {"provider-x": PluginLimits(cpu_cores=0.5)}
    settings = DaemonSettings(plugin_memory_mib=100, plugin_cpu_cores=2.0, plugins=own)
    care = care_of(candidate, flavor(cpu_cores=4.0, memory_mib=200), settings, is_needed=False)
    assert (care.memory_bytes, care.cpu_cores) == (200 * MIB, 0.5)


@pytest.mark.parametrize(
    ("said", "is_needed", "stays"),
    [(None, True, True), (None, False, False), (True, False, True), (False, True, False)],
)
def test_plugin_stays_if_it_is_needed_or_said_to(candidate, said, is_needed, stays):
    settings = DaemonSettings(plugins={"provider-x": PluginLimits(resident=said)})
    care = care_of(candidate, flavor(), settings, is_needed=is_needed)
    assert (care.idle_seconds is None) is stays


def test_limits_are_read_from_the_manifest_and_a_wrong_one_is_named(project):
    project.manifest_path.write_text("[daemon.plugins.provider-x]\ncpu_cores = 1.5\nresident = true\n")
    assert load_settings(project).plugins == {"provider-x": PluginLimits(cpu_cores=1.5, resident=True)}
    project.manifest_path.write_text("[daemon.plugins.provider-x]\ncpu_coers = 1.5\n")
    with pytest.raises(ControlError, match="cpu_coers"):
        load_settings(project)
