"""Plugins in other languages pass core and faults: the judge asks for nothing that Python alone has."""

import shutil
from pathlib import Path

import pytest

from animus_conformance import REQUIREMENTS, Status, run_checks

PROGRAMS = Path(__file__).with_name("programs")
COMMON = [requirement for requirement in REQUIREMENTS if requirement.kind is None]


def failures(program, file, requirements):
    found = run_checks([program, str(PROGRAMS / file)], requirements)
    return {outcome.requirement_id: outcome.detail for outcome in found if outcome.status is not Status.PASSED}


@pytest.mark.ci
@pytest.mark.parametrize(("program", "file"), [("bash", "plugin.sh"), ("node", "plugin.mjs")])
def test_plugin_in_another_language_passes_core(program, file):
    path = shutil.which(program)
    assert path is not None, f"{program} is not installed"
    assert not failures(path, file, [requirement for requirement in COMMON if requirement.suite == "core"])


@pytest.mark.ci
def test_plugin_for_node_passes_faults():
    path = shutil.which("node")
    assert path is not None, "node is not installed"
    assert not failures(path, "plugin.mjs", [requirement for requirement in COMMON if requirement.suite == "faults"])
