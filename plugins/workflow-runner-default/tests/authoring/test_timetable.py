import pytest

from animus_workflow_runner_default.authoring.timetable import cron_fault

FLOW = "workflows:\n  - {id: w, phases: [impl]}\n"


@pytest.mark.parametrize(
    "text", ["* * * * *", "*/5 0-6 1,15 * mon-fri", "0 9 * jan-mar 1", "@daily", "59 23 31 12 7", "0-30/5 * * * *"]
)
def test_cron_of_five_fields_or_a_shortcut_is_read(text):
    assert cron_fault(text) is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("* * * *", "it has 4 fields; cron takes 5: minute, hour, day of month, month, day of week"),
        ("60 * * * *", "'60' is not within 0-59 in the field 'minute'"),
        ("* 5-2 * * *", "'5-2' runs backwards in the field 'hour'"),
        ("*/0 * * * *", "the step of '*/0' is zero in the field 'minute'"),
        ("* * * foo *", "'foo' is not within 1-12 in the field 'month'"),
        ("a b c d e", "'a' cannot be read in the field 'minute'"),
        ("@dayly", "unknown shortcut; did you mean '@daily'?"),
    ],
)
def test_cron_that_cannot_be_read_says_where(text, fault):
    assert cron_fault(text) == fault


def test_schedule_is_carried_with_a_note_that_it_has_no_effect_yet(load_text, warnings_of):
    text = FLOW + "schedules:\n  - {id: s, cron: '0 8 * * *', workflow_ref: W, description: d, input: {a: 1}}\n"
    (schedule,) = load_text(text).config.schedules
    assert (schedule.id, schedule.enabled, schedule.input, schedule.description) == ("s", True, {"a": 1}, "d")
    assert warnings_of(text) == ["flow.yaml:3:1: the top-level key 'schedules' has no effect yet"]


def test_schedule_of_no_workflow_is_switched_off_with_a_warning(load_text, warnings_of):
    text = FLOW + "schedules:\n  - {id: s, cron: '0 8 * * *', workflow_ref: x}\n"
    assert [schedule.enabled for schedule in load_text(text).config.schedules] == [False]
    assert warnings_of(text)[1] == "flow.yaml:4:46: 's' is switched off: there is no usable workflow 'x'; known: w"


def test_schedule_with_a_wrong_cron_is_an_error(errors_of):
    text = FLOW + "schedules:\n  - {id: s, cron: '0 8 * *', workflow_ref: w}\n"
    assert errors_of(text)[0].startswith("flow.yaml:4:19: 'cron' is '0 8 * *': it has 4 fields")


def test_trigger_is_carried(load_text):
    text = FLOW + "triggers:\n  - {id: t, type: webhook, workflow_ref: w, config: {secret_env: S}}\n"
    (trigger,) = load_text(text).config.triggers
    assert (trigger.type, trigger.config, trigger.enabled) == ("webhook", {"secret_env": "S"}, True)
