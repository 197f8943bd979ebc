"""The text that Prometheus reads."""

from animus_control.metrics import Metric, describe, render
from animus_plugin_protocol.wire.control import DaemonHealthResult, DaemonStatusResult, PluginHealth


def test_metric_has_help_type_and_a_line_for_each_sample():
    metric = Metric("animus_runs", "gauge", "Runs by state.", [({"state": "running"}, 2), ({"state": "parked"}, 0.5)])
    assert render([metric]) == (
        "# HELP animus_runs Runs by state.\n"
        "# TYPE animus_runs gauge\n"
        'animus_runs{state="running"} 2\n'
        'animus_runs{state="parked"} 0.5\n'
    )


def test_labels_cannot_break_out_of_their_line():
    metric = Metric("m", "gauge", "a\nb", [({"l": 'x"y\\z\n'}, 1)])
    assert render([metric]).splitlines() == ["# HELP m a\\nb", "# TYPE m gauge", 'm{l="x\\"y\\\\z\\n"} 1']


def test_metric_without_samples_is_left_out_and_labels_may_be_none():
    assert render([Metric("m", "gauge", "a", []), Metric("n_total", "counter", "b", [({}, 3)])]) == (
        "# HELP n_total b\n# TYPE n_total counter\nn_total 3\n"
    )


def test_daemon_and_its_plugins_are_described():
    status = DaemonStatusResult(running=True, uptime_seconds=1.5, active_runs=2)
    ready = PluginHealth(name="q", kinds=["queue"], status="ready", memory_bytes=7, frames=3, restarts=1)
    down = PluginHealth(name="r", kinds=[], status="backoff")
    health = DaemonHealthResult(status="degraded", plugins=[ready, down])
    text = render(describe(status, health, {"run_started": 4}, {"cpu_seconds_total": 0.25}))
    for line in (
        "animus_daemon_uptime_seconds 1.5",
        "# TYPE animus_cpu_seconds_total counter",
        'animus_runs{state="active"} 2',
        'animus_events_total{kind="run_started"} 4',
        'animus_plugin_up{plugin="q"} 1',
        'animus_plugin_up{plugin="r"} 0',
        'animus_plugin_restarts_total{plugin="q"} 1',
        'animus_plugin_frames_total{plugin="q"} 3',
    ):
        assert line in text.splitlines()
    assert 'memory_bytes{plugin="r"}' not in text


def test_further_processes_of_a_plugin_are_told_apart():
    rows = [PluginHealth(name="provider-x", kinds=["provider"], status="ready") for _ in range(3)]
    text = render(
        describe(DaemonStatusResult(running=True), DaemonHealthResult(status="healthy", plugins=rows), {}, {})
    )
    lines = [line for line in text.splitlines() if line.startswith("animus_plugin_up")]
    assert lines == [
        'animus_plugin_up{plugin="provider-x"} 1',
        'animus_plugin_up{plugin="provider-x",process="2"} 1',
        'animus_plugin_up{plugin="provider-x",process="3"} 1',
    ]
