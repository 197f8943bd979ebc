"""No agent is offered what a person decides, and what is no tool has a reason."""

from animus_cli.exposure import EXPOSED
from animus_transport_mcp.exposure import NOT_TOOLS
from animus_transport_mcp.tool import tools


def test_only_what_programs_are_offered_is_kept_from_agents():
    assert set(NOT_TOOLS) <= set(EXPOSED)


def test_agent_is_not_offered_its_own_gate():
    offered = set(tools())
    assert not offered & {"workflow_phase_approve", "workflow_phase_reject", "daemon_stop", "trigger_fire"}
    assert set(tools(management=True)) > offered | {"workflow_phase_approve", "workflow_phase_reject"}
