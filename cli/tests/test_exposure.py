"""Every operation is offered to programs or has a reason not to be, and the table agrees with the audit log."""

from animus_cli.exposure import EXPOSED, UNEXPOSED, Effect
from animus_control.audit import is_change
from animus_control.operations import OPERATIONS


def test_every_operation_is_offered_or_has_a_reason_not_to_be():
    assert set(EXPOSED) | set(UNEXPOSED) == set(OPERATIONS)
    assert not set(EXPOSED) & set(UNEXPOSED)


def test_what_reads_is_what_the_audit_log_does_not_write_down():
    changing = {name for name, exposure in EXPOSED.items() if exposure.effect is not Effect.READS}
    assert changing == set(filter(is_change, EXPOSED))


def test_what_decides_in_a_persons_place_is_management():
    plain = {name for name, exposure in EXPOSED.items() if not exposure.is_management}
    assert not plain & {"workflow/phase/approve", "workflow/answer", "daemon/stop", "plugin/call", "subject/delete"}
