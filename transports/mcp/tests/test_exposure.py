"""Every operation is a tool or has a reason not to be one, and no agent is offered what a person decides."""

from animus_control.operations import OPERATIONS
from animus_transport_mcp.exposure import EXPOSED, UNEXPOSED, Effect
from animus_transport_mcp.tool import tools


def test_every_operation_is_a_tool_or_has_a_reason_not_to_be_one():
    assert set(EXPOSED) | set(UNEXPOSED) == set(OPERATIONS)
    assert not set(EXPOSED) & set(UNEXPOSED)


def test_agent_is_not_offered_its_own_gate():
    offered = set(tools())
    assert not offered & {"workflow_phase_approve", "workflow_phase_reject", "daemon_stop", "trigger_fire"}
    assert set(tools(management=True)) > offered | {"workflow_phase_approve", "workflow_phase_reject"}


def test_what_reads_takes_nothing_that_changes():
    words = {name.rpartition("/")[2] for name, exposure in EXPOSED.items() if exposure.effect is Effect.READS}
    assert words <= {"status", "health", "events", "logs", "list", "get", "next", "stats", "history", "validate"} | {
        "info",
        "ping",
        "verify",
    }
