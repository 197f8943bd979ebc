"""Which class of routing serves which phase, and what it brings."""

import pytest

from animus_workflow_runner_default.authoring.model import (
    Capabilities,
    CompiledConfig,
    Phase,
    Routing,
    RoutingTable,
    Runtime,
)
from animus_workflow_runner_default.authoring.project import routing_table
from animus_workflow_runner_default.authoring.project_shapes import PhaseRoutingShape, RoutingShape
from animus_workflow_runner_default.phases.phase_routing import routed

CLASSES = {
    "research": {"is_research": True},
    "ui_ux": {"is_ui_ux": True},
    "file_edit": {"writes_files": True},
    "global": {},
}


def shape() -> PhaseRoutingShape:
    keys = {}
    for name in CLASSES:
        keys |= {f"{name}_tool": f"t-{name}", f"{name}_model": f"m-{name}", f"{name}_fallback_models": [f"f-{name}"]}
    return PhaseRoutingShape(**keys)


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_gives_its_tool_model_and_fallbacks_to_its_phases(name):
    phase = Phase(id="p", mode="agent", capabilities=Capabilities(**CLASSES[name]))
    runtime = routed(phase, CompiledConfig(phase_routing=routing_table(shape())), None).runtime
    assert runtime is not None
    assert (runtime.tool, runtime.model, runtime.fallback_models) == (f"t-{name}", f"m-{name}", [f"f-{name}"])


@pytest.mark.parametrize(
    ("capability", "expected"),
    [
        ("is_research", "research"),
        ("is_requirements", "research"),
        ("is_ui_ux", "ui_ux"),
        ("writes_files", "file_edit"),
        ("mutates_state", "file_edit"),
        ("is_testing", "file_edit"),
        ("is_review", "global"),
    ],
)
def test_class_of_a_phase_is_told_by_its_capabilities(capability, expected):
    phase = Phase(id="p", mode="agent", capabilities=Capabilities(**{capability: True}))
    runtime = routed(phase, CompiledConfig(phase_routing=routing_table(shape())), None).runtime
    assert runtime is not None
    assert runtime.tool == f"t-{expected}"


def test_phase_of_its_own_is_served_by_its_id_over_its_definition():
    given = RoutingShape(tool="t", model="m", fallback_models=["f"])
    table = routing_table(PhaseRoutingShape(per_phase={"p": given}))
    assert table == RoutingTable(per_phase={"p": Routing(tool="t", model="m", fallback_models=["f"])})
    phase = Phase(id="p", mode="agent", runtime=Runtime(tool="mine", model="n", timeout_secs=5))
    runtime = routed(phase, CompiledConfig(phase_routing=table), None).runtime
    assert runtime == Runtime(tool="t", model="m", fallback_models=["f"], timeout_secs=5)


def test_phase_that_names_its_tool_is_left_alone_by_classes():
    phase = Phase(id="p", mode="agent", runtime=Runtime(tool="mine"))
    assert routed(phase, CompiledConfig(phase_routing=routing_table(shape())), None) == phase
