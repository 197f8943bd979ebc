import pytest

from animus_workflow_runner_default.authoring.cron import cron_fault
from animus_workflow_runner_default.authoring.model import Schedule, Trigger

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


def test_schedule_says_everything_the_clock_needs(load_text, warnings_of):
    text = FLOW + (
        "schedules:\n  - {id: s, cron: '0 8 * * *', workflow_ref: W, description: d, input: {a: 1}, vars: {n: v},"
        " timezone: Europe/Berlin, active_hours: '22:00-06:00', catch_up: all, subject: 'task:TASK-1', title: T,"
        " priority: high}\n  - {id: e, every: 90m, workflow_ref: w, enabled: false}\n"
    )
    full, every = load_text(text).config.schedules
    assert full == Schedule(
        id="s",
        cron="0 8 * * *",
        workflow_ref="W",
        description="d",
        input={"a": 1},
        vars={"n": "v"},
        timezone="Europe/Berlin",
        active_hours="22:00-06:00",
        catch_up="all",
        subject="task:TASK-1",
        title="T",
        priority="high",
    )
    assert (every.every_secs, every.cron, every.enabled, every.disabled_reason) == (5_400, None, False, None)
    assert (every.timezone, every.catch_up) == ("UTC", "fire_once")
    assert warnings_of(text) == []


def test_name_of_a_schedule_is_the_title_where_there_is_none(load_text):
    text = FLOW + "schedules:\n  - {id: s, every: 1h, workflow_ref: w, name: N}\n"
    text += "  - {id: t, every: 1h, workflow_ref: w, name: N, title: T}\n"
    assert [schedule.title for schedule in load_text(text).config.schedules] == ["N", "T"]


def test_hours_and_zone_of_the_daemon_are_those_of_schedules_and_triggers_without_their_own(load_text):
    config = load_text(
        FLOW
        + "daemon: {active_hours: '08:00-18:00', timezone: Asia/Tokyo}\n"
        + "schedules:\n  - {id: s, every: 60, workflow_ref: w}\n"
        + "  - {id: own, every: 60, workflow_ref: w, active_hours: '00:00-24:00', timezone: UTC}\n"
        + "triggers:\n  - {id: t, type: plugin, workflow_ref: w}\n"
    ).config
    hours = [(item.active_hours, item.timezone) for item in (*config.schedules, *config.triggers)]
    assert hours == [("08:00-18:00", "Asia/Tokyo"), ("00:00-24:00", "UTC"), ("08:00-18:00", "Asia/Tokyo")]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("", "4:5: a schedule has either 'cron' or 'every'"),
        (", cron: '@daily', every: 1h", "4:5: a schedule has either 'cron' or 'every'"),
        (", every: soon", "4:37: 'every' is 'soon'; write a length like 90s, 30m, 2h or 1d"),
        (", every: 0", "4:37: 'every' is 0; write a length like 90s, 30m, 2h or 1d"),
        (
            ", every: 1h, timezone: Europe/Berln",
            "4:51: unknown time zone 'Europe/Berln'; use a name like 'Europe/Berlin'",
        ),
        (
            ", every: 1h, active_hours: '25:00-6'",
            "4:55: 'active_hours' is '25:00-6'; write it as HH:MM-HH:MM, like \"22:00-06:00\"",
        ),
        (", every: 1h, subject: TASK-1", "4:50: 'subject' is 'TASK-1'; write it as kind:id"),
        (
            ", every: 1h, claims: [x]",
            "4:41: schedule key 'claims' is refused: a schedule acts as the project's daemon, as nobody else",
        ),
        (
            ", every: 1h, command: ls",
            "4:41: unknown schedule key 'command'; a schedule dispatches a workflow; put the command into a phase",
        ),
    ],
)
def test_schedule_that_cannot_be_kept_is_refused_where_it_stands(errors_of, keys, message):
    assert errors_of(FLOW + f"schedules:\n  - {{id: s, workflow_ref: w{keys}}}\n") == [f"flow.yaml:{message}"]


def test_schedule_of_no_workflow_is_switched_off_with_a_warning(load_text, warnings_of):
    text = FLOW + "schedules:\n  - {id: s, cron: '0 8 * * *', workflow_ref: x}\n"
    (schedule,) = load_text(text).config.schedules
    assert (schedule.enabled, schedule.disabled_reason) == (False, "there is no usable workflow 'x'")
    assert warnings_of(text) == ["flow.yaml:4:46: 's' is switched off: there is no usable workflow 'x'; known: w"]


def test_schedule_with_a_wrong_cron_is_an_error(errors_of):
    text = FLOW + "schedules:\n  - {id: s, cron: '0 8 * *', workflow_ref: w}\n"
    assert errors_of(text)[0].startswith("flow.yaml:4:19: 'cron' is '0 8 * *': it has 4 fields")


def test_trigger_is_carried(load_text):
    text = FLOW + "triggers:\n  - {id: t, type: webhook, workflow_ref: w, config: {secret_env: S}}\n"
    (trigger,) = load_text(text).config.triggers
    expected = {"secret_env": "S", "max_triggers_per_minute": 10, "events": []}
    assert (trigger.type, trigger.config, trigger.enabled) == ("webhook", expected, True)


def test_trigger_says_everything_a_dispatch_needs(load_text):
    text = FLOW + (
        "triggers:\n  - {id: t, type: github_webhook, workflow_ref: w, enabled: false, input: {a: 1}, vars: {n: v},"
        " priority: low, description: d, active_hours: '08:00-09:00', timezone: Asia/Tokyo, config: {events: [push]}}\n"
    )
    (trigger,) = load_text(text).config.triggers
    assert trigger == Trigger(
        id="t",
        type="github_webhook",
        workflow_ref="w",
        enabled=False,
        input={"a": 1},
        vars={"n": "v"},
        priority="low",
        description="d",
        active_hours="08:00-09:00",
        timezone="Asia/Tokyo",
        config={"max_triggers_per_minute": 10, "events": ["push"]},
    )


def test_settings_of_a_file_watcher_are_checked_and_filled_in(load_text, errors_of):
    text = FLOW + "triggers:\n  - {id: t, type: file_watcher, workflow_ref: w, config: CONFIG}\n"
    (trigger,) = load_text(text.replace("CONFIG", "{paths: ['src/**']}")).config.triggers
    assert trigger.config == {"paths": ["src/**"], "debounce_secs": 5, "ignore": []}
    for config, message in (
        ("{}", "config needs the key 'paths': a list that is not empty"),
        ("{paths: [../x]}", "'../x' leaves the project; paths are relative to it"),
        ("{paths: [x], path: [x]}", "unknown config key 'path'; did you mean 'paths'?"),
    ):
        assert message in errors_of(text.replace("CONFIG", config))[0]


def test_plugin_reads_its_own_settings(load_text):
    text = FLOW + "triggers:\n  - {id: t, type: plugin, workflow_ref: w, config: {plugin: cal, any: [1]}}\n"
    assert load_text(text).config.triggers[0].config == {"plugin": "cal", "any": [1]}
